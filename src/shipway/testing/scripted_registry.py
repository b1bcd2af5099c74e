"""A server that answers what a test tells it to, and a client whose waits are only written down.

For tests of how the registry client behaves when a registry misbehaves; ``memory_registry`` stands in for
registries that behave, ``registry`` runs a real one.
"""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from aiohttp import web

from shipway.ports import Event
from shipway.registry.client import RegistryClient
from shipway.registry.config import RegistryConfig

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Seen:
    """One request as the server saw it."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def line(self) -> str:
        return f"{self.method} {self.path}"


@dataclass(slots=True)
class ScriptedServer:
    """Where it listens, and every request so far, the body read."""

    address: str
    seen: list[Seen] = field(default_factory=list)

    @property
    def lines(self) -> list[str]:
        return [seen.line for seen in self.seen]


@asynccontextmanager
async def serving(
    handler: Handler, host: str = "127.0.0.1", tls: ssl.SSLContext | None = None
) -> AsyncIterator[ScriptedServer]:
    """Answer with ``handler`` on a free port of ``host``."""
    server = ScriptedServer("")

    async def handle(request: web.Request) -> web.StreamResponse:
        body = await request.read()
        server.seen.append(Seen(request.method, request.raw_path, dict(request.headers), body))
        return await handler(request)

    app = web.Application(client_max_size=1 << 30)
    app.router.add_route("*", "/{path:.*}", handle)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, host, 0, ssl_context=tls)
    await site.start()
    server.address = f"{host}:{runner.addresses[0][1]}"
    try:
        yield server
    finally:
        await runner.cleanup()


class SteppingClock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.time = datetime(2026, 5, 1, 12, tzinfo=UTC)

    def now(self) -> datetime:
        return self.time

    def pass_(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)


class Bench:
    """Clients and servers that are closed with the test. Waits pass at once, on the clock only."""

    def __init__(self, stack: AsyncExitStack) -> None:
        self._stack = stack
        self.clock = SteppingClock()
        self.events: list[Event] = []
        self.waits: list[float] = []

    async def client(self, config: RegistryConfig | None = None) -> RegistryClient:
        client = RegistryClient(config or RegistryConfig(), self.clock, self.events.append, self._sleep)
        return await self._stack.enter_async_context(client)

    async def serve(
        self, handler: Handler, host: str = "127.0.0.1", tls: ssl.SSLContext | None = None
    ) -> ScriptedServer:
        return await self._stack.enter_async_context(serving(handler, host, tls))

    @property
    def kinds(self) -> list[str]:
        return [event.kind for event in self.events]

    async def _sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.clock.pass_(seconds)
