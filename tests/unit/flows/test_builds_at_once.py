"""How many engines build at a time, and what goes on beside them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from shipway.flows.builders import Queued
from shipway.flows.conduct import Conduct
from shipway.oci.manifest import Descriptor
from shipway.planning.plan import Choices
from shipway.ports import BuildRequest, Built
from shipway.registry.client import RegistryClient
from shipway.testing.builder import ScriptedBuilder
from shipway.testing.engine import AMD64, ScriptedEngine
from shipway.testing.harbour import Harbour
from shipway.values import Digest, Reference

# more than anything here takes: what waits for itself ends all the same
_PATIENCE = 60
AT = Reference.parse("example.com/a")
REQUEST = BuildRequest("a", b"FROM scratch\n", Path(), AMD64)


class Tells(ScriptedEngine):
    """Tells when the build of ``solo`` starts."""

    def __init__(self) -> None:
        super().__init__()
        self.solo_started = asyncio.Event()

    async def build(self, request: BuildRequest, on_line: Callable[[str], None]) -> str:
        if request.name == "solo":
            self.solo_started.set()
        return await super().build(request, on_line)


async def test_the_next_build_starts_while_an_image_is_delivered(harbour: Harbour) -> None:
    engine = harbour.engine = Tells()

    class Late(RegistryClient):
        """Takes ``base`` only when another build is under way."""

        async def copy(self, source: Reference, destination: Reference) -> Descriptor:
            if destination.repository == "shop/base":
                await engine.solo_started.wait()
            return await super().copy(source, destination)

    choices = Choices(frozenset({"base", "solo"}), engine="docker")
    async with asyncio.timeout(_PATIENCE):
        await harbour.ship(wrap=Late, conduct=Conduct(jobs=1, retries=0), choices=choices)
    assert harbour.states() == {"base": "delivered", "solo": "delivered"}
    assert engine.most_at_once == 1


@pytest.mark.parametrize(("jobs", "expected"), [(1, 1), (2, 8), (8, 8), (20, 20)])
def test_what_needs_no_engine_goes_on_beside_builds_unless_one_thing_at_a_time_is_wanted(
    jobs: int, expected: int
) -> None:
    assert Conduct(jobs=jobs).light_jobs == expected


async def test_what_could_not_be_assembled_waits_for_its_turn_to_be_built() -> None:
    running, most = 0, 0

    class Counts(ScriptedBuilder):
        async def build(self, *_: object) -> Built:
            nonlocal running, most
            running, most = running + 1, max(most, running + 1)
            await asyncio.sleep(0)
            running -= 1
            return Built(Descriptor("", str(Digest.of(b"")), 0), AT)

    inner, slots = Counts("docker"), asyncio.Semaphore(2)
    queued = [Queued(inner, slots) for _ in range(5)]
    await asyncio.gather(*(each.build(REQUEST, AT, AT, print) for each in queued))
    assert most == 2
    assert (queued[0].name, queued[0].bases_from) == ("docker", "destination")
    assert await queued[0].platforms() == (AMD64,)
    await queued[0].finish()
    assert inner.finished == 1
