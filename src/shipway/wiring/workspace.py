"""One fleet on this machine: its files, its state, and the adapter behind each port."""

from __future__ import annotations

import hashlib
import platform
import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, ExitStack, asynccontextmanager, contextmanager
from datetime import datetime
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from shipway.host import SystemClock, SystemHost
from shipway.planning.parts import ALONE, Role
from shipway.ports import Event, Registry

# commands that only talk to a registry need none of the rooms that read a fleet
if TYPE_CHECKING:
    from shipway.fleet.builds import Builds
    from shipway.fleet.file import OtherRepository
    from shipway.fleet.model import Fleet
    from shipway.flows.check import Checker
    from shipway.flows.platforms import Platforms
    from shipway.flows.prepare import Prepared
    from shipway.flows.since import Past
    from shipway.flows.status import Runs, Status
    from shipway.git import GitWorkingCopy
    from shipway.ledger.sqlite import SqliteLedger
    from shipway.planning.explain import Explanation
    from shipway.planning.plan import Choices
    from shipway.registry.client import RegistryClient
    from shipway.registry.config import RegistryConfig
    from shipway.registry.credentials import CredentialStore
    from shipway.registry.forward import Forwards
    from shipway.registry.staging import EmbeddedStaging
    from shipway.values import Platform


def _unheard(event: Event) -> None:
    """Events of reading go nowhere."""


def _may_be_found(fleet: Fleet, choices: Choices) -> bool:
    """Whether a registry may know of deliveries that the ledger does not."""
    from shipway.planning.destination import EMBEDDED, destination

    return choices.lookup and any(
        destination(image, choices.registry).registry != EMBEDDED for image in fleet.images
    )


