"""Blobs: looked up, read whole or in part, and deleted."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from shipway.registry.server.claims import claimed
from shipway.registry.server.names import repository_of
from shipway.registry.server.ranges import Span, requested
from shipway.registry.server.refusal import parse_digest
from shipway.registry.server.store import Store

_PIECE_BYTES = 1 << 20


class Blobs:
    """The endpoints end-2 and end-10 of the distribution specification."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def routes(self) -> list[Route]:
        path = "/v2/{name:path}/blobs/{digest}"
        return [
            Route(path, self.get, methods=["GET", "HEAD"]),
            Route(path, self.delete, methods=["DELETE"]),
        ]

    async def get(self, request: Request) -> Response:
        # reads stay on the event loop: they wait for no writer and cost less than a change of thread
        digest = parse_digest(request.path_params["digest"])
        name = repository_of(request)
        await claimed(self._store, name, digest)
        size = self._store.blob_size(name, digest)
        headers = {
            "Docker-Content-Digest": str(digest),
            "ETag": f'"{digest}"',
            "Accept-Ranges": "bytes",
            "Content-Type": "application/octet-stream",
            "Content-Length": str(size),
        }
        if request.method == "HEAD":
            return Response(headers=headers)
        span = _requested(request, size, headers["ETag"])
        if span is not None:
            headers["Content-Length"] = str(span.length)
            headers["Content-Range"] = f"bytes {span.start}-{span.end - 1}/{size}"
        path = self._store.layout.blob_path(digest)
        return StreamingResponse(_pieces(path, span or Span(0, size)), 206 if span else 200, headers)

    async def delete(self, request: Request) -> Response:
        name = repository_of(request)
        digest = parse_digest(request.path_params["digest"])
        await asyncio.to_thread(self._store.delete_blob, name, digest)
        return Response(status_code=202)


def _requested(request: Request, size: int, etag: str) -> Span | None:
    condition = request.headers.get("if-range")
    if condition is not None and condition != etag:
        return None
    return requested(request.headers.get("range"), size)


async def _pieces(path: Path, span: Span) -> AsyncIterator[bytes]:
    with path.open("rb", buffering=0) as file:
        start = span.start
        while start < span.end:
            length = min(_PIECE_BYTES, span.end - start)
            piece = await asyncio.to_thread(os.pread, file.fileno(), length, start)
            if not piece:
                raise OSError(f"{path} ended early")
            yield piece
            start += len(piece)
