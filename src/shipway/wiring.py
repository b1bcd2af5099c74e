"""The composition root: which adapter stands behind each port, and where state lives."""

from __future__ import annotations

import hashlib
import platform
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, ExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self

from shipway.errors import NotFound
from shipway.fleet.builds import Builds
from shipway.fleet.locate import find_fleet_file
from shipway.fleet.model import Fleet
from shipway.fleet.tree import FileTree
from shipway.flows.deliver import deliver
from shipway.flows.prepare import Prepared, Sources, prepare
from shipway.flows.recipes import FileRecipes
from shipway.flows.recorder import Recorder
from shipway.flows.rehearse import rehearse
from shipway.flows.ship import Shipped
from shipway.flows.status import Status, read_status
from shipway.flows.yard import Yard
from shipway.git import GitWorkingCopy
from shipway.host import SystemClock, SystemHost
from shipway.ledger.sqlite import SqliteLedger
from shipway.planning.destination import EMBEDDED
from shipway.planning.plan import Choices
from shipway.ports import Deleter, Engine, Event, Registry
from shipway.values import Platform, Reference

if TYPE_CHECKING:
    from shipway.checks.facts import Facts
    from shipway.dockerfile.trace import StageTree
    from shipway.fleet.file import OtherRepository
    from shipway.flows.check import Checked, Checker, CheckRequest, Other
    from shipway.flows.copy import CopyRequest, CopyResult
    from shipway.flows.listing import Listing
    from shipway.flows.live.probed import OnProbed, Probed
    from shipway.flows.prune import Means, Pruned, PruneRequest
    from shipway.flows.pruning.undo import Undone
    from shipway.registry.client import RegistryClient
    from shipway.registry.config import RegistryConfig
    from shipway.registry.credentials import CredentialStore
    from shipway.registry.staging import EmbeddedStaging


@dataclass(frozen=True, slots=True)
class LiveRequest:
    """What a live preflight is asked: the engine by name or ``auto``, and who hears of each probe."""

    engine: str
    on_probed: OnProbed


class View(Protocol):
    """What shows events and build output."""

    def show(self, event: Event) -> None: ...

    def output(self, image: str, line: str) -> None: ...


def _unheard(event: Event) -> None:
    """Events of reading go nowhere."""


