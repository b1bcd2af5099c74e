"""Handing builds to workers, and being one."""

from __future__ import annotations

import fcntl
import os
import socket
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from shipway.engines.assemble.builder import Assembler
from shipway.engines.table import choose
from shipway.errors import EngineMissing, UsageError
from shipway.flows.builders import EngineBuilder, PlannedBuilders
from shipway.flows.conduct import Conduct
from shipway.flows.handing import HandedOut
from shipway.host import SystemClock, SystemHost
from shipway.oci.files import reported
from shipway.planning.destination import EMBEDDED
from shipway.planning.engines import ASSEMBLE, AUTO
from shipway.planning.plan import Plan
from shipway.ports import Builder, Events, Registry
from shipway.registry.client import RegistryClient
from shipway.registry.config import RegistryConfig
from shipway.registry.credentials import CredentialStore
from shipway.registry.proxy import Proxies
from shipway.registry.staging import EmbeddedStaging
from shipway.values import Platform, Reference
from shipway.workers.address import NO_TLS, Address, Tls
from shipway.workers.pool import Pool, offered
from shipway.workers.remote import Handover, RemoteBuilder
from shipway.workers.shelf import Shelf
from shipway.workers.workshop import Access, Workshop

if TYPE_CHECKING:
    from shipway.wiring.workspace import Workspace
    from shipway.workers.serving import Post

_MOST_JOBS = 64
_MOST_WORKERS = 1024


# --- the machine that ships -------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Executor:
    """Who carries out builds instead of this machine. ``contexts`` is the repository that contexts pass
    through, None for one beside each image; ``patience`` is how long a build waits for a worker that can
    carry it out, in seconds. ``jobs`` is how many deliveries go on at a time, None for what the workers can
    take."""

    address: Address
    tls: Tls = NO_TLS
    contexts: Reference | None = None
    patience: float = 30.0
    jobs: int | None = None


def require_reachable(plan: Plan) -> None:
    """Raise UsageError when an image is bound for the registry inside this machine."""
    for step in plan.steps:
        if step.repository.registry == EMBEDDED:
            raise UsageError(
                f"no worker can deliver {step.image}: it goes to the embedded registry",
                cause="no other machine reaches that",
                help="write registry: in shipway.yaml, or give --registry HOST[/PREFIX]",
            )


@dataclass(frozen=True, slots=True)
class Handing:
    """An executor that is there. Without ``pool`` nothing is to be handed out."""

    executor: Executor
    pool: Pool | None

    async def conduct(self, conduct: Conduct) -> Conduct:
        """How the ship goes about it: unless told otherwise with twice as many deliveries at a time as there
        are slots, so that no worker waits for a read-back of this machine."""
        if self.executor.jobs is not None or self.pool is None:
            return conduct
        slots = sum(station.slots for station in await self.pool.stations())
        return replace(conduct, jobs=min(max(2 * slots, conduct.jobs), _MOST_JOBS))

    def builders(
        self,
        workspace: Workspace,
        engines: Mapping[str, str],
        here: PlannedBuilders,
        registry: Registry,
        events: Events,
        *,
        insists: bool,
    ) -> PlannedBuilders | HandedOut:
        """Workers, and ``here`` for what stays on this machine."""
        if self.pool is None:
            return here
        shelf = Shelf(registry, self.executor.contexts, workspace.state / "contexts")
        remote = _Remote(Handover(self.pool, shelf, registry, events), insists)
        return HandedOut(remote, here, engines, workspace.native, events, insists=insists)


@asynccontextmanager
async def handing_of(executor: Executor, plan: Plan) -> AsyncIterator[Handing]:
    """Connect to who builds what ``plan`` builds.

    Raises UsageError when an image cannot be delivered by workers, EngineMissing without a scheduler.
    """
    if not any(step.action == "build" for step in plan.steps):
        yield Handing(executor, None)
        return
    require_reachable(plan)
    require_dask()
    from shipway.workers.cluster import connected

    async with connected(executor.address, executor.tls, executor.patience) as pool:
        yield Handing(executor, pool)


def require_dask() -> None:
    """Raise EngineMissing where Dask is not installed."""
    try:
        import distributed  # noqa: F401
    except ImportError:
        raise EngineMissing(
            "Dask is not installed", help="pip install 'shipway[distributed]', on all machines"
        ) from None


@dataclass(frozen=True, slots=True)
class _Remote:
    """Satisfies ``flows.handing.Remote``."""

    handover: Handover
    insists: bool

    def builder(self, engine: str) -> Builder:
        return RemoteBuilder(self.handover, engine, insists=self.insists)

    async def finish(self) -> None:
        await self.handover.shelf.finish()


