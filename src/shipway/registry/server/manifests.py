"""Manifests and tags: read, pushed and deleted."""

from __future__ import annotations

import asyncio

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from shipway.registry.server.checked import check_manifest
from shipway.registry.server.claims import claimed
from shipway.registry.server.names import reference_of, repository_of, require_tag
from shipway.registry.server.refusal import Refusal
from shipway.registry.server.store import Store
from shipway.values import Digest

MAX_PUSHED_BYTES = 4 * 1024 * 1024


class Manifests:
    """The endpoints end-3, 7 and 9 of the distribution specification."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def routes(self) -> list[Route]:
        path = "/v2/{name:path}/manifests/{reference}"
        return [
            Route(path, self.get, methods=["GET", "HEAD"]),
            Route(path, self.put, methods=["PUT"]),
            Route(path, self.delete, methods=["DELETE"]),
        ]

    async def get(self, request: Request) -> Response:
        name, reference = repository_of(request), reference_of(request)
        if isinstance(reference, Digest):
            await claimed(self._store, name, reference)
        digest, manifest = self._store.manifest(name, reference)
        headers = {
            "Docker-Content-Digest": str(digest),
            "ETag": f'"{digest}"',
            "Content-Type": manifest.media_type,
        }
        return Response(manifest.data, headers=headers)

    async def put(self, request: Request) -> Response:
        """Push to a tag, or to a digest with the tags of the query."""
        name, reference = repository_of(request), reference_of(request)
        tags = request.query_params.getlist("tag") if isinstance(reference, Digest) else [reference]
        for tag in tags:
            require_tag(tag)
        data = await _body(request)
        digest = _digest_of(data, reference)
        checked = check_manifest(request.headers.get("content-type", ""), data, digest)
        await asyncio.to_thread(self._store.put_manifest, name, checked, tags)
        headers = {"Location": f"/v2/{name}/manifests/{digest}", "Docker-Content-Digest": str(digest)}
        if checked.subject:
            headers["OCI-Subject"] = str(checked.subject)
        if tags and isinstance(reference, Digest):
            headers["OCI-Tag"] = ", ".join(tags)
        return Response(status_code=201, headers=headers)

    async def delete(self, request: Request) -> Response:
        name, reference = repository_of(request), reference_of(request)
        if isinstance(reference, Digest):
            await asyncio.to_thread(self._store.delete_manifest, name, reference)
        else:
            await asyncio.to_thread(self._store.delete_tag, name, reference)
        return Response(status_code=202)


async def _body(request: Request) -> bytes:
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > MAX_PUSHED_BYTES:
            raise Refusal(413, "SIZE_INVALID", f"a manifest has at most {MAX_PUSHED_BYTES} bytes")
    return bytes(body)


def _digest_of(data: bytes, reference: str | Digest) -> Digest:
    if not isinstance(reference, Digest):
        return Digest.of(data)
    actual = Digest.of(data, reference.algorithm)
    if actual != reference:
        raise Refusal(400, "DIGEST_INVALID", f"the manifest that arrived has digest {actual}")
    return actual
