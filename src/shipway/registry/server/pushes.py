"""Blob uploads: at once, in chunks, mounted, looked up and cancelled."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from shipway.registry.server.names import repository_of
from shipway.registry.server.ranges import parse_chunk, progress
from shipway.registry.server.refusal import Refusal, parse_digest
from shipway.registry.server.store import Store
from shipway.registry.server.threads import to_the_end
from shipway.registry.server.uploads import Upload
from shipway.values import Digest

_BATCH_BYTES = 1 << 20
_ALGORITHMS = frozenset({"sha256", "sha512"})


class Pushes:
    """The endpoints end-4, 5, 6, 11, 13 and 14 of the distribution specification.

    A request that fails leaves the upload as it was, so that it can be sent again as it is; only of a PATCH
    whose connection broke, what arrived is kept, and a client can go on from there.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._uploads = store.uploads

    def routes(self) -> list[Route]:
        path = "/v2/{name:path}/blobs/uploads/{id}"
        return [
            Route("/v2/{name:path}/blobs/uploads/", self.post, methods=["POST"]),
            Route("/v2/{name:path}/blobs/uploads", self.post, methods=["POST"]),
            Route(path, self.patch, methods=["PATCH"]),
            Route(path, self.put, methods=["PUT"]),
            Route(path, self.status, methods=["GET", "HEAD"]),
            Route(path, self.cancel, methods=["DELETE"]),
        ]

    async def post(self, request: Request) -> Response:
        """Mount a blob, take it whole, or open an upload."""
        name = repository_of(request)
        query = request.query_params
        if "mount" in query:
            digest = parse_digest(query["mount"])
            if await asyncio.to_thread(self._store.mount, name, digest, query.get("from") or None):
                return _created(name, digest)
        whole = parse_digest(query["digest"]) if "digest" in query else None
        algorithm = whole.algorithm if whole else query.get("digest-algorithm", "sha256")
        if algorithm not in _ALGORITHMS:
            raise Refusal(400, "DIGEST_INVALID", f"digest algorithm {algorithm!r} is not supported")
        id = await asyncio.to_thread(self._uploads.begin, name, algorithm)
        if whole is None:
            return Response(status_code=202, headers=_whereabouts(name, id, 0))
        try:
            await self._finish(request, name, id, whole)
        except BaseException:
            # nobody was told of this upload; its file may be a blob already
            with suppress(Refusal):
                await asyncio.to_thread(self._uploads.cancel, name, id)
            raise
        return _created(name, whole)

    async def patch(self, request: Request) -> Response:
        """Append a chunk, or a stream of unknown length."""
        name, id = repository_of(request), request.path_params["id"]
        with self._uploads.writing(name, id) as upload:
            await _append(request, name, upload)
            return Response(status_code=202, headers=_whereabouts(name, id, upload.size))

    async def put(self, request: Request) -> Response:
        """Take the rest, if any, and close the upload."""
        name, id = repository_of(request), request.path_params["id"]
        digest = parse_digest(request.query_params.get("digest", ""))
        await self._finish(request, name, id, digest)
        return _created(name, digest)

    async def status(self, request: Request) -> Response:
        name, id = repository_of(request), request.path_params["id"]
        return Response(status_code=204, headers=_whereabouts(name, id, self._uploads.size(name, id)))

    async def cancel(self, request: Request) -> Response:
        name, id = repository_of(request), request.path_params["id"]
        await asyncio.to_thread(self._uploads.cancel, name, id)
        return Response(status_code=204)

    async def _finish(self, request: Request, name: str, id: str, digest: Digest) -> None:
        with self._uploads.writing(name, id) as upload:
            await _append(request, name, upload)
            await to_the_end(self._store.commit, name, upload, digest)


async def _append(request: Request, name: str, upload: Upload) -> None:
    """Append the body of the request, in the place and of the length that Content-Range declares."""
    header = request.headers.get("content-range")
    declared = parse_chunk(header) if header is not None else None
    before = upload.size
    if declared and declared.start != before:
        raise Refusal(
            416,
            "BLOB_UPLOAD_INVALID",
            f"chunk {header} is out of order: {before} bytes have arrived",
            headers=_whereabouts(name, upload.id, before),
        )
    complete = await _receive(request, upload)
    if complete and declared and upload.size != declared.end:
        raise Refusal(
            400,
            "SIZE_INVALID",
            f"chunk {header} has {upload.size - before} bytes instead of {declared.length}",
        )


async def _receive(request: Request, upload: Upload) -> bool:
    """Append the body of the request. False when the connection was lost before its end."""
    writing: asyncio.Task[None] | None = None
    try:
        # one batch is hashed and written in a thread while the next one arrives
        async for batch in _batches(request.stream()):
            if writing:
                await writing
            writing = asyncio.create_task(to_the_end(upload.append, batch))
    except ClientDisconnect:
        return False
    finally:
        if writing:
            await writing
    return True


async def _batches(stream: AsyncIterator[bytes]) -> AsyncIterator[list[bytes]]:
    batch: list[bytes] = []
    size = 0
    try:
        async for piece in stream:
            batch.append(piece)
            size += len(piece)
            if size >= _BATCH_BYTES:
                yield batch
                batch, size = [], 0
    except ClientDisconnect:
        yield batch
        raise
    if size:
        yield batch


def _whereabouts(name: str, id: str, size: int) -> Mapping[str, str]:
    return {
        "Location": f"/v2/{name}/blobs/uploads/{id}",
        "Range": progress(size),
        "Docker-Upload-UUID": id,
    }


def _created(name: str, digest: Digest) -> Response:
    headers = {"Location": f"/v2/{name}/blobs/{digest}", "Docker-Content-Digest": str(digest)}
    return Response(status_code=201, headers=headers)
