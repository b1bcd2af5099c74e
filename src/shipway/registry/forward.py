"""Registries inside a cluster, reached through a port-forward that is started, watched and started again.

``kubectl port-forward`` gives a port on loopback that leads to a service. Connections go there while names
and certificates stay those of the registry itself: only the resolution of its name is another one.
"""

from __future__ import annotations

import asyncio
import re
import socket
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import DefaultResolver

from shipway.errors import ShipwayError, Unreachable
from shipway.ports import Host
from shipway.registry.address import split_authority

_READY = re.compile(r"Forwarding from 127\.0\.0\.1:(\d+) -> ")
_READY_SECONDS = 30.0
# a forward that ends before it was ever ready is tried again this often
_VAIN_STARTS = 3
_PAUSE_SECONDS = 0.5
_LAST_LINES = 3
_DEFAULT_PORTS = (443, 80)

Emit = Callable[..., None]


@dataclass(frozen=True, slots=True)
class Service:
    """A service of a cluster and its port; ``context`` is one of kubectl's, None for its current one."""

    namespace: str
    name: str
    port: int
    context: str | None = None

    def argv(self) -> tuple[str, ...]:
        """The command that forwards a free port of loopback to it, for as long as it runs."""
        context = ("--context", self.context) if self.context else ()
        at = ("--namespace", self.namespace, "port-forward", "--address", "127.0.0.1")
        return ("kubectl", *context, *at, f"service/{self.name}", f":{self.port}")


@dataclass(frozen=True, slots=True)
class Forwards:
    """Registries, as references spell them, that are reached through a service of a cluster."""

    host: Host
    services: Mapping[str, Service] = field(default_factory=dict)

    def covers(self, authority: str) -> bool:
        """Whether ``authority`` (host or host:port) is such a registry."""
        return authority in self.services


class Watch:
    """One forward: runs kubectl until it is closed, and again whenever it ends."""

    def __init__(self, host: Host, registry: str, service: Service, emit: Emit) -> None:
        self._host = host
        self._registry = registry
        self._service = service
        self._emit = emit
        self._ready: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._said: deque[str] = deque(maxlen=_LAST_LINES)
        self._task = asyncio.create_task(self._keep_running())

    async def port(self) -> int:
        """The port on loopback that leads to the service now; waits while there is none.

        Raises Unreachable when kubectl cannot forward at all.
        """
        try:
            async with asyncio.timeout(_READY_SECONDS):
                while True:
                    port = await asyncio.shield(self._ready)
                    if self._ready.done() and self._ready.result() == port:
                        return port
        except TimeoutError:
            raise self._unreachable("it did not become ready") from None

    @property
    def gave_up(self) -> bool:
        """Whether kubectl is not started any more."""
        return self._task.done()

    async def close(self) -> None:
        """End kubectl."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        if self._ready.done() and not self._ready.cancelled():
            self._ready.exception()  # nobody may have asked
        self._ready.cancel()

    async def _keep_running(self) -> None:
        vain = 0
        while True:
            was_ready = await self._run_once()
            vain = 0 if was_ready else vain + 1
            if vain == _VAIN_STARTS:
                self._fail()
                return
            if was_ready:
                self._ready = asyncio.get_running_loop().create_future()
                self._emit("forward-lost", registry=self._registry, said=" ".join(self._said))
            else:
                await asyncio.sleep(_PAUSE_SECONDS)

    async def _run_once(self) -> bool:
        """Run kubectl to its end; whether it forwarded meanwhile."""
        self._said.clear()
        try:
            await self._host.run(self._service.argv(), on_line=self._hear)
        except ShipwayError as error:
            self._said.append(error.message)
        return self._ready.done()

    def _hear(self, line: str) -> None:
        found = _READY.match(line)
        if found is None:
            self._said.append(line)
        elif not self._ready.done():
            self._ready.set_result(int(found[1]))
            self._emit("forward", registry=self._registry, service=self._service.name, port=int(found[1]))

    def _fail(self) -> None:
        self._ready.set_exception(self._unreachable(" ".join(self._said) or "kubectl ended without a word"))

    def _unreachable(self, cause: str) -> Unreachable:
        service = self._service
        return Unreachable(
            f"no port-forward leads to {self._registry}, the service {service.name} in {service.namespace}",
            cause=cause,
            help=f"try it by hand: {' '.join(service.argv())}",
            reason="forward",
        )


class ForwardingResolver(AbstractResolver):
    """Resolves the names of forwarded registries to their port on loopback, all others as usual.

    A connection whose name is resolved to another place still is one to that name: TLS asks for, and checks
    the certificate of, the registry itself.
    """

    def __init__(self, forwards: Forwards, emit: Emit) -> None:
        self._forwards = forwards
        self._emit = emit
        self._usual: AbstractResolver = DefaultResolver()
        self._names = {
            place: authority for authority in forwards.services for place in _hosts_and_ports(authority)
        }
        self._watches: dict[str, Watch] = {}

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """See ``AbstractResolver``. Raises Unreachable for a registry whose forward does not stand."""
        registry = self._names.get((host.lower(), port))
        if registry is None:
            return await self._usual.resolve(host, port, family)
        local = await self._port(registry)
        return [
            ResolveResult(
                hostname=host,
                host="127.0.0.1",
                port=local,
                family=socket.AF_INET,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
        ]

    async def close(self) -> None:
        """End every forward."""
        await asyncio.gather(*(watch.close() for watch in self._watches.values()))
        self._watches.clear()
        await self._usual.close()

    async def _port(self, registry: str) -> int:
        if registry not in self._watches or self._watches[registry].gave_up:
            service = self._forwards.services[registry]
            self._watches[registry] = Watch(self._forwards.host, registry, service, self._emit)
        return await self._watches[registry].port()


def _hosts_and_ports(authority: str) -> list[tuple[str, int]]:
    host, port = split_authority(authority)
    return [(host.lower(), each) for each in ((port,) if port else _DEFAULT_PORTS)]
