"""Lists: tags, the catalog, and the referrers of a manifest; in pages, each with a Link to the next."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlencode

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from shipway.oci.manifest import OCI_INDEX, Descriptor
from shipway.registry.server.names import repository_of
from shipway.registry.server.refusal import Refusal, parse_digest, repository_unknown
from shipway.registry.server.store import Store

_MAX_COUNT = 1_000_000
# referrers in one answer, whatever their size
_MAX_REFERRERS = 1000
# a list of referrers is an index, and clients accept no larger one
_REFERRERS_BYTES = 3 * 1024 * 1024


class Listings:
    """The endpoints end-8 and end-12 of the distribution specification, and Docker's catalog."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def routes(self) -> list[Route]:
        return [
            Route("/v2/_catalog", self.catalog, methods=["GET"]),
            Route("/v2/{name:path}/tags/list", self.tags, methods=["GET"]),
            Route("/v2/{name:path}/referrers/{digest}", self.referrers, methods=["GET"]),
        ]

    async def catalog(self, request: Request) -> Response:
        count, last = _count(request), request.query_params.get("last", "")
        names = self._store.repositories(last, _one_more(count))
        return _page(request, {"repositories": names[:count]}, names, count)

    async def tags(self, request: Request) -> Response:
        name = repository_of(request)
        count, last = _count(request), request.query_params.get("last", "")
        tags = self._store.tags(name, last, _one_more(count))
        if not tags and not self._store.has_repository(name):
            raise repository_unknown(name)
        return _page(request, {"name": name, "tags": tags[:count]}, tags, count)

    async def referrers(self, request: Request) -> Response:
        name, subject = repository_of(request), parse_digest(request.path_params["digest"])
        query = request.query_params
        artifact_type = query.get("artifactType") or None
        count = min(_count(request) or _MAX_REFERRERS, _MAX_REFERRERS)
        last = query.get("last", "")
        found = self._store.referrers(name, subject, artifact_type, last, count + 1)
        shown = _fitting(found[:count])
        headers = {"OCI-Filters-Applied": "artifactType"} if artifact_type else {}
        if len(shown) < len(found):
            kept = {"artifactType": artifact_type} if artifact_type else {}
            kept |= {"n": query["n"]} if "n" in query else {}
            headers["Link"] = _link(request, {**kept, "last": shown[-1].digest})
        index = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": shown}
        return Response(msgspec.json.encode(index), headers=headers, media_type=OCI_INDEX)


def _count(request: Request) -> int | None:
    text = request.query_params.get("n")
    if text is None:
        return None
    if not (text.isascii() and text.isdigit()):
        raise Refusal(400, "UNSUPPORTED", f"n is {text!r}, it must be a number from 0")
    return min(int(text[:20]), _MAX_COUNT)


def _one_more(count: int | None) -> int:
    """How many rows to ask for, so as to see whether there is a next page; SQLite's -1 is no limit."""
    return -1 if count is None else count + 1


def _page(request: Request, body: object, items: list[str], count: int | None) -> Response:
    headers = {}
    if count and len(items) > count:
        headers["Link"] = _link(request, {"n": str(count), "last": items[count - 1]})
    return Response(msgspec.json.encode(body), headers=headers, media_type="application/json")


def _link(request: Request, query: Mapping[str, str]) -> str:
    return f'<{request.url.path}?{urlencode(query)}>; rel="next"'


def _fitting(descriptors: list[Descriptor]) -> list[Descriptor]:
    """As many of them, at least one, as one index should hold."""
    size = 0
    for position, descriptor in enumerate(descriptors):
        size += len(msgspec.json.encode(descriptor))
        if size > _REFERRERS_BYTES and position:
            return descriptors[:position]
    return descriptors
