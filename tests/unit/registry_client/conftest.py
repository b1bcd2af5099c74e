from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from shipway.testing.scripted_registry import Bench


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    """Clients and scripted servers that are closed with the test."""
    async with AsyncExitStack() as stack:
        yield Bench(stack)