class Workspace:
    """One fleet on this machine, with everything that commands need, made when it is first used.

    State (ledger, logs, embedded registry) lives outside the repository, so that no build ever reads it:
    ``state`` if given, else a directory of this fleet's own under ``$XDG_STATE_HOME/shipway``. The platform
    of a ``role`` has a place of its own in it: what it delivers are parts of images.
    """

    def __init__(
        self,
        directory: Path,
        config: str | None = None,
        sources: tuple[str, ...] = (),
        state: Path | None = None,
        role: Role = ALONE,
    ) -> None:
        self.root = directory.resolve()
        self.role = role
        self._config = config
        self._sources = sources
        self._state = state
        self.host = SystemHost()
        self.clock = SystemClock()
        self._open = ExitStack()

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
        if self.role.platform is None:
            return self._whole_state
        return self._whole_state / "platforms" / str(self.role.platform).replace("/", "-")

    @property
    def _whole_state(self) -> Path:
        if self._state is not None:
            return self._state.resolve()
        environ = self.host.environ
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

    def source(self, path: str) -> bytes:
        """A file of the fleet's own repository. Raises ConfigError as ``FileTree.read``."""
        return self.builds.tree(str(self.root)).read(path)

    @cached_property
    def builds(self) -> Builds:
        """What was read of Dockerfiles, contexts and builds, for all who ask."""
        from shipway.fleet.builds import Builds

        return Builds()

    def fleet(self) -> Fleet:
        """The fleet as the fleet file and the other files declare it."""
        return self._load(self.builds)

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
        self.working_copy.clone(other.git or "", other.ref, directory)
        return directory

    @cached_property
    def checker(self) -> Checker:
        from shipway.flows.check import Checker

        return Checker(self._load, self.root, self.working_copy, self.host.environ)

    def prefix(self) -> str:
        """The root relative to the git repository that holds it, ``""`` where they are the same."""
        return self.working_copy.prefix(self.root)

    def status(self, run: int | None = None) -> Status | None:
        """The status of a run, the last one that shipped by default."""
        from shipway.flows.status import read_status

        return read_status(self.ledger(create=False), run)

    def runs(self, limit: int) -> Runs:
        """The newest runs of any kind."""
        from shipway.flows.status import read_runs

        return read_runs(self.ledger(create=False), limit)

    async def prepare(self, choices: Choices, *, offline: bool, pins: bool = False) -> Prepared:
        """The plan; writes nothing. ``pins`` has it resolve the bases of what is built, as ``ship`` does."""
        ledger, fleet = self.ledger(create=False), self.fleet()
        asks = choices.refresh_bases or pins or ledger.deliveries() or _may_be_found(fleet, choices)
        if offline or not asks:
            return await self.plan(fleet, choices, None, ledger, pins=pins)
        async with self.registry(fleet) as registry:
            return await self.plan(fleet, choices, registry, ledger, pins=pins)

    async def explain(self, choices: Choices, image: str, *, offline: bool) -> Explanation:
        """Why ``image`` is built or not. Raises UsageError when the fleet or the choice does not have it."""
        from shipway.flows.explain import explain_image

        prepared = await self.prepare(choices, offline=offline)
        return explain_image(prepared, self.ledger(create=False), image)

    # --- planning -----------------------------------------------------------------------------

    async def plan(
        self,
        fleet: Fleet,
        choices: Choices,
        registry: Registry | None,
        ledger: SqliteLedger,
        *,
        pins: bool,
    ) -> Prepared:
        from shipway.flows.prepare import Sources, prepare

        environ = self.host.environ
        sources = Sources(
            ledger=ledger,
            clock=self.clock,
            working_copy=self.working_copy,
            staging=self.staging,
            registry=registry,
            environ=environ,
            native=self.native,
            builds=self.builds,
            pins=pins,
            past=self._past,
        )
        return await self._shared(await prepare(fleet, sources, choices), registry, ledger)

    async def _shared(self, prepared: Prepared, registry: Registry | None, ledger: SqliteLedger) -> Prepared:
        """What this machine has to do of a plan, with what keeps it from building some platform."""
        from shipway.flows.share import require_meeting_place, share_of

        if self.role.joins:
            require_meeting_place(prepared.plan)
            return prepared
        if self.role.platform is not None:
            prepared = share_of(prepared, self.role.platform, self.native, ledger)
        if self.role.hands_out:
            return prepared  # a build waits for a worker that can run it
        wanted = {platform for step in prepared.plan.steps for platform in step.platforms}
        if wanted <= {str(self.native)} and not prepared.fleet.builders:
            return prepared
        return await self._platforms(prepared.fleet, registry).judged(prepared)

    def _platforms(self, fleet: Fleet, registry: Registry | None) -> Platforms:
        """What tells whether every platform of a plan can be built."""
        from shipway.engines.emulation import EngineEmulation
        from shipway.engines.table import choose
        from shipway.flows.platforms import Platforms

        return Platforms(
            builds=self.builds,
            environ=self.host.environ,
            native=self.native,
            emulation=EngineEmulation(self.host, lambda: choose(fleet.engine or "auto", self.host)),
            staging=self.staging,
            registry=registry,
        )

    @property
    def native(self) -> Platform:
        """The platform of this machine's processor: that of images that declare none."""
        from shipway.values import Platform

        return Platform.normalised("linux", platform.machine())

    @contextmanager
    def _past(self, revision: str) -> Iterator[Past]:
        """The fleet where HEAD left ``revision``; other repositories are as they are now."""
        from shipway.fleet.builds import Builds
        from shipway.fleet.load import load_fleet
        from shipway.flows.since import Past

        with self.working_copy.past(self.root, revision) as (commit, root):
            builds = Builds()

            def fleet() -> Fleet:
                return load_fleet(
                    root,
                    config=self._config,
                    sources=self._sources,
                    checkouts=self._checkouts,
                    builds=builds,
                )

            yield Past(commit, fleet, builds)

    def now(self) -> datetime:
        """The time in UTC."""
        return self.clock.now()

    def accesses(self) -> Fleet:
        """No image, but how the fleet file says that registries are reached."""
        from shipway.fleet.locate import find_fleet_file
        from shipway.fleet.model import Fleet
        from shipway.fleet.tree import FileTree

        file = None if self._sources else find_fleet_file(FileTree(self.root), self._config)
        return Fleet((), registries=file.registries if file else {})

    def has_fleet_file(self) -> bool:
        """Whether the fleet is declared by a file of ours, not only by what others declare."""
        from shipway.fleet.locate import find_fleet_file
        from shipway.fleet.tree import FileTree

        return find_fleet_file(FileTree(self.root), self._config) is not None

    # --- adapters -----------------------------------------------------------------------------

    @cached_property
    def working_copy(self) -> GitWorkingCopy:
        from shipway.git import GitWorkingCopy

        return GitWorkingCopy(self.host, self.host.environ)

    def ledger(self, *, create: bool) -> SqliteLedger:
        from shipway.ledger.sqlite import SqliteLedger

        ledger = SqliteLedger(self.state, create=create, root=self.root)
        self._open.callback(ledger.close)
        return ledger

    @cached_property
    def staging(self) -> EmbeddedStaging:
        from shipway.registry.staging import EmbeddedStaging

        return self._open.enter_context(EmbeddedStaging(self.registry_directory))

    def registry(
        self, fleet: Fleet, on_event: Callable[[Event], None] = _unheard
    ) -> AbstractAsyncContextManager[RegistryClient]:
        from shipway.registry.client import RegistryClient

        config = self.registry_config(fleet)

        @asynccontextmanager
        async def opened() -> AsyncIterator[RegistryClient]:
            client = RegistryClient(config, self.clock, on_event)
            try:
                yield client
            finally:
                await client.close()

        return opened()

    @cached_property
    def credentials(self) -> CredentialStore:
        from shipway.registry.credentials import CredentialStore

        return CredentialStore(self.host.environ, Path.home(), self.host)

    def registry_config(self, fleet: Fleet) -> RegistryConfig:
        """How registries are reached: what the fleet file says, and the environment."""
        from shipway.registry.config import RegistryConfig
        from shipway.registry.proxy import Proxies

        return RegistryConfig(
            credentials=self.credentials.lookup,
            proxies=Proxies.from_environment(self.host.environ),
            plain_http=frozenset(host for host, access in fleet.registries.items() if access.plain_http),
            insecure=frozenset(host for host, access in fleet.registries.items() if access.insecure),
            authorities={
                host: self.root / access.ca
                for host, access in fleet.registries.items()
                if access.ca is not None
            },
            forwards=self._forwards(fleet),
        )

    def _forwards(self, fleet: Fleet) -> Forwards | None:
        """The registries that are reached through a port-forward, None where there are none."""
        from shipway.registry.forward import Forwards, Service

        known = ((host, access.forward) for host, access in fleet.registries.items())
        services = {
            host: Service(each.namespace, each.service, each.port, each.context)
            for host, each in known
            if each is not None
        }
        return Forwards(self.host, services) if services else None
