"""The objects of the fake API server, with versions, conflicts and a history to watch."""

from __future__ import annotations

import asyncio
import copy
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from shipway.gitops.kubernetes import (
    CERTIFICATE,
    CRON_JOB,
    DAEMON_SET,
    DEPLOYMENT,
    EVENT,
    GIT_REPOSITORY,
    HELM_RELEASE,
    IMAGE_POLICY,
    JOB,
    KUSTOMIZATION,
    POD,
    SECRET,
    STATEFUL_SET,
    Kind,
)

_CREATED = "2026-01-01T00:00:00Z"
_SELECTABLE = frozenset({"metadata.name", "metadata.namespace"})


@dataclass(frozen=True, slots=True)
class Served:
    """A kind as it is served. ``versions`` has the preferred one first."""

    kind: Kind
    versions: tuple[str, ...]
    plural: str
    is_namespaced: bool = True
    has_status: bool = True
    selectable: frozenset[str] = frozenset()


KINDS = (
    Served(Kind("", "Namespace"), ("v1",), "namespaces", is_namespaced=False),
    Served(POD, ("v1",), "pods", selectable=frozenset({"status.phase", "spec.nodeName"})),
    Served(SECRET, ("v1",), "secrets", has_status=False),
    Served(
        EVENT,
        ("v1",),
        "events",
        has_status=False,
        selectable=frozenset({"involvedObject.kind", "involvedObject.name", "involvedObject.namespace"}),
    ),
    Served(DEPLOYMENT, ("v1",), "deployments"),
    Served(STATEFUL_SET, ("v1",), "statefulsets"),
    Served(DAEMON_SET, ("v1",), "daemonsets"),
    Served(JOB, ("v1",), "jobs"),
    Served(CRON_JOB, ("v1",), "cronjobs"),
    Served(GIT_REPOSITORY, ("v1",), "gitrepositories"),
    Served(KUSTOMIZATION, ("v1",), "kustomizations"),
    Served(HELM_RELEASE, ("v2",), "helmreleases"),
    Served(IMAGE_POLICY, ("v1", "v1beta2"), "imagepolicies"),
    Served(CERTIFICATE, ("v1",), "certificates"),
)


class Refused(Exception):
    """An answer that is no success: HTTP status, ``reason`` of the Status, message."""

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason
        self.message = message

    @property
    def body(self) -> dict[str, Any]:
        return {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
            "reason": self.reason,
            "code": self.status,
        }


@dataclass(frozen=True, slots=True)
class Change:
    """One event of a watch."""

    version: int
    type: str
    served: Served
    thing: Mapping[str, Any]


Key = tuple[str, str]
"""Namespace and name."""


