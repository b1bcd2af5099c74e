"""What is watched of a cluster, as it stands at any moment."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from types import TracebackType
from typing import Self

from shipway.errors import ClusterNotFound, ShipwayError
from shipway.gitops.judging.view import Feed
from shipway.gitops.kubernetes import HELM_RELEASE, Name, Object
from shipway.ports import Cluster

# without its controller there is nothing of this kind, and nothing is wrong
_OPTIONAL = frozenset({HELM_RELEASE})


class Mirror:
    """Follows feeds; ``feeds`` holds those that were listed. Within ``async with``."""

    def __init__(self, cluster: Cluster) -> None:
        self.feeds: dict[Feed, Mapping[Name, Object]] = {}
        self._cluster = cluster
        self._tasks: dict[Feed, asyncio.Task[None]] = {}
        self._news = asyncio.Event()
        self._error: ShipwayError | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    def follow(self, feeds: Iterable[Feed]) -> None:
        """Watch these too."""
        for feed in feeds:
            if feed not in self._tasks:
                self._tasks[feed] = asyncio.create_task(self._follow(feed))

    async def changed(self) -> None:
        """Returns once something is new since the last call. Raises what ended a watch."""
        await self._news.wait()
        self._news.clear()
        if self._error is not None:
            raise self._error

    async def _follow(self, feed: Feed) -> None:
        kind, namespace = feed
        try:
            async for snapshot in self._cluster.watch(kind, namespace):
                self.feeds[feed] = snapshot
                self._news.set()
        except ClusterNotFound as error:
            if kind in _OPTIONAL:
                self.feeds[feed] = {}
            else:
                self._error = error
        except ShipwayError as error:
            self._error = error
        self._news.set()
