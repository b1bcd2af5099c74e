"""Platforms by several builders: one index, in the declared order, wherever the parts were left."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from shipway.errors import BuildFailed
from shipway.fleet.builds import Builds
from shipway.fleet.load import load_fleet
from shipway.flows.builders import EngineBuilder
from shipway.flows.conduct import Conduct
from shipway.flows.deliver import deliver
from shipway.flows.outcome import Shipped
from shipway.flows.prepare import Sources, prepare
from shipway.flows.recipes import FileRecipes
from shipway.flows.recorder import Recorder
from shipway.flows.yard import Yard
from shipway.git import GitWorkingCopy
from shipway.host import SystemClock, SystemHost
from shipway.ledger.sqlite import SqliteLedger
from shipway.oci.manifest import Manifest
from shipway.planning.plan import Choices
from shipway.ports import Builder, Event
from shipway.registry.client import RegistryClient
from shipway.registry.config import RegistryConfig
from shipway.registry.staging import EmbeddedStaging
from shipway.testing.builder import ScriptedBuilder, ScriptedBuilders
from shipway.testing.engine import ScriptedEngine
from shipway.testing.registry import running_registry
from shipway.values import Platform, Reference

AMD64, ARM64 = Platform("linux", "amd64"), Platform("linux", "arm64")
FLEET = """\
registry: {destination}/shop
tag: "1"
images:
  base: {{context: base, platforms: [linux/amd64, linux/arm64]}}
  app: {{context: app, platforms: [linux/amd64, linux/arm64]}}