@dataclass
class Store:
    """All objects. Used in one thread. ``floor`` is the oldest version that can still be watched from."""

    version: int = 100
    floor: int = 0
    history: list[Change] = field(default_factory=list)
    watchers: list[asyncio.Queue[Change | str]] = field(default_factory=list)
    _things: dict[Served, dict[Key, dict[str, Any]]] = field(default_factory=dict)

    def all(
        self, served: Served, namespace: str | None, selects: Callable[[Any], bool]
    ) -> list[dict[str, Any]]:
        """The objects of a namespace, or all, that are selected, by namespace and name."""
        found = sorted(self._things.get(served, {}).items())
        return [
            thing
            for (space, _), thing in found
            if (namespace is None or space == namespace) and selects(thing)
        ]

    def get(self, served: Served, namespace: str, name: str) -> dict[str, Any]:
        thing = self._things.get(served, {}).get((namespace, name))
        if thing is None:
            group = f".{served.kind.group}" if served.kind.group else ""
            raise Refused(404, "NotFound", f'{served.plural}{group} "{name}" not found')
        return thing

    def create(self, served: Served, namespace: str, thing: dict[str, Any]) -> dict[str, Any]:
        name = thing.get("metadata", {}).get("name", "")
        if not name:
            raise Refused(422, "Invalid", "metadata.name: Required value")
        if (namespace, name) in self._things.get(served, {}):
            raise Refused(409, "AlreadyExists", f'{served.plural} "{name}" already exists')
        made = copy.deepcopy(thing)
        meta = made.setdefault("metadata", {})
        meta.update(uid=str(uuid.uuid4()), creationTimestamp=_CREATED, generation=1)
        if served.is_namespaced:
            meta["namespace"] = namespace
        if served.has_status:
            made.pop("status", None)
        return self._put(served, namespace, made, "ADDED")

    def patch(
        self, served: Served, key: Key, change: Mapping[str, Any], *, is_status: bool
    ) -> dict[str, Any]:
        """A merge patch (RFC 7386) of the object, or of its status alone."""
        old = self.get(served, *key)
        return self.replace(served, key, merged(old, change), is_status=is_status)

    def replace(self, served: Served, key: Key, new: dict[str, Any], *, is_status: bool) -> dict[str, Any]:
        """Put a whole object, or its status alone. One with another resourceVersion conflicts."""
        old = self.get(served, *key)
        wanted = new.get("metadata", {}).get("resourceVersion")
        if wanted not in (None, old["metadata"]["resourceVersion"]):
            text = (
                f'Operation cannot be fulfilled on {served.plural} "{key[1]}": the object has been modified'
            )
            raise Refused(409, "Conflict", text)
        made = copy.deepcopy(old if is_status else new)
        if is_status:
            made["status"] = copy.deepcopy(new.get("status", {}))
        elif served.has_status:
            made.pop("status", None)
            if "status" in old:
                made["status"] = copy.deepcopy(old["status"])
        meta = made.setdefault("metadata", {})
        kept = ("uid", "creationTimestamp", "namespace", "name", "generation")
        meta.update({field: old["metadata"][field] for field in kept if field in old["metadata"]})
        if made.get("spec") != old.get("spec"):
            meta["generation"] += 1
        meta["resourceVersion"] = old["metadata"]["resourceVersion"]
        return old if made == old else self._put(served, key[0], made, "MODIFIED")

    def delete(self, served: Served, namespace: str, name: str) -> dict[str, Any]:
        gone = copy.deepcopy(self.get(served, namespace, name))
        del self._things[served][namespace, name]
        self._tell(served, gone, "DELETED")
        return gone

    def _put(self, served: Served, namespace: str, thing: dict[str, Any], type_: str) -> dict[str, Any]:
        self._tell(served, thing, type_)
        self._things.setdefault(served, {})[namespace, thing["metadata"]["name"]] = thing
        return thing

    def _tell(self, served: Served, thing: dict[str, Any], type_: str) -> None:
        self.version += 1
        thing["metadata"]["resourceVersion"] = str(self.version)
        change = Change(self.version, type_, served, thing)
        self.history.append(change)
        for watcher in self.watchers:
            watcher.put_nowait(change)

    def since(self, version: int) -> Iterator[Change]:
        """What happened after a version. Raises Refused (410) when that is too long ago."""
        if version < self.floor:
            raise Refused(410, "Expired", f"too old resource version: {version} ({self.floor})")
        return (change for change in self.history if change.version > version)

    def compact(self) -> None:
        """Forget the history, as etcd does after five minutes; whatever was seen until now is too old."""
        self.version += 1
        self.floor = self.version
        self.history.clear()


def merged(old: Any, change: Any) -> Any:
    """A JSON merge patch (RFC 7386)."""
    if not isinstance(change, Mapping):
        return copy.deepcopy(change)
    result = dict(old) if isinstance(old, Mapping) else {}
    for key, value in change.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merged(result.get(key), value)
    return result


def selector(served: Served, fields: str, labels: str) -> Callable[[Any], bool]:
    """Which objects a field selector and a label selector (equality only) take."""
    wanted = [pair.partition("=")[::2] for pair in fields.split(",") if pair]
    marks = [pair.partition("=")[::2] for pair in labels.split(",") if pair]
    for path, _ in wanted:
        if path not in _SELECTABLE | served.selectable:
            raise Refused(400, "BadRequest", f"field label not supported: {path}")

    def selects(thing: Any) -> bool:
        return all(_at(thing, path) == value for path, value in wanted) and all(
            thing["metadata"].get("labels", {}).get(key) == value for key, value in marks
        )

    return selects


def _at(thing: Any, path: str) -> Any:
    for key in path.split("."):
        thing = thing.get(key, {}) if isinstance(thing, Mapping) else {}
    return thing
