"""A proxy before any registry that injects faults, seeded: what networks, proxies and clouds do to clients.

::

    async with FaultProxy("127.0.0.1:5000", seed=7, rate=0.2, account=("me", "secret")) as proxy:
        ...  # push to, pull from and copy by way of proxy.address
    print(proxy.injected)

Which requests are hit depends on the seed and on the requests alone, not on the time. ``KINDS`` names all
faults.
"""

from __future__ import annotations

import asyncio
import base64
import io
import re
import socket
import ssl
import struct
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from email.utils import formatdate
from random import Random
from types import TracebackType
from typing import Self

import aiohttp
from aiohttp import web
from multidict import CIMultiDict
from yarl import URL

from shipway.values import Digest

LARGE_BODY_BYTES = 300 * 1024
RETRY_AFTER = ("0", "1", "DATE", "1.889377ms", "1m0s", "-5", "99999999", "soon", "", None)
"""What comes with 429 and 503: seconds, an HTTP date, Go durations (GHCR), nonsense, or no header at all."""

_PER_HOP = frozenset({"host", "transfer-encoding", "connection", "content-length", "authorization"})
_SESSION = re.compile(r"/uploads/[^/?]+")
_RANGE = re.compile(r"bytes=(\d+)-(\d*)\Z")
_PAGE = "<html><body><h1>{}</h1><hr>nginx</body></html>"


@dataclass(frozen=True, slots=True)
class Injected:
    """A fault that was injected, and the request that it hit, without its query."""

    kind: str
    method: str
    path: str


