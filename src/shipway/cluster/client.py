"""The client of one cluster: satisfies ``ports.Cluster``."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence

from shipway.cluster.discovery import Discovery
from shipway.cluster.transport import MERGE_PATCH, Request, Transport, backoff
from shipway.cluster.watch import Watch, list_all
from shipway.errors import ClusterConflict, ClusterNotFound
from shipway.gitops.kubernetes import Kind, Name, Object

_PATCHES = 5


class KubernetesCluster:
    """One cluster, within one event loop; close it in the end."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._discovery = Discovery(transport)
        self.name = transport.access.name

    async def close(self) -> None:
        """Close every connection."""
        await self._transport.close()

    async def version(self, kind: Kind) -> str | None:
        """See ``ports.Cluster``."""
        found = await self._discovery.find(kind)
        return found.version if found else None

    async def get(self, name: Name) -> Object | None:
        """See ``ports.Cluster``."""
        resource = await self._discovery.require(name.kind)
        path = resource.path(name.namespace, name.name)
        try:
            found: Object = await self._transport.send(Request(f"read {name}", "GET", path))
        except ClusterNotFound:
            return None
        return found

    async def list(
        self, kind: Kind, namespace: str | None = None, *, fields: Mapping[str, str] | None = None
    ) -> Sequence[Object]:
        """See ``ports.Cluster``."""
        resource = await self._discovery.require(kind)
        selector = ",".join(f"{key}={value}" for key, value in (fields or {}).items())
        query = {"fieldSelector": selector} if selector else {}
        doing = f"list {resource.plural}" + (f" in {namespace}" if namespace else "")
        found, _ = await list_all(self._transport, resource, doing, resource.path(namespace), query)
        return found

    async def merge_patch(self, name: Name, patch: Object) -> Object:
        """See ``ports.Cluster``. A patch names no resourceVersion, so it is right whatever came between."""
        resource = await self._discovery.require(name.kind)
        path = resource.path(name.namespace, name.name)
        request = Request(f"change {name}", "PATCH", path, body=patch, media_type=MERGE_PATCH)
        for number in range(1, _PATCHES):
            try:
                changed: Object = await self._transport.send(request)
            except ClusterConflict:
                await self._transport.sleep(backoff(number))
            else:
                return changed
        last: Object = await self._transport.send(request)
        return last

    async def watch(self, kind: Kind, namespace: str | None = None) -> AsyncIterator[Mapping[Name, Object]]:
        """See ``ports.Cluster``."""
        resource = await self._discovery.require(kind)
        async for snapshot in Watch(self._transport, resource, kind, namespace).snapshots():
            yield snapshot
