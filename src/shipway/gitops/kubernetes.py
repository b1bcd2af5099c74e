"""Objects of Kubernetes as the API gives them: kinds, names, and reading what may not be there.

An object is JSON from a server: every reader here gives an empty value for what is missing or has another
type, and never fails.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

Object: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True, slots=True, order=True)
class Kind:
    """A kind of objects: API ``group`` (empty for the core) and ``name``, the ``kind`` of manifests."""

    group: str
    name: str

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True, order=True)
class Name:
    """One object. ``namespace`` is empty for those of the cluster as a whole."""

    kind: Kind
    namespace: str
    name: str

    def __str__(self) -> str:
        return (
            f"{self.kind.name} {self.namespace}/{self.name}" if self.namespace else f"{self.kind} {self.name}"
        )


GIT_REPOSITORY = Kind("source.toolkit.fluxcd.io", "GitRepository")
KUSTOMIZATION = Kind("kustomize.toolkit.fluxcd.io", "Kustomization")
HELM_RELEASE = Kind("helm.toolkit.fluxcd.io", "HelmRelease")
IMAGE_POLICY = Kind("image.toolkit.fluxcd.io", "ImagePolicy")
DEPLOYMENT = Kind("apps", "Deployment")
STATEFUL_SET = Kind("apps", "StatefulSet")
DAEMON_SET = Kind("apps", "DaemonSet")
JOB = Kind("batch", "Job")
CRON_JOB = Kind("batch", "CronJob")
POD = Kind("", "Pod")
SECRET = Kind("", "Secret")
EVENT = Kind("", "Event")
CERTIFICATE = Kind("cert-manager.io", "Certificate")

WORKLOADS = (DEPLOYMENT, STATEFUL_SET, DAEMON_SET, JOB, CRON_JOB, POD)
"""The kinds that name images themselves and that ``gitops.rollout`` can judge."""


def name_of(kind: Kind, thing: Object) -> Name:
    """The name of an object of this kind."""
    return Name(kind, text(thing, "metadata", "namespace"), text(thing, "metadata", "name"))


def value(thing: object, *path: str) -> Any:
    """What is under these keys, None where one is missing."""
    for key in path:
        thing = thing.get(key) if isinstance(thing, Mapping) else None
    return thing


def text(thing: object, *path: str) -> str:
    """The text under these keys, ``""`` for anything else."""
    found = value(thing, *path)
    return found if isinstance(found, str) else ""


def number(thing: object, *path: str, default: int = 0) -> int:
    """The whole number under these keys."""
    found = value(thing, *path)
    return found if isinstance(found, int) and not isinstance(found, bool) else default


def mapping(thing: object, *path: str) -> Object:
    """The mapping under these keys."""
    found = value(thing, *path)
    return found if isinstance(found, Mapping) else {}


def items(thing: object, *path: str) -> list[Object]:
    """The mappings of the list under these keys."""
    found = value(thing, *path)
    return [item for item in found if isinstance(item, Mapping)] if isinstance(found, list) else []


@dataclass(frozen=True, slots=True)
class Condition:
    """One entry of ``status.conditions``. ``generation`` is the one that it was observed at, None when it
    does not tell (Kubernetes' own kinds do not)."""

    status: str
    reason: str
    message: str
    generation: int | None

    def is_current(self, thing: Object) -> bool:
        """Whether it speaks of the object as it is specified now."""
        return self.generation is None or self.generation == generation(thing)


def condition(thing: Object, kind: str) -> Condition | None:
    """The condition of a type, None when the object does not have it."""
    for entry in items(thing, "status", "conditions"):
        if text(entry, "type") == kind:
            observed = value(entry, "observedGeneration")
            return Condition(
                text(entry, "status"),
                text(entry, "reason"),
                text(entry, "message"),
                observed if isinstance(observed, int) else None,
            )
    return None


def generation(thing: Object) -> int:
    """``metadata.generation``: counts the changes of the specification."""
    return number(thing, "metadata", "generation")
