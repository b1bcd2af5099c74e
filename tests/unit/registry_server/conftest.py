from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest

from shipway.registry.server.embedded import EmbeddedRegistry
from shipway.testing.raw import RawRepository
from shipway.testing.registry import running_registry

_NUMBERS = itertools.count()


@pytest.fixture(scope="module")
def served() -> Iterator[EmbeddedRegistry]:
    """A registry that the tests of one module share."""
    with running_registry() as registry:
        yield registry


@pytest.fixture
def repository(served: EmbeddedRegistry) -> RawRepository:
    """A repository that no other test uses."""
    return RawRepository(served.address, f"test/repository-{next(_NUMBERS)}")
