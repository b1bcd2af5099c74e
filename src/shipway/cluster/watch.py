"""A list that is kept up to date: watch with bookmarks, taken up where it broke, listed anew when too old.

Follows "Efficient detection of changes" of the Kubernetes API concepts: list, watch from its
resourceVersion, on 410 Gone list again.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field

import aiohttp

from shipway.cluster.discovery import Resource
from shipway.cluster.failures import refused, unreachable
from shipway.cluster.transport import Request, Transport, backoff
from shipway.errors import ClusterError, ClusterUnauthorized, ClusterUnreachable
from shipway.gitops.kubernetes import Kind, Name, Object, items, mapping, name_of, number, text

PAGE = 500
_WATCH_SECONDS = 240
# bookmarks come about every minute: a connection that is silent for longer is dead
_SILENCE_SECONDS = 150.0
_MOST_BREAKS = 10


class Gone(Exception):
    """The resourceVersion is too old, or a page of a list is."""


async def list_all(
    transport: Transport, resource: Resource, doing: str, path: str, query: Mapping[str, str]
) -> tuple[list[Object], str]:
    """All objects of a list, page by page, and its resourceVersion."""
    for _ in range(_MOST_BREAKS):
        try:
            return await _pages(transport, doing, path, query)
        except Gone:
            continue
    raise ClusterError(f"cannot {doing}: the list of {resource.plural} grows old faster than it is read")


async def _pages(
    transport: Transport, doing: str, path: str, query: Mapping[str, str]
) -> tuple[list[Object], str]:
    found: list[Object] = []
    following = ""
    while True:
        more = {"continue": following} if following else {}
        try:
            page = await transport.send(Request(doing, "GET", path, {**query, "limit": str(PAGE), **more}))
        except ClusterError as error:
            if error.status == 410:
                raise Gone from None
            raise
        found += items(page, "items")
        following = text(page, "metadata", "continue")
        if not following:
            return found, text(page, "metadata", "resourceVersion")


@dataclass
class Watch:
    """One list that is watched. ``snapshots`` gives what it holds, first and after every change."""

    transport: Transport
    resource: Resource
    kind: Kind
    namespace: str | None
    _known: dict[Name, Object] = field(default_factory=dict)
    _version: str = ""
    _breaks: int = 0

    @property
    def _path(self) -> str:
        return self.resource.path(self.namespace)

    @property
    def _doing(self) -> str:
        return f"watch {self.resource.plural}" + (f" in {self.namespace}" if self.namespace else "")

    async def snapshots(self) -> AsyncIterator[Mapping[Name, Object]]:
        """See ``ports.Cluster.watch``."""
        while True:
            if not self._version:
                listed, self._version = await list_all(
                    self.transport, self.resource, self._doing, self._path, {}
                )
                self._known = {name_of(self.kind, thing): thing for thing in listed}
                yield dict(self._known)
            try:
                async for line in self._stream():
                    if self._take(line):
                        yield dict(self._known)
            except Gone:
                self._version = ""
                await self._pause(None)
            except (aiohttp.ClientError, OSError, ValueError) as error:
                await self._pause(unreachable(self._doing, self.transport.access, error))
            except (ClusterUnreachable, ClusterUnauthorized) as error:
                await self._pause(error)

    async def _stream(self) -> AsyncIterator[bytes]:
        query = {
            "watch": "1",
            "resourceVersion": self._version,
            "allowWatchBookmarks": "true",
            "timeoutSeconds": str(_WATCH_SECONDS),
        }
        request = Request(self._doing, "GET", self._path, query)
        try:
            async with self.transport.lines(request, _SILENCE_SECONDS) as lines:
                async for line in lines:
                    yield line
        except ClusterError as error:
            if error.status == 410:
                raise Gone from None
            raise

    def _take(self, line: bytes) -> bool:
        """Follow one event; whether it changed anything. Raises Gone, ValueError for a broken line."""
        if not line.strip():
            return False
        event = json.loads(line)
        kind, thing = text(event, "type"), mapping(event, "object")
        if kind == "ERROR":
            if number(thing, "code") == 410:
                raise Gone
            raise refused(
                self._doing, self.transport.access, number(thing, "code"), json.dumps(thing).encode()
            )
        self._breaks = 0
        self._version = text(thing, "metadata", "resourceVersion") or self._version
        if kind == "BOOKMARK":
            return False
        name = name_of(self.kind, thing)
        if kind == "DELETED":
            self._known.pop(name, None)
        else:
            self._known[name] = thing
        return True

    async def _pause(self, error: ClusterError | None) -> None:
        """Wait longer each time that nothing came in between, and give up in the end."""
        self._breaks += 1
        if self._breaks > _MOST_BREAKS and error is not None:
            raise error from None
        await self.transport.sleep(backoff(self._breaks))
