"""Being a worker: the tools of this machine for builds that another one hands out."""

from __future__ import annotations

import fcntl
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from shipway.engines.assemble.builder import Assembler
from shipway.engines.table import choose
from shipway.errors import EngineMissing, UsageError
from shipway.flows.builders import EngineBuilder
from shipway.host import SystemClock, SystemHost
from shipway.oci.files import reported
from shipway.planning.engines import ASSEMBLE, AUTO
from shipway.ports import Builder, Registry
from shipway.registry.client import RegistryClient
from shipway.registry.config import RegistryConfig
from shipway.registry.credentials import CredentialStore
from shipway.registry.proxy import Proxies
from shipway.registry.staging import EmbeddedStaging
from shipway.values import Platform, Reference
from shipway.wiring.handing import require_dask
from shipway.workers.address import NO_TLS, Address, Tls
from shipway.workers.pool import offered
from shipway.workers.workshop import Access, Workshop

if TYPE_CHECKING:
    from shipway.workers.serving import Post

_MOST_WORKERS = 1024


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
