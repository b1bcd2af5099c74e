"""Whether workloads are rolled out, and which digests their pods run.

The rules are kstatus' (the library that Flux judges health with): a Deployment whose progress deadline has
passed has failed; else counters tell. What pods run is ``status.containerStatuses[].imageID``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from shipway.errors import InvalidValue
from shipway.gitops.kubernetes import (
    CRON_JOB,
    DAEMON_SET,
    DEPLOYMENT,
    JOB,
    POD,
    STATEFUL_SET,
    Kind,
    Name,
    Object,
    condition,
    generation,
    items,
    mapping,
    name_of,
    number,
    text,
    value,
)
from shipway.gitops.verdict import Standing
from shipway.values import Reference

_TEMPLATES: Mapping[Kind, tuple[str, ...]] = {
    POD: ("spec",),
    CRON_JOB: ("spec", "jobTemplate", "spec", "template", "spec"),
}
_TEMPLATE = ("spec", "template", "spec")
_CONTAINERS = ("initContainers", "containers")
_STATUSES = ("initContainerStatuses", "containerStatuses")
# what a container waits for that no waiting mends
_HOPELESS = frozenset({"InvalidImageName", "ErrImageNeverPull"})


@dataclass(frozen=True, slots=True)
class Promoted:
    """An image that should run: ``reference`` names its repository and tag, ``digests`` are those that a pod
    may run, of the index and of the manifests of its platforms."""

    image: str
    reference: Reference
    digests: frozenset[str]

    def is_declared_by(self, written: str) -> bool:
        """Whether an ``image:`` of a manifest names exactly this one: by digest, or by tag without one."""
        found = parsed(written)
        if found is None or found.name != self.reference.name:
            return False
        if found.digest is not None:
            return str(found.digest) in self.digests
        return found.tag is not None and found.tag == self.reference.tag

    def is_named_by(self, written: str) -> bool:
        """Whether an ``image:`` of a manifest is of the same repository."""
        found = parsed(written)
        return found is not None and found.name == self.reference.name


def parsed(written: str) -> Reference | None:
    """The reference that a manifest names, None for what is none."""
    try:
        return Reference.parse(written)
    except InvalidValue:
        return None


def images_of(kind: Kind, thing: Object) -> tuple[str, ...]:
    """The images that a workload names, in order."""
    spec = mapping(thing, *_TEMPLATES.get(kind, _TEMPLATE))
    return tuple(text(each, "image") for field in _CONTAINERS for each in items(spec, field))


def judge_workload(kind: Kind, thing: Object) -> Standing:
    """Whether a workload is rolled out: kstatus' rules for its kind. A CronJob is when it is there."""
    name = name_of(kind, thing)
    if text(thing, "metadata", "deletionTimestamp"):
        return Standing(name, "failed", "Terminating", f"{name} is being deleted")
    is_counted = kind in (DEPLOYMENT, STATEFUL_SET, DAEMON_SET)
    if is_counted and number(thing, "status", "observedGeneration") < generation(thing):
        return Standing(name, "waiting", "", "its controller has not seen the change yet")
    failed = _failure(kind, thing)
    if failed is not None:
        return Standing(name, "failed", *failed)
    rules = _RULES[kind](thing) if kind in _RULES else ()
    lacking = next((why for holds, why in rules if not holds), None)
    if lacking is not None:
        return Standing(name, "waiting", "Progressing", lacking)
    return Standing(name, "done", "RolledOut", "rolled out")


def _failure(kind: Kind, thing: Object) -> tuple[str, str] | None:
    progressing, failed = condition(thing, "Progressing"), condition(thing, "Failed")
    if kind == DEPLOYMENT and progressing and progressing.reason == "ProgressDeadlineExceeded":
        return progressing.reason, progressing.message
    if kind == JOB and failed and failed.status == "True":
        return failed.reason, failed.message
    if kind == POD and text(thing, "status", "phase") == "Failed":
        return text(thing, "status", "reason") or "Failed", text(thing, "status", "message") or "it failed"
    return None


_Rules = Iterator[tuple[bool, str]]


def _deployment(thing: Object) -> _Rules:
    wanted = number(thing, "spec", "replicas", default=1)
    updated, all_ = number(thing, "status", "updatedReplicas"), number(thing, "status", "replicas")
    available = number(thing, "status", "availableReplicas")
    yield updated >= wanted, f"{updated} of {wanted} pods are updated"
    yield all_ <= updated, f"{all_ - updated} pods of the version before still run"
    yield available >= wanted, f"{available} of {wanted} pods are available"
    found = condition(thing, "Available")
    yield found is not None and found.status == "True", "it is not Available yet"


