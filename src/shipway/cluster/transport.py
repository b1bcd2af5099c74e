"""One aiohttp session to one API server: requests with bounded retries, and streams of lines."""

from __future__ import annotations

import asyncio
import json
import ssl
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import aiohttp

from shipway.cluster.access import Access
from shipway.cluster.failures import refused, unreachable
from shipway.cluster.identity import Credentials, Identity
from shipway.errors import ClusterError, ConfigError
from shipway.ports import Clock, Host

MERGE_PATCH = "application/merge-patch+json"
_CONNECT_SECONDS = 10.0
_READ_SECONDS = 60.0
_MOST_BYTES = 256 << 20
_LINE_BYTES = 8 << 20
_TRIES = 4
_PASSING = frozenset({429, 500, 502, 503, 504})
_MOST_SECONDS = 8.0

Sleep = Callable[[float], Awaitable[None]]
ProxyOf = Callable[[str, str], str | None]
"""The proxy for scheme and authority, as the environment tells."""


@dataclass(frozen=True, slots=True)
class Request:
    """``doing`` completes "cannot …" for people; ``path`` starts with a slash; ``body`` is sent as JSON."""

    doing: str
    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    body: object = None
    media_type: str = "application/json"


def backoff(number: int) -> float:
    """Seconds before try ``number`` + 1."""
    return min(0.25 * 2.0**number, _MOST_SECONDS)


class Transport:
    """Sends requests; every error it raises is a ClusterError, or a ConfigError for unusable certificates."""

    def __init__(
        self, access: Access, host: Host, clock: Clock, proxy: ProxyOf, sleep: Sleep = asyncio.sleep
    ) -> None:
        self.access = access
        self.sleep = sleep
        self._identity = Identity(access, host, clock)
        self._proxy = proxy
        self._session: aiohttp.ClientSession | None = None
        self._context: tuple[Credentials, ssl.SSLContext] | None = None

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def send(self, request: Request) -> Any:
        """The answer as JSON. What passes by itself is tried again, a few times."""
        number = 0
        while True:
            number += 1
            try:
                async with self._open(request, _READ_SECONDS) as response:
                    status, body = response.status, await _read(response)
            except (aiohttp.ClientError, OSError) as error:
                if number >= _TRIES or not _may_pass(request, error):
                    raise unreachable(request.doing, self.access, error) from None
            else:
                if status < 300:
                    return _json(request, self.access, body)
                again = status in _PASSING or (status == 401 and number == 1 and self._identity.forget())
                if number >= _TRIES or not again:
                    raise refused(request.doing, self.access, status, body)
            await self.sleep(backoff(number))

    @asynccontextmanager
    async def lines(self, request: Request, seconds: float) -> AsyncIterator[AsyncIterator[bytes]]:
        """The lines of an answer, as they come; silence for longer than ``seconds`` breaks it off.

        Raises aiohttp's errors and OSError where the connection breaks, and ClusterError for a refusal.
        """
        async with self._open(request, seconds) as response:
            if response.status >= 300:
                if response.status == 401:
                    self._identity.forget()
                raise refused(request.doing, self.access, response.status, await _read(response))
            yield _lines(response)

    @asynccontextmanager
    async def _open(self, request: Request, read_seconds: float) -> AsyncIterator[aiohttp.ClientResponse]:
        credentials = await self._identity.credentials()
        scheme, _, rest = self.access.server.partition("://")
        async with self._connected().request(
            request.method,
            self.access.server + request.path,
            params=dict(request.query),
            data=None if request.body is None else json.dumps(request.body).encode(),
            headers={**credentials.headers, "Content-Type": request.media_type, "Accept": "application/json"},
            allow_redirects=False,
            ssl=self._tls(credentials) if scheme == "https" else True,
            server_hostname=self.access.server_name if scheme == "https" else None,
            proxy=self.access.proxy or self._proxy(scheme, rest.partition("/")[0]),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_SECONDS, sock_read=read_seconds),
        ) as response:
            yield response

    def _connected(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0),
                cookie_jar=aiohttp.DummyCookieJar(),
                headers={"User-Agent": "shipway"},
                read_bufsize=_LINE_BYTES,
            )
        return self._session

    def _tls(self, credentials: Credentials) -> ssl.SSLContext | Literal[True]:
        if self._context is None or self._context[0] is not credentials:
            self._context = credentials, _context(self.access, credentials)
        return self._context[1]


def _context(access: Access, credentials: Credentials) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(
            cadata=access.authority.decode() if access.authority is not None else None
        )
        # authorities of clusters often lack extensions that Python 3.13 insists on; Go and kubectl do not
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        if credentials.certificate is not None and credentials.key is not None:
            _present(context, credentials.certificate, credentials.key)
    except (ssl.SSLError, ValueError) as error:
        raise ConfigError(
            f"the certificates of context {access.name} cannot be used: {getattr(error, 'reason', error)}",
            cause="they have to be PEM, and certificate and key have to belong together",
            help=f"see {access.origin}",
        ) from None
    if access.insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _present(context: ssl.SSLContext, certificate: bytes, key: bytes) -> None:
    """OpenSSL reads files only; these are ours alone, and gone at once."""
    with tempfile.NamedTemporaryFile(prefix="shipway-") as file:
        file.write(certificate.rstrip() + b"\n" + key)
        file.flush()
        context.load_cert_chain(Path(file.name), password=lambda: "")


def _may_pass(request: Request, error: Exception) -> bool:
    """Whether the connection was lost on the way: whatever is wrong from the start stays wrong."""
    if isinstance(error, aiohttp.ClientConnectorError | TimeoutError):
        return False
    return request.method in ("GET", "PATCH")


async def _read(response: aiohttp.ClientResponse) -> bytes:
    body = bytearray()
    async for piece in response.content.iter_any():
        body += piece
        if len(body) > _MOST_BYTES:
            raise aiohttp.ClientPayloadError("the answer is too long")
    return bytes(body)


async def _lines(response: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
    rest = bytearray()
    async for piece in response.content.iter_any():
        rest += piece
        *whole, last = bytes(rest).split(b"\n")
        for line in whole:
            yield line
        rest = bytearray(last)
        if len(rest) > _LINE_BYTES:
            raise aiohttp.ClientPayloadError("a line of the answer is too long")


def _json(request: Request, access: Access, body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise ClusterError(
            f"cannot {request.doing}: {access.server} does not answer with JSON",
            cause="something else than a Kubernetes API listens there, or a proxy answers for it",
            help=f"see the server of {access.name} in {access.origin}",
        ) from None
