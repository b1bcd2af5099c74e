from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from shipway.testing.harbour import Harbour
from shipway.testing.registry import running_registry


@pytest.fixture
def destination() -> Iterator[str]:
    with running_registry() as registry:
        yield registry.address


@pytest.fixture
def harbour(tmp_path: Path, destination: str) -> Harbour:
    """A small fleet and all it takes to ship it."""
    return Harbour(tmp_path, destination)
