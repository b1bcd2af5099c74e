"""A small fleet and all it takes to ship it within a test: a scripted engine, a real staging registry, a real
destination, a real ledger."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from shipway.evidence.keys import SigningKey
from shipway.fleet.builds import Builds
from shipway.fleet.load import load_fleet
from shipway.flows.builders import OneEngine
from shipway.flows.conduct import Conduct
from shipway.flows.deliver import deliver
from shipway.flows.outcome import Shipped
from shipway.flows.prepare import Prepared, Sources, prepare
from shipway.flows.prove import Prover
from shipway.flows.recipes import FileRecipes
from shipway.flows.recorder import Recorder
from shipway.flows.since import OpenPast
from shipway.flows.status import Status, read_status
from shipway.flows.yard import Yard
from shipway.git import GitWorkingCopy
from shipway.host import SystemClock, SystemHost
from shipway.ledger.sqlite import SqliteLedger
from shipway.oci.manifest import Descriptor
from shipway.planning.plan import Choices
from shipway.ports import Event, Registry
from shipway.registry.client import RegistryClient
from shipway.registry.config import RegistryConfig
from shipway.registry.staging import EmbeddedStaging
from shipway.testing.engine import AMD64, ScriptedEngine
from shipway.values import Reference

FILES = {
    "base/Dockerfile": "FROM scratch\nCOPY f /f\n",
    "mid/Dockerfile": "FROM {registry}/shop/base\nCOPY f /f\n",
    "top/Dockerfile": "FROM {registry}/shop/mid\nCOPY f /f\n",
    "solo/Dockerfile": "FROM scratch\nCOPY f /f\n",
}
NAMES = ("base", "mid", "top", "solo")
EVERYTHING = Choices()
IMPATIENT = Conduct(jobs=2, retries=0)
"""The conduct of tests: a failure is seen at once."""


class Harbour:
    """A fleet, a scripted engine, a real staging registry and a real destination.

    ``state`` is the directory of what this machine knows; another one makes it another machine. With
    ``attests`` evidence is left, signed with ``key`` where there is one.
    """

    def __init__(self, directory: Path, destination: str) -> None:
        self.root = directory / "repo"
        self.directory = directory
        self.state = directory / "state"
        self.destination = destination
        self.engine = ScriptedEngine()
        self.events: list[Event] = []
        self.status: Status | None = None
        self.attests = False
        self.key: SigningKey | None = None
        for path, text in FILES.items():
            file = self.root / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text.format(registry=destination))
            (file.parent / "f").write_text(path)
        images = "".join(f"  {name}: {{context: {name}}}\n" for name in NAMES)
        (self.root / "shipway.yaml").write_text(
            f"registry: {destination}/shop\ntag: '1'\ntags: [latest]\nimages:\n{images}"
        )

    def settings(self, text: str) -> None:
        """Add ``text`` to the end of the fleet file."""
        with (self.root / "shipway.yaml").open("a") as file:
            file.write(text)

    async def ship(
        self,
        *names: str,
        wrap: type[RegistryClient] = RegistryClient,
        conduct: Conduct = IMPATIENT,
        force: bool = False,
        choices: Choices | None = None,
    ) -> Shipped:
        """One run, by a client of the class ``wrap``; ``status`` shows it afterwards."""
        builds = Builds()
        fleet = load_fleet(self.root, builds=builds)
        ledger = SqliteLedger(self.state)
        clock, host = SystemClock(), SystemHost()
        with EmbeddedStaging(self.state / "registry") as staging:
            async with self.client(wrap) as registry:
                copy = GitWorkingCopy(host)
                sources = Sources(ledger, clock, copy, staging, registry, {}, AMD64, builds, pins=True)
                asked = choices or Choices(frozenset(names), frozenset("*") if force else frozenset())
                prepared = await prepare(fleet, sources, asked)

                async def engine() -> ScriptedEngine:
                    return self.engine

                def recorder(run: int) -> Recorder:
                    logs = self.directory / "logs"
                    return Recorder(ledger, run, clock, logs, self.events.append, lambda *_: None)

                def yard(events: Recorder) -> Yard:
                    recipes = FileRecipes(fleet, {}, builds)
                    prover = None
                    if self.attests:
                        prover = Prover(fleet, builds, copy.revision, registry, self.key)
                    builders = OneEngine(engine, registry)
                    return Yard(builders, registry, staging, recipes, ledger, clock, events, prover)

                shipped = await deliver(
                    prepared,
                    command="ship",
                    conduct=conduct,
                    ledger=ledger,
                    clock=clock,
                    recorder=recorder,
                    yard=yard,
                )
        self.status = read_status(ledger)
        ledger.close()
        return shipped

    async def plan(
        self, choices: Choices = EVERYTHING, *, registry: Registry | None = None, past: OpenPast | None = None
    ) -> Prepared:
        """The plan of a machine that asks ``registry``, or nobody."""
        builds = Builds()
        fleet = load_fleet(self.root, builds=builds)
        ledger = SqliteLedger(self.state, create=False)
        with closing(ledger), EmbeddedStaging(self.state / "registry") as staging:
            copy = GitWorkingCopy(SystemHost())
            sources = Sources(ledger, SystemClock(), copy, staging, registry, {}, AMD64, builds, past=past)
            return await prepare(fleet, sources, choices)

    def client(self, wrap: type[RegistryClient] = RegistryClient) -> RegistryClient:
        """A client of the class ``wrap``, to be used within ``async with``."""
        return wrap(RegistryConfig(), SystemClock())

    async def tag(self, image: str, tag: str = "1") -> Descriptor | None:
        """What a tag of an image names at the destination."""
        async with self.client() as registry:
            return await registry.head(Reference.parse(f"{self.destination}/shop/{image}:{tag}"))

    def kinds(self, image: str) -> list[str]:
        """The kinds of all events about an image so far, in order."""
        return [event.kind for event in self.events if event.image == image]

    def states(self) -> dict[str, str]:
        """The state of every image in the last run."""
        return {row.image: row.state for row in self.status.rows} if self.status else {}