@dataclass(frozen=True, slots=True)
class _Kind:
    """A fault: ``fits`` tells whether it makes sense for a request, ``strike`` answers (or does not)."""

    fits: Callable[[_Exchange], bool]
    strike: Callable[[_Exchange], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class _Reply:
    """What the backend answered."""

    status: int
    headers: CIMultiDict[str]
    body: bytes


class FaultProxy:
    """The proxy before ``backend`` (``HOST:PORT``, plain HTTP), within ``async with`` on ``address``.

    Each request is hit by one of ``kinds`` with the probability ``rate``, those for a part of a blob more
    often, and at most ``most`` of them are.
    With an ``account`` (name and password) the proxy is the token service too: it wants Bearer tokens, which
    ``expired`` takes back at any moment. ``tls`` serves HTTPS. Bodies are held in memory.
    """

    def __init__(
        self,
        backend: str,
        *,
        seed: int,
        rate: float = 0.2,
        most: int | None = None,
        kinds: Iterable[str] | None = None,
        account: tuple[str, str] | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.backend = backend
        self.address = ""
        self.storage = ""
        self.injected: list[Injected] = []
        self.leaks: list[str] = []
        self.secrets: set[str] = {*account} if account else set()
        self.account = account
        self.tls = tls
        self._random = Random(f"secrets {seed}")  # noqa: S311 - reproducible on purpose
        self._seed = seed
        self._rate = rate
        self._most = most
        self._kinds = tuple(KINDS if kinds is None else kinds)
        self._tokens: set[str] = set()
        self._signatures: set[str] = set()
        self._counts: Counter[str] = Counter()
        self._stack = AsyncExitStack()
        self.stopping = asyncio.Event()

    @property
    def scheme(self) -> str:
        return "https" if self.tls else "http"

    async def __aenter__(self) -> Self:
        self.session = await self._stack.enter_async_context(
            aiohttp.ClientSession(auto_decompress=False, cookie_jar=aiohttp.DummyCookieJar())
        )
        self.address = await self._serve(self._registry, "127.0.0.1")
        # another host for redirects, on the same machine
        self.storage = await self._serve(self._storage, "127.0.0.2")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stopping.set()
        await self._stack.aclose()

    async def _serve(self, handler: Callable[[web.Request], Awaitable[web.StreamResponse]], host: str) -> str:
        app = web.Application(client_max_size=1 << 30)
        app.router.add_route("*", "/{path:.*}", handler)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        self._stack.push_async_callback(runner.cleanup)
        await web.TCPSite(runner, host, 0, ssl_context=self.tls).start()
        return f"{host}:{runner.addresses[0][1]}"

    # --- what answers -------------------------------------------------------------------------

    async def _registry(self, request: web.Request) -> web.StreamResponse:
        exchange = _Exchange(self, request, self._dice(request))
        kind = self._chosen(exchange)
        if kind is not None:
            self.injected.append(Injected(kind, request.method, request.path))
            return await KINDS[kind].strike(exchange)
        return await exchange.honest()

    async def _storage(self, request: web.Request) -> web.StreamResponse:
        """Cloud storage: knows its signatures, and takes an Authorization beside one for an attack."""
        if "Authorization" in request.headers:
            self.leaks.append(f"{request.method} {request.path}")
            return web.Response(status=400, text="only one auth mechanism allowed")
        if request.query.get("sig") not in self._signatures:
            return web.Response(status=403, text="signature does not match")
        exchange = _Exchange(self, request, self._dice(request))
        return exchange.answer(await exchange.forward(await request.read()))

    def _dice(self, request: web.Request) -> Random:
        line = f"{request.method} {_SESSION.sub('/uploads/*', request.path)} {request.query.get('digest')}"
        self._counts[line] += 1
        return Random(f"{self._seed} {line} {self._counts[line]}")  # noqa: S311 - reproducible on purpose

    def _chosen(self, exchange: _Exchange) -> str | None:
        if self._most is not None and len(self.injected) >= self._most:
            return None
        # downloads are rarely resumed, and chunks rarely sent: where they are, faults shall meet them
        rate = self._rate**0.3 if _has_range(exchange) else self._rate
        if exchange.dice.random() >= rate:
            return None
        fitting = [kind for kind in self._kinds if KINDS[kind].fits(exchange)]
        # those that only some requests can meet would be rare among those that all do
        special = [kind for kind in fitting if KINDS[kind].fits is not _always]
        return exchange.dice.choice(special * 3 + fitting) if fitting else None

    # --- secrets ------------------------------------------------------------------------------

    def signed(self, path: str) -> str:
        """A URL of the storage host for ``path``, with a signature as secret as a password."""
        signature = self._secret("sig")
        self._signatures.add(signature)
        return f"{self.scheme}://{self.storage}{path}{'&' if '?' in path else '?'}sig={signature}"

    def token(self, authorization: str) -> web.Response:
        """What the token service answers."""
        account = base64.b64encode(":".join(self.account or ()).encode()).decode()
        if authorization != f"Basic {account}":
            return web.json_response({"errors": [{"code": "UNAUTHORIZED"}]}, status=401)
        token = self._secret("token")
        self._tokens.add(token)
        return web.json_response({"token": token, "expires_in": 300})

    def admits(self, authorization: str) -> bool:
        """Whether a request may pass."""
        return self.account is None or authorization.removeprefix("Bearer ") in self._tokens

    def challenge(self, error: str = "") -> web.Response:
        """401 with the way to the token service; the registry echoes what it was sent, as some do."""
        realm = f'Bearer realm="{self.scheme}://{self.address}/token",service="faults"{error}'
        body = {"errors": [{"code": "UNAUTHORIZED", "message": "authentication required"}]}
        return web.json_response(body, status=401, headers={"WWW-Authenticate": realm})

    def revoke(self, authorization: str) -> None:
        """Let a token have expired."""
        self._tokens.discard(authorization.removeprefix("Bearer "))

    def _secret(self, kind: str) -> str:
        secret = f"{kind}{self._random.getrandbits(96):024x}"
        self.secrets.add(secret)
        return secret


class _Exchange:
    """One request on its way through the proxy."""

    def __init__(self, proxy: FaultProxy, request: web.Request, dice: Random) -> None:
        self.proxy = proxy
        self.request = request
        self.dice = dice
        self.method = request.method
        self.size = request.content_length or 0
        self.authorization = request.headers.get("Authorization", "")
        self.is_token = request.path == "/token"
        self.is_content = self.method == "GET" and ("/blobs/sha" in request.path or self.is_manifest)
        self.opens_upload = self.method == "POST" and request.path.endswith("/blobs/uploads/")

    @property
    def is_manifest(self) -> bool:
        return "/manifests/" in self.request.path

    @property
    def admitted(self) -> bool:
        return not self.is_token and self.proxy.admits(self.authorization)

    async def honest(self) -> web.StreamResponse:
        """What the registry would have answered without a fault."""
        return self.answer(await self.reply())

    async def reply(self, change: Callable[[bytes], bytes] = bytes) -> _Reply:
        """The honest answer, with the body of the request changed on its way."""
        if not self.admitted:
            special = self.proxy.token(self.authorization) if self.is_token else self.proxy.challenge()
            body = special.body if isinstance(special.body, bytes) else b""
            return _Reply(special.status, CIMultiDict(special.headers), body)
        return await self.forward(change(await self.request.read()))

    async def forward(self, body: bytes | AsyncIterator[bytes]) -> _Reply:
        headers = _kept(self.request.headers)
        size = len(body) if isinstance(body, bytes) else self.size
        headers["Content-Length"] = str(size)
        # aiohttp warns of large bodies in one piece
        data = io.BytesIO(body) if isinstance(body, bytes) else body
        url = URL(f"http://{self.proxy.backend}{self.request.raw_path}", encoded=True)
        async with self.proxy.session.request(
            self.method, url, headers=headers, data=data, allow_redirects=False
        ) as answer:
            kept = _kept(answer.headers)
            if self.method == "HEAD" and "Content-Length" in answer.headers:
                kept["Content-Length"] = answer.headers["Content-Length"]
            return _Reply(answer.status, kept, await answer.read())

    def answer(self, reply: _Reply) -> web.Response:
        return web.Response(status=reply.status, headers=reply.headers, body=reply.body)

    def hang_up(self, *, reset: bool = True) -> web.Response:
        """Drop the connection: RST, or an orderly end in the middle."""
        transport = self.request.transport
        if transport is not None and reset:
            linger = struct.pack("ii", 1, 0)
            transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            transport.abort()
        elif transport is not None:
            transport.close()
        return web.Response()

    async def first_half(self) -> AsyncIterator[bytes]:
        """Half of the body, then nothing more."""
        yield await self.request.content.readexactly(self.size // 2)
        raise ConnectionResetError


def _kept(headers: Mapping[str, str]) -> CIMultiDict[str]:
    return CIMultiDict((name, value) for name, value in headers.items() if name.lower() not in _PER_HOP)


# --- faults -----------------------------------------------------------------------------------


async def _reset_before(exchange: _Exchange) -> web.StreamResponse:
    return exchange.hang_up()


async def _reset_middle(exchange: _Exchange) -> web.StreamResponse:
    with suppress(aiohttp.ClientError, OSError):
        await exchange.forward(exchange.first_half())
    return exchange.hang_up()


async def _reset_after(exchange: _Exchange) -> web.StreamResponse:
    await exchange.reply()
    return exchange.hang_up()


async def _truncate(exchange: _Exchange) -> web.StreamResponse:
    reply = await exchange.reply()
    response = web.StreamResponse(status=reply.status, headers=reply.headers)
    response.content_length = len(reply.body)
    await response.prepare(exchange.request)
    await response.write(reply.body[: exchange.dice.randrange(len(reply.body) or 1)])
    return exchange.hang_up(reset=exchange.dice.random() < 0.5)


async def _slow(exchange: _Exchange) -> web.StreamResponse:
    reply = await exchange.reply()
    response = web.StreamResponse(status=reply.status, headers=reply.headers)
    response.content_length = len(reply.body)
    await response.prepare(exchange.request)
    step = len(reply.body) // 5 + 1
    for start in range(0, len(reply.body), step):
        await response.write(reply.body[start : start + step])
        await asyncio.sleep(0.001)
    return response


async def _stall(exchange: _Exchange) -> web.StreamResponse:
    """No answer at all, until the client gives up."""
    transport = exchange.request.transport
    while transport is not None and not transport.is_closing() and not exchange.proxy.stopping.is_set():
        await asyncio.sleep(0.01)
    return web.Response()


def _failing(status: int) -> Callable[[_Exchange], Awaitable[web.StreamResponse]]:
    async def strike(exchange: _Exchange) -> web.StreamResponse:
        headers = {"Content-Type": "text/html"}
        if status in (429, 503):
            asked = exchange.dice.choice(RETRY_AFTER)
            if asked is not None:
                headers["Retry-After"] = formatdate(usegmt=True) if asked == "DATE" else asked
        return web.Response(status=status, headers=headers, text=_PAGE.format(status))

    return strike


def _flipped(data: bytes) -> bytes:
    middle = len(data) // 2
    return data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :] if data else data


async def _corrupt(exchange: _Exchange) -> web.StreamResponse:
    reply = await exchange.reply()
    return exchange.answer(_Reply(reply.status, reply.headers, _flipped(reply.body)))


async def _corrupt_upload(exchange: _Exchange) -> web.StreamResponse:
    return exchange.answer(await exchange.reply(_flipped))


async def _wrong_digest(exchange: _Exchange) -> web.StreamResponse:
    reply = await exchange.reply()
    if reply.status < 300:
        reply.headers["Docker-Content-Digest"] = str(Digest.of(b"something else"))
    return exchange.answer(reply)


async def _lying_range(exchange: _Exchange) -> web.StreamResponse:
    """A wrong part, the whole instead of a part, none at all; or another progress than an upload made."""
    reply = await exchange.reply()
    if exchange.method == "PATCH":
        end = reply.headers.get("Range", "0-0").rpartition("-")[2]
        reply.headers["Range"] = f"0-{max(int(end) - exchange.dice.randrange(1, 4096), 0)}"
        return exchange.answer(reply)
    lie = exchange.dice.choice(("shifted", "other", "none", "unsaid"))
    match = _RANGE.match(exchange.request.headers.get("Range", ""))
    start = int(match[1]) if match else 0
    if lie == "none":
        return web.Response(status=416)
    if lie == "shifted":
        reply.headers["Content-Range"] = f"bytes {start + 1}-{start + len(reply.body)}/*"
    elif lie == "other":
        return exchange.answer(_Reply(reply.status, reply.headers, _flipped(reply.body)))
    else:
        reply.headers.pop("Content-Range", None)
    return exchange.answer(reply)


async def _expired(exchange: _Exchange) -> web.StreamResponse:
    exchange.proxy.revoke(exchange.authorization)
    if exchange.size and exchange.dice.random() < 0.5:
        await exchange.request.read()
    return exchange.proxy.challenge(',error="invalid_token"')


async def _redirect(exchange: _Exchange) -> web.StreamResponse:
    location = exchange.proxy.signed(exchange.request.raw_path)
    return web.Response(status=exchange.dice.choice((302, 307)), headers={"Location": location})


async def _elsewhere(exchange: _Exchange) -> web.StreamResponse:
    reply = await exchange.reply()
    if "Location" in reply.headers:
        reply.headers["Location"] = exchange.proxy.signed(reply.headers["Location"])
    return exchange.answer(reply)


async def _plain_location(exchange: _Exchange) -> web.StreamResponse:
    reply = await exchange.reply()
    if reply.headers.get("Location", "").startswith("/"):
        reply.headers["Location"] = f"http://{exchange.proxy.address}{reply.headers['Location']}"
    return exchange.answer(reply)


def _always(exchange: _Exchange) -> bool:  # noqa: ARG001
    return True


def _uploads(exchange: _Exchange) -> bool:
    return exchange.admitted and exchange.method in ("PUT", "PATCH") and exchange.size > 1


def _reads(exchange: _Exchange) -> bool:
    return exchange.admitted and exchange.is_content


def _says_digest(exchange: _Exchange) -> bool:
    return _reads(exchange) or (exchange.admitted and exchange.method in ("HEAD", "PUT"))


def _has_range(exchange: _Exchange) -> bool:
    partial = exchange.method == "PATCH" or "Range" in exchange.request.headers
    return exchange.admitted and partial


def _logged_in(exchange: _Exchange) -> bool:
    return exchange.admitted and exchange.proxy.account is not None


def _downloads(exchange: _Exchange) -> bool:
    return _reads(exchange) and not exchange.is_manifest


def _begins(exchange: _Exchange) -> bool:
    return exchange.admitted and exchange.opens_upload


KINDS: Mapping[str, _Kind] = {
    "reset-before": _Kind(_always, _reset_before),
    "reset-middle": _Kind(_uploads, _reset_middle),
    "reset-after": _Kind(_always, _reset_after),
    "truncate": _Kind(_reads, _truncate),
    "slow": _Kind(_reads, _slow),
    "stall": _Kind(_always, _stall),
    "429": _Kind(_always, _failing(429)),
    "500": _Kind(_always, _failing(500)),
    "502": _Kind(_always, _failing(502)),
    "503": _Kind(_always, _failing(503)),
    "413": _Kind(lambda exchange: _uploads(exchange) and exchange.size > LARGE_BODY_BYTES, _failing(413)),
    "corrupt": _Kind(_reads, _corrupt),
    "corrupt-upload": _Kind(_uploads, _corrupt_upload),
    "wrong-digest": _Kind(_says_digest, _wrong_digest),
    "lying-range": _Kind(_has_range, _lying_range),
    "expired": _Kind(_logged_in, _expired),
    "redirect": _Kind(_downloads, _redirect),
    "elsewhere": _Kind(_begins, _elsewhere),
    "plain-location": _Kind(
        lambda exchange: _begins(exchange) and exchange.proxy.tls is not None, _plain_location
    ),
}
"""Every fault by its name: before, in the middle of and after a request; in answers; in who and where."""