"""
Choose = Callable[[RegistryClient], dict[Platform, Builder]]


@dataclass
class Dock:
    """A fleet of two images for two platforms, its state, and the registry it is bound for."""

    directory: Path
    destination: str
    client: RegistryClient
    events: list[Event] = field(default_factory=list)

    def __post_init__(self) -> None:
        for name, base in (("base", "scratch"), ("app", f"{self.destination}/shop/base")):
            context = self.directory / "repo" / name
            context.mkdir(parents=True)
            (context / "Dockerfile").write_text(f"FROM {base}\nCOPY f /f\n")
            (context / "f").write_text(name)
        fleet = FLEET.format(destination=self.destination)
        (self.directory / "repo" / "shipway.yaml").write_text(fleet)

    async def ship(self, by_platform: dict[Platform, Builder], *names: str) -> Shipped:
        builds, clock = Builds(), SystemClock()
        fleet = load_fleet(self.directory / "repo", builds=builds)
        state = self.directory / "state"

        def recorder(run: int) -> Recorder:
            return Recorder(ledger, run, clock, state / "logs", self.events.append, lambda *_: None)

        def yard(events: Recorder) -> Yard:
            recipes = FileRecipes(fleet, {}, builds)
            builders = ScriptedBuilders(by_platform)
            return Yard(builders, self.client, staging, recipes, ledger, clock, events)

        with closing(SqliteLedger(state)) as ledger, EmbeddedStaging(state / "registry") as staging:
            copy = GitWorkingCopy(SystemHost())
            sources = Sources(ledger, clock, copy, staging, self.client, {}, AMD64, builds)
            prepared = await prepare(fleet, sources, Choices(frozenset(names)))
            return await deliver(
                prepared,
                command="ship",
                conduct=Conduct(retries=0),
                ledger=ledger,
                clock=clock,
                recorder=recorder,
                yard=yard,
            )

    async def index(self, image: str) -> Manifest:
        return await self.client.manifest(self.at(image))

    def at(self, image: str) -> Reference:
        return Reference.parse(f"{self.destination}/shop/{image}:1")


@pytest.fixture
def destination() -> Iterator[str]:
    with running_registry() as registry:
        yield registry.address


@pytest.fixture
async def dock(tmp_path: Path, destination: str) -> AsyncIterator[Dock]:
    client = RegistryClient(RegistryConfig(), SystemClock())
    yield Dock(tmp_path, destination, client)
    await client.close()


def local(dock: Dock, engine: ScriptedEngine | None = None) -> EngineBuilder:
    return EngineBuilder(engine or ScriptedEngine(), dock.client)


def platforms_of(index: Manifest) -> list[Platform | None]:
    return [child.parsed_platform for child in index.children]


async def test_an_engine_here_and_a_builder_elsewhere_give_one_index(dock: Dock) -> None:
    here, there = ScriptedEngine(), ScriptedBuilder(native=ARM64)
    shipped = await dock.ship({AMD64: local(dock, here), ARM64: there})
    assert shipped.error() is None
    for image in ("base", "app"):
        assert platforms_of(await dock.index(image)) == [AMD64, ARM64]
    assert [request.platform for request in here.builds] == [AMD64, AMD64]
    assert [request.platform for request in there.engine.builds] == [ARM64, ARM64]
    assert there.finished == 1


async def test_each_builder_gets_bases_from_where_it_can_reach_them(dock: Dock) -> None:
    here, there = ScriptedEngine(), ScriptedBuilder(native=ARM64)
    await dock.ship({AMD64: local(dock, here), ARM64: there})
    base = (await dock.index("base")).digest
    delivered = f"{dock.destination}/shop/base@{base}"
    assert delivered in there.engine.builds[1].dockerfile.decode()
    staged = here.builds[1].dockerfile.decode()
    assert f"/shop/base@{base}" in staged
    assert delivered not in staged


@pytest.mark.parametrize("last", [AMD64, ARM64], ids=str)
async def test_the_order_of_finishing_does_not_change_the_index(dock: Dock, last: Platform) -> None:
    done = asyncio.Event()
    first = ARM64 if last == AMD64 else AMD64
    builders = {platform: ScriptedBuilder(str(platform), platform) for platform in (AMD64, ARM64)}

    async def open_gate() -> None:
        done.set()

    builders[first].gate, builders[last].gate = open_gate, done.wait
    await dock.ship({AMD64: builders[AMD64], ARM64: builders[ARM64]}, "base")
    built = [event.data["platform"] for event in dock.events if event.kind == "build.done"]
    assert set(built) == {str(first), str(last)}
    assert platforms_of(await dock.index("base")) == [AMD64, ARM64]


async def test_a_platform_that_failed_never_replaces_the_index(dock: Dock) -> None:
    here, there = ScriptedEngine(), ScriptedBuilder(native=ARM64)
    await dock.ship({AMD64: local(dock, here), ARM64: there}, "base")
    before = (await dock.index("base")).digest
    (dock.directory / "repo" / "base" / "f").write_text("changed")
    there.engine.fail("base")
    shipped = await dock.ship({AMD64: local(dock, here), ARM64: there}, "base")
    assert isinstance(shipped.error(), BuildFailed)
    assert (await dock.index("base")).digest == before
    there.engine.broken.clear()
    built = len(here.builds)
    assert (await dock.ship({AMD64: local(dock, here), ARM64: there}, "base")).error() is None
    after = await dock.index("base")
    assert after.digest != before
    assert platforms_of(after) == [AMD64, ARM64]
    assert len(here.builds) == built, "the platform that did not fail is not built again"


async def test_platforms_of_one_engine_are_joined_before_they_leave_staging(dock: Dock) -> None:
    one = local(dock)
    assert (await dock.ship({AMD64: one, ARM64: one})).error() is None
    assert platforms_of(await dock.index("app")) == [AMD64, ARM64]


async def test_attestations_stand_in_the_index_and_are_no_platforms(dock: Dock) -> None:
    here, there = local(dock), ScriptedBuilder(native=ARM64, attests=True)
    assert (await dock.ship({AMD64: here, ARM64: there}, "base")).error() is None
    index = await dock.index("base")
    assert platforms_of(index) == [AMD64, ARM64, None]
    about = index.children[2].annotations or {}
    assert about["vnd.docker.reference.digest"] == index.children[1].digest
    (verified,) = (event for event in dock.events if event.kind == "readback.verified")
    assert verified.data["platforms"] == [str(AMD64), str(ARM64)]


async def test_the_attestation_of_a_single_platform_makes_an_index(dock: Dock) -> None:
    settings = dock.directory / "repo" / "shipway.yaml"
    settings.write_text(settings.read_text().replace("linux/amd64, ", ""))
    builder = ScriptedBuilder(native=ARM64, attests=True)
    assert (await dock.ship({ARM64: builder}, "base")).error() is None
    assert platforms_of(await dock.index("base")) == [ARM64, None]


async def test_attestations_are_copied_with_their_image(dock: Dock) -> None:
    builder = ScriptedBuilder(native=ARM64, attests=True)
    assert (await dock.ship({AMD64: local(dock), ARM64: builder}, "base")).error() is None
    index = await dock.index("base")
    elsewhere = Reference(dock.destination, "other/base", "1")
    await dock.client.copy(dock.at("base"), elsewhere)
    for child in index.children:
        assert await dock.client.head(elsewhere.with_digest(child.parsed_digest)) is not None
