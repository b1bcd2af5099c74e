"""A proxy in front of a registry that does to requests what proxies and policies do."""

from __future__ import annotations

import base64
import threading
from asyncio import AbstractEventLoop, new_event_loop, run_coroutine_threadsafe
from collections.abc import Coroutine, Iterator
from contextlib import AsyncExitStack, contextmanager
from ssl import SSLContext
from typing import Any, TypeVar
from urllib.parse import urlsplit

import aiohttp
from aiohttp import web

from shipway.testing.scripted_registry import Handler, serving

_T = TypeVar("_T")
_DENIED = {"errors": [{"code": "DENIED", "message": "requested access to the resource is denied"}]}
_WRITES = frozenset({"POST", "PUT", "PATCH"})
_PER_HOP = frozenset({"host", "transfer-encoding", "connection", "content-length"})


def forward(
    session: aiohttp.ClientSession, backend: str, readers: frozenset[str], location: str | None
) -> Handler:
    """Passes requests on to ``backend`` (``http://HOST:PORT``), but refuses writes of the users ``readers``
    with 403 DENIED. ``location`` replaces scheme and host of the backend's Location where it is given."""

    async def handle(request: web.Request) -> web.StreamResponse:
        if request.method in _WRITES and _user(request) in readers:
            return web.json_response(_DENIED, status=403)
        headers = {name: value for name, value in request.headers.items() if name.lower() not in _PER_HOP}
        headers["Host"] = request.headers["Host"]
        url = f"{backend}{request.raw_path}"
        body = await request.read()
        async with session.request(
            request.method, url, headers=headers, data=body, allow_redirects=False
        ) as answer:
            kept = {name: value for name, value in answer.headers.items() if name.lower() not in _PER_HOP}
            if location is not None and "Location" in kept:
                parts = urlsplit(kept["Location"])
                kept["Location"] = f"{location}{parts.path}?{parts.query}"
            return web.Response(status=answer.status, headers=kept, body=await answer.read())

    return handle


def _user(request: web.Request) -> str:
    scheme, _, encoded = request.headers.get("Authorization", "").partition(" ")
    return base64.b64decode(encoded).decode().partition(":")[0] if scheme == "Basic" else ""


@contextmanager
def running_front(
    backend: str,
    *,
    readers: frozenset[str] = frozenset(),
    location: str | None = None,
    tls: SSLContext | None = None,
) -> Iterator[str]:
    """Serve ``forward`` on loopback from a thread of its own; gives ``127.0.0.1:PORT``."""
    loop = new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    stack = AsyncExitStack()
    try:
        yield _in(loop, _start(stack, backend, readers, location, tls))
    finally:
        _in(loop, stack.aclose())
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _start(
    stack: AsyncExitStack, backend: str, readers: frozenset[str], location: str | None, tls: SSLContext | None
) -> str:
    session = await stack.enter_async_context(aiohttp.ClientSession(auto_decompress=False))
    server = await stack.enter_async_context(serving(forward(session, backend, readers, location), tls=tls))
    return server.address


def _in(loop: AbstractEventLoop, work: Coroutine[Any, Any, _T]) -> _T:
    return run_coroutine_threadsafe(work, loop).result()