def _stateful_set(thing: Object) -> _Rules:
    if text(thing, "spec", "updateStrategy", "type") == "OnDelete":
        return
    wanted = number(thing, "spec", "replicas", default=1)
    ready = number(thing, "status", "readyReplicas")
    yield ready >= wanted, f"{ready} of {wanted} pods are ready"
    partition = number(thing, "spec", "updateStrategy", "rollingUpdate", "partition")
    updated, due = number(thing, "status", "updatedReplicas"), max(wanted - partition, 0)
    yield updated >= due, f"{updated} of {due} pods are updated"
    same = text(thing, "status", "currentRevision") == text(thing, "status", "updateRevision")
    yield partition > 0 or same, "pods of the version before still run"


def _daemon_set(thing: Object) -> _Rules:
    if text(thing, "spec", "updateStrategy", "type") == "OnDelete":
        return
    wanted = number(thing, "status", "desiredNumberScheduled", default=-1)
    yield wanted >= 0, "its controller has not counted nodes yet"
    updated = number(thing, "status", "updatedNumberScheduled")
    available = number(thing, "status", "numberAvailable")
    yield updated >= wanted, f"{updated} of {wanted} pods are updated"
    yield available >= wanted, f"{available} of {wanted} pods are available"


def _job(thing: Object) -> _Rules:
    found = condition(thing, "Complete")
    yield found is not None and found.status == "True", "it has not completed yet"


def _pod(thing: Object) -> _Rules:
    found, phase = condition(thing, "Ready"), text(thing, "status", "phase")
    yield phase == "Succeeded" or (found is not None and found.status == "True"), f"it is {phase or 'new'}"


_RULES = {
    DEPLOYMENT: _deployment,
    STATEFUL_SET: _stateful_set,
    DAEMON_SET: _daemon_set,
    JOB: _job,
    POD: _pod,
}


def pods_of(kind: Kind, workload: Object, pods: Sequence[Object]) -> list[Object]:
    """The pods of a workload that run or will: those that its selector matches and that are not leaving."""
    selector = mapping(workload, "spec", "selector")
    namespace = text(workload, "metadata", "namespace")
    return [
        pod
        for pod in pods
        if text(pod, "metadata", "namespace") == namespace
        and selects(selector, mapping(pod, "metadata", "labels"))
        and not text(pod, "metadata", "deletionTimestamp")
        and text(pod, "status", "phase") not in (() if kind == JOB else ("Succeeded", "Failed"))
    ]


def selects(selector: Object, labels: Object) -> bool:
    """A label selector of Kubernetes; an empty one selects nothing here, as none of ours may be empty."""
    exact = mapping(selector, "matchLabels")
    rules = items(selector, "matchExpressions")
    if not exact and not rules:
        return False
    return all(labels.get(key) == wanted for key, wanted in exact.items()) and all(
        _matches(rule, labels) for rule in rules
    )


def _matches(rule: Object, labels: Object) -> bool:
    key, operator, values = text(rule, "key"), text(rule, "operator"), value(rule, "values")
    among = labels.get(key) in (values if isinstance(values, list) else [])
    return {
        "In": key in labels and among,
        "NotIn": key not in labels or not among,
        "Exists": key in labels,
        "DoesNotExist": key not in labels,
    }.get(operator, False)


@dataclass(frozen=True, slots=True)
class Running:
    """A container that names a promoted image: ``digest`` is what it runs, ``""`` before it does; ``trouble``
    what it waits for, and whether that is ``hopeless``."""

    pod: Name
    container: str
    digest: str
    trouble: str = ""
    hopeless: bool = False


def running(promoted: Promoted, pods: Sequence[Object]) -> list[Running]:
    """The containers of pods that are declared to run a promoted image."""
    return [each for pod in pods for each in _containers(promoted, pod)]


def _containers(promoted: Promoted, pod: Object) -> Iterator[Running]:
    told = {text(each, "name"): each for field in _STATUSES for each in items(pod, "status", field)}
    for field in _CONTAINERS:
        for container in items(pod, "spec", field):
            if promoted.is_declared_by(text(container, "image")):
                name = text(container, "name")
                status = told.get(name, {})
                reason = text(status, "state", "waiting", "reason")
                message = text(status, "state", "waiting", "message")
                trouble = ": ".join(filter(None, (reason, message)))
                yield Running(name_of(POD, pod), name, digest_of(status), trouble, reason in _HOPELESS)


def digest_of(status: Object) -> str:
    """The digest in ``imageID``, which runtimes write as ``NAME@sha256:…``, with ``docker-pullable://``
    before it or not; an ID without a name is that of the configuration, and no digest."""
    name, at, digest = text(status, "imageID").rpartition("@")
    return digest if at and name else ""
