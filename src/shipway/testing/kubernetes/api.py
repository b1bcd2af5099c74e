"""What tests do to a cluster, fake or real, through its API alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shipway.cluster.discovery import Discovery
from shipway.cluster.transport import MERGE_PATCH, Request, Transport
from shipway.errors import ClusterConflict, ClusterNotFound
from shipway.gitops.kubernetes import Kind, Name, Object
from shipway.testing.kubernetes.store import KINDS, Served

_DEFINITION = Kind("apiextensions.k8s.io", "CustomResourceDefinition")


class Api:
    """Makes, changes and deletes objects. Needs the rights of an administrator."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._discovery = Discovery(transport)

    async def create(self, name: Name, **body: Any) -> Object:
        """Make an object; what is there already stays as it is. Its namespace has to exist."""
        resource = await self._discovery.require(name.kind)
        group = f"{name.kind.group}/" if name.kind.group else ""
        meta = {**body.pop("metadata", {}), "name": name.name}
        thing = {"apiVersion": f"{group}{resource.version}", "kind": name.kind.name, "metadata": meta, **body}
        try:
            return await self._send(f"create {name}", "POST", resource.path(name.namespace), thing)
        except ClusterConflict:
            return await self.get(name)

    async def get(self, name: Name) -> Object:
        """An object. Raises ClusterNotFound."""
        resource = await self._discovery.require(name.kind)
        return await self._send(f"read {name}", "GET", resource.path(name.namespace, name.name), None)

    async def patch(self, name: Name, change: Mapping[str, Any]) -> Object:
        """Merge a change into an object."""
        resource = await self._discovery.require(name.kind)
        return await self._send(
            f"change {name}", "PATCH", resource.path(name.namespace, name.name), change, MERGE_PATCH
        )

    async def patch_status(self, name: Name, status: Mapping[str, Any]) -> Object:
        """Merge a change into the status of an object, as its controller does."""
        resource = await self._discovery.require(name.kind)
        path = f"{resource.path(name.namespace, name.name)}/status"
        return await self._send(f"change {name}", "PATCH", path, {"status": dict(status)}, MERGE_PATCH)

    async def delete(self, name: Name) -> None:
        """Delete an object at once, if it is there."""
        resource = await self._discovery.require(name.kind)
        path = resource.path(name.namespace, name.name)
        try:
            await self._send(f"delete {name}", "DELETE", path, {"gracePeriodSeconds": 0})
        except ClusterNotFound:
            return

    async def define(self, served: Served) -> None:
        """Have a real cluster serve a kind of Flux, with a schema that takes anything."""
        if await Discovery(self._transport).find(served.kind) is not None:
            return
        anything = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
        versions = [
            {
                "name": version,
                "served": True,
                "storage": version == served.versions[0],
                "schema": {"openAPIV3Schema": anything},
                "subresources": {"status": {}},
            }
            for version in served.versions
        ]
        names = {"plural": served.plural, "kind": served.kind.name, "singular": served.kind.name.lower()}
        await self.create(
            Name(_DEFINITION, "", f"{served.plural}.{served.kind.group}"),
            spec={"group": served.kind.group, "scope": "Namespaced", "names": names, "versions": versions},
        )

    async def _send(
        self, doing: str, method: str, path: str, body: object, media_type: str = "application/json"
    ) -> Object:
        found: Object = await self._transport.send(Request(doing, method, path, {}, body, media_type))
        return found


CUSTOM = tuple(each for each in KINDS if "." in each.kind.group)
"""The kinds that a cluster without Flux and cert-manager does not serve."""
