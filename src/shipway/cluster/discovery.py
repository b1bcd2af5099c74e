"""Which kinds an API serves, in which version, and under which path."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from urllib.parse import quote

from shipway.cluster.transport import Request, Transport
from shipway.errors import ClusterNotFound
from shipway.gitops.kubernetes import Kind, items, text, value


@dataclass(frozen=True, slots=True)
class Resource:
    """Where the objects of a kind are: ``base`` (``/apis/apps/v1``), ``plural``, whether in namespaces."""

    version: str
    base: str
    plural: str
    is_namespaced: bool

    def path(self, namespace: str | None = None, name: str | None = None) -> str:
        """The path of one object, of those of a namespace, or of all."""
        middle = f"/namespaces/{quote(namespace, safe='')}" if namespace and self.is_namespaced else ""
        return f"{self.base}{middle}/{self.plural}" + (f"/{quote(name, safe='')}" if name else "")


class Discovery:
    """Asks once for each group and version. Where a group has several versions the one that the server
    prefers is taken, and an older one for kinds that only that has."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._lock = asyncio.Lock()
        self._versions: dict[str, tuple[str, ...]] = {}
        self._resources: dict[str, dict[str, Resource]] = {}

    async def find(self, kind: Kind) -> Resource | None:
        """Where a kind is served, None where it is not."""
        async with self._lock:
            for version in await self._of_group(kind.group):
                found = (await self._of_version(kind.group, version)).get(kind.name)
                if found is not None:
                    return found
        return None

    async def require(self, kind: Kind) -> Resource:
        """The same. Raises ClusterNotFound."""
        found = await self.find(kind)
        if found is None:
            api = f"{kind.name}.{kind.group}" if kind.group else kind.name
            raise ClusterNotFound(
                f"{self._transport.access.name} does not serve {api}",
                cause="what defines this kind is not installed there",
                help="is this the right context? kubectl api-resources lists the kinds",
                status=404,
            )
        return found

    async def _of_group(self, group: str) -> tuple[str, ...]:
        if not group:
            return ("v1",)
        if group not in self._versions:
            self._versions[group] = await self._ask_group(group)
        return self._versions[group]

    async def _ask_group(self, group: str) -> tuple[str, ...]:
        try:
            answer = await self._transport.send(Request(f"ask for the API {group}", "GET", f"/apis/{group}"))
        except ClusterNotFound:
            return ()
        preferred = text(answer, "preferredVersion", "version")
        listed = [text(each, "version") for each in items(answer, "versions")]
        return tuple(dict.fromkeys(filter(None, (preferred, *listed))))

    async def _of_version(self, group: str, version: str) -> dict[str, Resource]:
        base = f"/apis/{group}/{version}" if group else f"/api/{version}"
        if base not in self._resources:
            try:
                answer = await self._transport.send(Request(f"ask for the kinds of {base}", "GET", base))
            except ClusterNotFound:
                answer = {}
            self._resources[base] = {
                text(each, "kind"): Resource(
                    version, base, text(each, "name"), value(each, "namespaced") is True
                )
                for each in items(answer, "resources")
                if "/" not in text(each, "name")
            }
        return self._resources[base]
