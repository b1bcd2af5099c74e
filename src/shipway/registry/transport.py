"""One aiohttp session: requests with bounded retries, streamed bodies, and failures explained.

Knows neither tokens nor redirects (see ``session``). The settings are those that registries need:
no cookies (Harbor answers them with 403), nothing decompressed or re-encoded, no total time-out.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from random import Random
from typing import Literal
from urllib.parse import urlsplit

import aiohttp
from multidict import CIMultiDictProxy
from yarl import URL

from shipway.errors import Mismatch, ShipwayError
from shipway.ports import Clock, Event
from shipway.registry.address import shown
from shipway.registry.config import RegistryConfig
from shipway.registry.diagnose import MAX_ERROR_BYTES, Attempt, Failure, failure
from shipway.registry.failures import classify, is_transient
from shipway.registry.forward import ForwardingResolver
from shipway.registry.retry import is_retried, wait_before
from shipway.registry.tls import context_for

READ_BUFFER = 1 << 20
# small pieces keep TLS uploads twice as fast as 4 MiB ones
UPLOAD_PIECE = 256 << 10
MAX_ANSWER_BYTES = 32 << 20

Body = Callable[[], AsyncIterator[bytes]]
"""Makes the body of a request, anew for every try."""
OnEvent = Callable[[Event], None]
Sleep = Callable[[float], Awaitable[None]]


def whole(data: bytes) -> Body:
    """A body that is in memory already."""

    async def pieces() -> AsyncIterator[bytes]:
        yield data

    return pieces


class ConnectionLost(aiohttp.ClientConnectionError):
    """The connection broke before there was an answer."""


async def _never_twice(
    request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
) -> aiohttp.ClientResponse:
    """Keep aiohttp from repeating a lost request by itself: retries are counted and shown here, and the
    registry may have taken half of an upload."""
    try:
        return await handler(request)
    except aiohttp.ClientConnectorError:
        raise
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        raise ConnectionLost from error


def ignore(event: Event) -> None:
    """A listener for who does not listen."""


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request to ``url``, which is sent as it stands.

    ``body`` has exactly ``size`` bytes. ``limit`` bounds what is read of a successful answer, ``stream``
    leaves it unread. ``replay`` says that it may be sent again after it got lost on the way; if not, only
    what was refused unread (429) is.
    """

    attempt: Attempt
    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: Body | None = None
    size: int = 0
    limit: int = MAX_ANSWER_BYTES
    stream: bool = False
    replay: bool = True


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. ``stream`` is set when the body is still to be read; then ``close`` has to be called.

    ``tries`` counts the attempts it took.
    """

    status: int
    headers: CIMultiDictProxy[str]
    body: bytes
    url: str
    tries: int = 1
    stream: aiohttp.ClientResponse | None = None

    def close(self) -> None:
        """Drop the connection when the body was not read to its end."""
        if self.stream is not None:
            self.stream.close()


class Transport:
    """Sends requests. Every error it raises is a RegistryError with its cause."""

    def __init__(
        self,
        config: RegistryConfig,
        clock: Clock,
        on_event: OnEvent = ignore,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._config = config
        self._clock = clock
        self._on_event = on_event
        self._sleep = sleep
        self._random = Random()  # noqa: S311 - jitter
        self._session: aiohttp.ClientSession | None = None
        self._forwarding: ForwardingResolver | None = None
        self._contexts: dict[str, ssl.SSLContext | Literal[True]] = {}

    @property
    def now(self) -> datetime:
        return self._clock.now()

    def emit(self, kind: str, **data: object) -> None:
        """Tell the listener; never give it anything secret."""
        self._on_event(Event(f"registry.{kind}", data=data))

    async def pause(self, seconds: float) -> None:
        await self._sleep(seconds)

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None
        if self._forwarding is not None:
            await self._forwarding.close()
            self._forwarding = None

    async def send(self, request: Request) -> Answer:
        """The answer, whatever its status, after retries of what passes by itself."""
        number = 0
        while True:
            number += 1
            last = number >= self._config.tries
            headers: Mapping[str, str] = {}
            try:
                answer = await self._once(request, number)
            except (aiohttp.ClientError, OSError) as error:
                if last or not request.replay or not self._may_pass(request, error):
                    raise await self._explained(request, error) from None
                reason = type(error).__name__
            else:
                if last or not _passes(request, answer):
                    return answer
                reason, headers = f"HTTP {answer.status}", answer.headers
            await self._wait(request, number, reason, headers)

    async def _wait(self, request: Request, number: int, reason: str, headers: Mapping[str, str]) -> None:
        seconds = wait_before(number, headers, self.now, self._random)
        self.emit(
            "retry",
            registry=request.attempt.endpoint.registry,
            action=request.attempt.action,
            reason=reason,
            attempt=number,
            seconds=round(seconds, 3),
        )
        await self._sleep(seconds)

    async def _once(self, request: Request, number: int) -> Answer:
        body = _Outgoing(request.body) if request.body is not None else None
        try:
            response = await self._open(request, body)
        except (aiohttp.ClientError, OSError):
            # a body that failed by itself (its source did) is the cause, not the broken connection
            if body is not None and body.error is not None:
                raise body.error from None
            raise
        if request.stream and response.status < 300:
            return _answer(response, b"", number, response)
        async with response:
            limit = request.limit if response.status < 300 else MAX_ERROR_BYTES
            return _answer(response, await _read(response, limit), number)

    async def _open(self, request: Request, body: _Outgoing | None) -> aiohttp.ClientResponse:
        parts = urlsplit(request.url)
        headers = {"Accept-Encoding": "identity", **request.headers}
        if body is not None:
            headers["Content-Length"] = str(request.size)
        return await self._connected().request(
            request.method,
            URL(request.url, encoded=True),
            headers=headers,
            data=body.pieces() if body is not None else None,
            allow_redirects=False,
            ssl=self._context(parts.netloc, request) if parts.scheme == "https" else True,
            proxy=self._config.proxy(parts.scheme, parts.netloc),
        )

    def _context(self, authority: str, request: Request) -> ssl.SSLContext | Literal[True]:
        # Docker Hub's API has another name than the one its certificates are configured under
        endpoint = request.attempt.endpoint
        name = endpoint.registry if authority == endpoint.authority else authority
        if name not in self._contexts:
            self._contexts[name] = context_for(name, self._config)
        return self._contexts[name]

    def _connected(self) -> aiohttp.ClientSession:
        if self._session is None:
            config = self._config
            self._session = aiohttp.ClientSession(
                connector=self._connector(),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                requote_redirect_url=False,
                read_bufsize=READ_BUFFER,
                middlewares=(_never_twice,),
                headers={"User-Agent": config.user_agent},
                timeout=aiohttp.ClientTimeout(
                    total=None, sock_connect=config.connect_timeout, sock_read=config.read_timeout
                ),
            )
        return self._session

    def _connector(self) -> aiohttp.TCPConnector:
        most = self._config.connections_per_host
        if self._config.forwards is None:
            return aiohttp.TCPConnector(limit=0, limit_per_host=most)
        self._forwarding = ForwardingResolver(self._config.forwards, self.emit)
        # a forward that was started again has another port, which a cache would not know
        return aiohttp.TCPConnector(
            limit=0, limit_per_host=most, resolver=self._forwarding, use_dns_cache=False
        )

    def _may_pass(self, request: Request, error: Exception) -> bool:
        """Whether the same request may succeed when sent again: a forward may just be starting again."""
        refused = isinstance(error, aiohttp.ClientConnectorError) and isinstance(
            error.os_error, ConnectionRefusedError
        )
        return is_transient(error) or (refused and self._config.forwarded(urlsplit(request.url).netloc))

    async def _explained(self, request: Request, error: Exception) -> ShipwayError:
        parts = urlsplit(request.url)
        # nor does a look at the name's own address tell what a forward leads to
        proxied = self._config.forwarded(parts.netloc) or (
            self._config.proxy(parts.scheme, parts.netloc) is not None
        )
        seen: Failure = await classify(error, parts.scheme, parts.netloc, proxied)
        return failure(request.attempt, seen, self.now)


class _Outgoing:
    """A request body in pieces that remembers why it stopped."""

    def __init__(self, make: Body) -> None:
        self._make = make
        self.error: ShipwayError | None = None

    async def pieces(self) -> AsyncIterator[memoryview]:
        try:
            async for data in self._make():
                view = memoryview(data)
                for start in range(0, len(view), UPLOAD_PIECE):
                    yield view[start : start + UPLOAD_PIECE]
        except ShipwayError as error:
            self.error = error
            raise


def _passes(request: Request, answer: Answer) -> bool:
    """Whether the refusal may pass by itself and the request may be sent again."""
    return answer.status == 429 or (request.replay and is_retried(answer.status, answer.body))


async def _read(response: aiohttp.ClientResponse, limit: int) -> bytes:
    """All of a successful answer, Mismatch when it is longer than ``limit``; the start of any other one."""
    body = bytearray()
    try:
        async for data in response.content.iter_any():
            body += data
            if len(body) > limit:
                break
    except (aiohttp.ClientError, OSError):
        # of a refusal the status is enough
        if response.status < 300:
            raise
    if len(body) > limit:
        response.close()
        if response.status < 300:
            raise Mismatch(
                f"{shown(str(response.url))} answers with more than {limit} bytes",
                cause="it is larger than anything of its kind may be",
                status=response.status,
            )
    return bytes(body[:limit])


def _answer(
    response: aiohttp.ClientResponse, body: bytes, tries: int, stream: aiohttp.ClientResponse | None = None
) -> Answer:
    return Answer(response.status, response.headers, body, str(response.url), tries, stream)