class Workspace:
    """One fleet on this machine, with everything that commands need, made when it is first used.

    State (ledger, logs, embedded registry) lives outside the repository, so that no build ever reads it:
    ``state`` if given, else a directory of this fleet's own under ``$XDG_STATE_HOME/shipway``.
    """

    def __init__(
        self,
        directory: Path,
        config: str | None = None,
        sources: tuple[str, ...] = (),
        state: Path | None = None,
    ) -> None:
        self.root = directory.resolve()
        self._config = config
        self._sources = sources
        self._state = state
        self._host = SystemHost()
        self._clock = SystemClock()
        self._open = ExitStack()
        self._builds = Builds()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    # --- places -------------------------------------------------------------------------------

    @cached_property
    def state(self) -> Path:
        """The directory with ledger, logs and the embedded registry of this fleet."""
        if self._state is not None:
            return self._state.resolve()
        environ = self._host.environ
        home = environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
        name = hashlib.sha256(str(self.root).encode()).hexdigest()[:8]
        return Path(home) / "shipway" / f"{self.root.name}-{name}"

    @property
    def registry_directory(self) -> Path:
        """Where the embedded registry keeps images: an OCI image layout."""
        return self.state / "registry"

    def logs(self, run: int) -> Path:
        """Where the build output of a run is kept, one file an image."""
        return self.state / "runs" / str(run)

    # --- reading ------------------------------------------------------------------------------

    def fleet(self) -> Fleet:
        """The fleet as the fleet file and the other files declare it."""
        return self._load(self._builds)

    def _load(self, builds: Builds) -> Fleet:
        from shipway.fleet.load import load_fleet

        return load_fleet(
            self.root, config=self._config, sources=self._sources, checkouts=self._checkouts, builds=builds
        )

    @cached_property
    def _checkouts(self) -> dict[str, Path]:
        """The other repositories that come from Git, each cloned once."""
        from shipway.fleet.load import repositories_of

        others = () if self._sources else repositories_of(self.root, self._config)
        return {other.name: self._checkout(other) for other in others if other.git is not None}

    def discovered(self) -> Fleet:
        """The fleet as files other than the fleet file declare it."""
        from shipway.fleet.load import discover_fleet

        return discover_fleet(self.root, self._sources)

    def _checkout(self, other: OtherRepository) -> Path:
        """A fresh clone of another repository."""
        directory = self.state / "repositories" / other.name
        shutil.rmtree(directory, ignore_errors=True)
        directory.parent.mkdir(parents=True, exist_ok=True)
        self._working_copy.clone(other.git or "", other.ref, directory)
        return directory

    async def check(self, request: CheckRequest, live: LiveRequest | None = None) -> Checked:
        """What rules find in the files, after the fixes asked for, and what registries and engine show."""
        from shipway.flows.check import NOTHING_ELSE, Other

        facts, other = self._checker.facts(self._builds), NOTHING_ELSE
        if live is not None:
            from shipway.flows.live.preflight import FAMILIES, findings_of

            other = Other(findings_of(await self._probe(facts, live)), FAMILIES)
            facts = replace(facts, published=await self._published(facts))
        if request.mode == "report":
            other = other.and_also(await self._hadolint(request, facts))
        checked = self._checker.check(request, facts, other)
        if request.mode == "fix" and (found := await self._hadolint(request, checked.facts)).families:
            return self._checker.told_again(checked, request, other.and_also(found))
        return checked

    async def _published(self, facts: Facts) -> Mapping[tuple[str, Platform], StageTree]:
        """What images that others copy from hold, where their Dockerfile does not tell."""
        from shipway.checks.contents import untold
        from shipway.flows.live.layers import published_trees

        wanted = untold(facts)
        deliveries = self._ledger(create=False).deliveries() if wanted else []
        if not deliveries:
            return {}
        async with self._registry(facts.fleet) as registry:
            return await published_trees(registry, deliveries, wanted, self._staging.real)

    async def _hadolint(self, request: CheckRequest, facts: Facts) -> Other:
        """What hadolint finds in the files on disk; nothing where it is not wanted or not installed."""
        from shipway.checks.hadolint import FAMILIES, covered
        from shipway.checks.table import RULES
        from shipway.flows.check import NOTHING_ELSE, Other
        from shipway.flows.hadolint import run_hadolint

        if not request.hadolint or not request.selection.wants_any(FAMILIES):
            return NOTHING_ELSE
        ours = covered(rule for rule in RULES if request.selection.wants(rule.id))
        paths = sorted(path for path in facts.dockerfiles if not path.startswith("../"))
        found = await run_hadolint(self._host, self.root, paths, ours) if paths else None
        return NOTHING_ELSE if found is None else Other(found, FAMILIES)

    async def probe(self, request: LiveRequest) -> tuple[Probed, ...]:
        """What registries and engine show, probe by probe; nothing is written anywhere."""
        return await self._probe(self._checker.facts(self._builds), request)

    async def _probe(self, facts: Facts, request: LiveRequest) -> tuple[Probed, ...]:
        from shipway.engines.table import choose
        from shipway.flows.live.preflight import probe
        from shipway.flows.live.probed import World
        from shipway.registry.inspector import RegistryInspector

        fleet = facts.fleet
        engine = fleet.engine or request.engine if request.engine == "auto" else request.engine
        inspector = RegistryInspector(self._registry_config(fleet), self._credentials, self._clock)
        world = World(
            inspector=inspector,
            engine=lambda: choose(engine, self._host),
            wanted=engine,
            host=self._host,
            clock=self._clock,
            state=self.state,
            on_probed=request.on_probed,
        )
        try:
            return await probe(facts, world)
        finally:
            await inspector.close()

    @cached_property
    def _checker(self) -> Checker:
        from shipway.flows.check import Checker

        return Checker(self._load, self.root, self._working_copy, self._host.environ)

    def prefix(self) -> str:
        """The root relative to the git repository that holds it, ``""`` where they are the same."""
        return self._working_copy.prefix(self.root)

    def status(self, run: int | None = None) -> Status | None:
        """The status of a run, the last one by default."""
        return read_status(self._ledger(create=False), run)

    async def prepare(self, choices: Choices, *, offline: bool) -> Prepared:
        """The plan; writes nothing. Where nothing was ever delivered there is nothing to ask a registry."""
        ledger, fleet = self._ledger(create=False), self.fleet()
        if offline or not ledger.deliveries():
            return await self._prepare(fleet, choices, None, ledger)
        async with self._registry(fleet) as registry:
            return await self._prepare(fleet, choices, registry, ledger)

    # --- shipping -----------------------------------------------------------------------------

    async def ship(
        self, choices: Choices, *, offline: bool, engine: str, jobs: int, view: View, preflight: bool = True
    ) -> Shipped:
        """Plan and execute. Raises NotMet when something would fail the build for sure, and with
        ``preflight`` a RegistryError when a destination takes no pushes."""
        recorders: list[Recorder] = []

        def on_registry_event(event: Event) -> None:
            for recorder in recorders:
                recorder.emit(event)

        ledger, fleet = self._ledger(create=True), self.fleet()
        async with self._registry(fleet, on_registry_event) as registry:
            prepared = await self._prepare(fleet, choices, None if offline else registry, ledger)
            prepared.require_buildable()
            if preflight:
                await rehearse(prepared.plan, registry)

            def recorder(run: int) -> Recorder:
                made = Recorder(ledger, run, self._clock, self.logs(run), view.show, view.output)
                recorders.append(made)
                return made

            def yard(events: Recorder) -> Yard:
                return Yard(
                    engine=self._engine(fleet.engine or engine if engine == "auto" else engine, events),
                    registry=registry,
                    staging=self._staging,
                    recipes=FileRecipes(prepared.fleet, self._host.environ, self._builds),
                    ledger=ledger,
                    clock=self._clock,
                    events=events,
                )

            shipped = await deliver(
                prepared,
                command=" ".join(["shipway ship", *sorted(choices.selection)]),
                jobs=jobs,
                ledger=ledger,
                clock=self._clock,
                recorder=recorder,
                yard=yard,
            )
            self._staging.tidy()
            return shipped

    def _engine(self, name: str, events: Recorder) -> Callable[[], Awaitable[Engine]]:
        """Choose the engine once, when it is first asked for."""
        from asyncio import Lock

        from shipway.engines.table import choose

        lock = Lock()
        chosen: list[Engine] = []

        async def engine() -> Engine:
            async with lock:
                if not chosen:
                    chosen.append(await choose(name, self._host))
                    info = await chosen[0].probe()
                    facts = {"name": info.name, "version": info.version, "native": str(info.native)}
                    events.emit(Event("engine.chosen", data=facts))
            return chosen[0]

        return engine

    async def _prepare(
        self, fleet: Fleet, choices: Choices, registry: Registry | None, ledger: SqliteLedger
    ) -> Prepared:
        environ = self._host.environ
        sources = Sources(
            ledger=ledger,
            clock=self._clock,
            working_copy=self._working_copy,
            staging=self._staging,
            registry=registry,
            environ=environ,
            native=Platform.normalised("linux", platform.machine()),
            builds=self._builds,
        )
        return await prepare(fleet, sources, choices)

    # --- pruning ------------------------------------------------------------------------------

    async def prune(self, request: PruneRequest, show: Callable[[Event], None]) -> Pruned:
        """Delete what a policy does not keep; with ``dry_run`` only tell, and write nothing."""
        from shipway.flows.prune import look, prune, rehearse
        from shipway.flows.pruning.targets import choose, with_uses

        fleet = self.fleet()
        targets = choose(fleet, request.repository, request.settings)
        ledger = self._ledger(create=not request.dry_run)
        roots = (*map(Path, fleet.roots.values()), *request.manifests)
        used = with_uses(targets, ledger.deliveries(), [FileTree(root) for root in roots])
        real = [replace(target, at=self._staging.real(target.repository)) for target in used]
        async with self._means(fleet, ledger, show, request.backend) as means:
            plans = await look(means, real, request.most)
            if request.dry_run:
                return await rehearse(means, plans)
            return await prune(means, plans, "shipway prune")

    async def undo_prune(self, run: int, show: Callable[[Event], None]) -> Undone:
        """Put back what a run of prune deleted."""
        from shipway.flows.prune import bring_back

        ledger = self._ledger(create=True)
        async with self._means(self.fleet(), ledger, show, "auto") as means:
            return await bring_back(means, run, f"shipway prune --undo {run}", self._staging.real)

    @asynccontextmanager
    async def _means(
        self, fleet: Fleet, ledger: SqliteLedger, show: Callable[[Event], None], backend: str
    ) -> AsyncIterator[Means]:
        from shipway.flows.prune import Means
        from shipway.registry.backends.table import backend_of, make
        from shipway.registry.session import Session

        session = Session(self._registry_config(fleet), self._clock, show)
        async with self._registry(fleet, show) as registry:

            async def deleter(repository: Reference) -> Deleter:
                name = backend
                if backend == "auto":
                    name = await backend_of(session, repository.registry)
                return make(name, session, registry, self._clock)

            try:
                yield Means(registry, deleter, ledger, self._clock, show)
            finally:
                await session.transport.close()

    # --- copying and looking ------------------------------------------------------------------

    async def copy(self, request: CopyRequest, view: View, *, fleet: bool, dry_run: bool) -> CopyResult:
        """Copy images; with ``fleet`` those that the fleet has delivered."""
        from shipway.flows.copy import copy, fleet_sources
        from shipway.registry.carrier import ImageCarrier

        known = self.fleet() if fleet else self._accesses()
        if fleet:
            deliveries = self._ledger(create=False).deliveries()
            sources = fleet_sources(deliveries, known, self._staging.real)
            request = replace(request, sources=sources, below=True)
        async with (
            self._registry(known, view.show) as client,
            ImageCarrier(client, dry_run=dry_run) as carrier,
        ):
            return await copy(request, carrier, view.show, view.output, dry_run=dry_run)

    async def list_registry(self, place: str, *, fleet_only: bool) -> Listing:
        """What a registry holds below ``HOST[/PREFIX]``, and what of the fleet it lacks."""
        from shipway.flows.listing import list_registry, wanted_of

        deliveries = self._ledger(create=False).deliveries()
        known = self.fleet() if fleet_only else self._accesses()
        real = self._staging.real if any(EMBEDDED in each.reference for each in deliveries) else None
        async with self._registry(known) as registry:
            return await list_registry(
                registry,
                place,
                lambda all_: wanted_of(deliveries, self.fleet() if all_ else None),
                fleet_only=fleet_only,
                real=real or (lambda reference: reference),
            )

    async def tags(self, repository: Reference) -> list[str]:
        """The tags of a repository, sorted. Raises NotFound when there is none."""
        async with self._registry(self._accesses()) as registry:
            found = await registry.tags(repository)
        if not found:
            raise NotFound(
                f"{repository.name} has no tags",
                cause="nothing was pushed there, or the credentials do not show it",
                help=f"look at the registry: shipway registry ls {repository.registry}",
            )
        return found

    def now(self) -> datetime:
        """The time in UTC."""
        return self._clock.now()

    async def diagnose(self, place: str, on_probed: OnProbed) -> tuple[Probed, ...]:
        """Look at one registry, and with ``HOST/REPO`` at the right to push there."""
        from shipway.flows.diagnose import diagnose
        from shipway.registry.inspector import RegistryInspector

        known = self._accesses()
        inspector = RegistryInspector(self._registry_config(known), self._credentials, self._clock)
        try:
            return await diagnose(place, inspector, self._clock, on_probed)
        finally:
            await inspector.close()

    def _accesses(self) -> Fleet:
        """No image, but how the fleet file says that registries are reached."""
        file = None if self._sources else find_fleet_file(FileTree(self.root), self._config)
        return Fleet((), registries=file.registries if file else {})

    # --- adapters -----------------------------------------------------------------------------

    @cached_property
    def _working_copy(self) -> GitWorkingCopy:
        return GitWorkingCopy(self._host, self._host.environ)

    def _ledger(self, *, create: bool) -> SqliteLedger:
        ledger = SqliteLedger(self.state, create=create)
        self._open.callback(ledger.close)
        return ledger

    @cached_property
    def _staging(self) -> EmbeddedStaging:
        from shipway.registry.staging import EmbeddedStaging

        return self._open.enter_context(EmbeddedStaging(self.registry_directory))

    def _registry(
        self, fleet: Fleet, on_event: Callable[[Event], None] = _unheard
    ) -> AbstractAsyncContextManager[RegistryClient]:
        from shipway.registry.client import RegistryClient

        config = self._registry_config(fleet)

        @asynccontextmanager
        async def opened() -> AsyncIterator[RegistryClient]:
            client = RegistryClient(config, self._clock, on_event)
            try:
                yield client
            finally:
                await client.close()

        return opened()

    @cached_property
    def _credentials(self) -> CredentialStore:
        from shipway.registry.credentials import CredentialStore

        return CredentialStore(self._host.environ, Path.home(), self._host)

    def _registry_config(self, fleet: Fleet) -> RegistryConfig:
        """How registries are reached: what the fleet file says, and the environment."""
        from shipway.registry.config import RegistryConfig
        from shipway.registry.proxy import Proxies

        return RegistryConfig(
            credentials=self._credentials.lookup,
            proxies=Proxies.from_environment(self._host.environ),
            plain_http=frozenset(host for host, access in fleet.registries.items() if access.plain_http),
            insecure=frozenset(host for host, access in fleet.registries.items() if access.insecure),
            authorities={
                host: self.root / access.ca
                for host, access in fleet.registries.items()
                if access.ca is not None
            },
        )