# --- a worker ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class WorkerSettings:
    """What ``shipway worker`` was told. ``engine`` is ``auto``, ``assemble`` or an engine by name;
    ``platforms`` are empty for the engine's own; ``state`` is None for a directory of its own."""

    address: Address
    tls: Tls = NO_TLS
    slots: int = 1
    engine: str = AUTO
    platforms: tuple[Platform, ...] = ()
    name: str | None = None
    state: Path | None = None


async def work(settings: WorkerSettings, announce: Callable[[str, Post], None]) -> None:
    """Be a worker until SIGINT or SIGTERM. ``announce`` gets the address of the scheduler and what the worker
    offers, when it is connected.

    Raises EngineMissing for an engine that cannot be used, and without Dask or a scheduler; EngineError when
    the scheduler is lost.
    """
    require_dask()
    from shipway.workers.serving import Post, serve

    host = SystemHost()
    engine, native = await _engine(settings, host)
    platforms = settings.platforms or ((native,) if native is not None else ())
    with _state(settings, host) as state:
        post = Post(
            settings.address,
            settings.tls,
            settings.name or f"{socket.gethostname()}-{os.getpid()}",
            settings.slots,
            offered(settings.slots, engine, platforms),
            state / "dask",
        )
        with EmbeddedStaging(state / "registry") as staging:
            workshop = Workshop(state, lambda access: _Bench(access, state, host, staging, engine))
            await serve(post, workshop, lambda url: announce(url, post))


async def _engine(settings: WorkerSettings, host: SystemHost) -> tuple[str | None, Platform | None]:
    """The engine that this worker has, and its own platform; neither where it only assembles."""
    if settings.engine == ASSEMBLE:
        return None, None
    try:
        engine = await choose(settings.engine, host)
    except EngineMissing:
        if settings.engine != AUTO:
            raise
        return None, None
    return engine.name, (await engine.probe()).native


@contextmanager
def _state(settings: WorkerSettings, host: SystemHost) -> Iterator[Path]:
    """A directory that no other worker has: the one that was given, else the first free one of this user."""
    base = Path(host.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state")
    candidates = (
        [settings.state.resolve()]
        if settings.state is not None
        else [base / "shipway-workers" / str(number) for number in range(_MOST_WORKERS)]
    )
    for directory in candidates:
        with reported(f"make {directory}"):
            directory.mkdir(parents=True, exist_ok=True)
            lock = (directory / "lock").open("ab")
        with lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            yield directory
            return
    raise UsageError(
        f"another worker has the directory {candidates[0]}", help="give each worker a --state of its own"
    )


class _Bench:
    """Satisfies ``workers.workshop.Bench``: the tools of this machine, with one way to reach registries."""

    def __init__(
        self, access: Access, state: Path, host: SystemHost, staging: EmbeddedStaging, engine: str | None
    ) -> None:
        credentials = CredentialStore(host.environ, Path.home(), host)
        self._config = RegistryConfig(
            credentials=credentials.lookup,
            proxies=Proxies.from_environment(host.environ),
            plain_http=access.plain,
            insecure=access.insecure,
            authorities=dict(access.authorities),
        )
        self._client = RegistryClient(self._config, SystemClock())
        self._state = state
        self._host = host
        self._staging = staging
        self._engine = engine
        self._builders: dict[str, Builder] = {}

    @property
    def registry(self) -> Registry:
        return self._client

    def is_plain(self, registry: str) -> bool:
        return self._config.endpoint(registry).scheme == "http"

    def staged(self, destination: Reference) -> Reference:
        return self._staging.locate(destination)

    async def builder(self, engine: str) -> Builder:
        name = engine if engine != AUTO else self._engine
        if name is None or name not in (ASSEMBLE, self._engine):
            raise EngineMissing(
                f"this worker does not build with {engine}",
                cause=f"it has {self._engine or 'no engine, it only assembles'}",
            )
        if name not in self._builders:
            self._builders[name] = await self._made(name)
        return self._builders[name]

    async def _made(self, name: str) -> Builder:
        if name == ASSEMBLE:
            native = Platform.normalised("linux", os.uname().machine)
            return Assembler(self._client, native, self._state / "assemble")
        return EngineBuilder(await choose(name, self._host), self._client)

    async def close(self) -> None:
        for builder in self._builders.values():
            await builder.finish()
        await self._client.close()
