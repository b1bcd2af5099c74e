"""What an object of Flux says about the commit that is waited for: done, failed, suspended, or not yet.

Pure decisions over the JSON of single objects; ``judge`` puts them together. The predicates:

===============  ===========================================================================================
verdict          predicate
===============  ===========================================================================================
GitRepository    done: Ready=True, artifact revision is the commit or a descendant. failed: Stalled=True;
                 token handled and SourceVerified=False, or FetchFailed or StorageOperationFailed=True
Kustomization    running: Reconciling=True, reason other than ProgressingWithRetry
\\                success: Ready=True; Ready.observedGeneration = generation = status.observedGeneration;
                 lastAppliedRevision = lastAttemptedRevision, which reaches the commit
\\                failure: Stalled=True; or token handled, Reconciling=True with ProgressingWithRetry and
                 Ready=False at the current generation, with lastAttemptedRevision that reaches the commit;
                 never DependencyNotReady, ArtifactFailed, HealthCheckCanceled: those pass
HelmRelease      running: status.observedGeneration or that of Ready behind generation, Reconciling=True
\\                success: Ready=True (Install-, Upgrade-, TestSucceeded), token handled
\\                failure: Stalled=True, Released=False, Remediated=True, or Ready=False with a reason that
                 does not pass by itself (ArtifactFailed, DependencyNotReady do)
===============  ===========================================================================================

Everywhere ``deletionTimestamp`` is a failure, and ``spec.suspend`` comes before all else: suspended objects
write ``lastHandledReconcileAt`` and do nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from shipway.gitops.kubernetes import (
    GIT_REPOSITORY,
    HELM_RELEASE,
    KUSTOMIZATION,
    Condition,
    Name,
    Object,
    condition,
    generation,
    name_of,
    number,
    text,
    value,
)

REQUESTED = "reconcile.fluxcd.io/requestedAt"
"""The annotation that asks for a reconciliation; any change of its value does."""

Phase: TypeAlias = Literal["waiting", "done", "failed", "suspended", "blocked"]
Reaches: TypeAlias = Callable[[str], bool]
"""Whether a revision (``main@sha1:…``) has the commit that is waited for in it."""

_PASSING = frozenset({"DependencyNotReady", "ArtifactFailed", "HealthCheckCanceled", "Progressing"})
_RELEASED = frozenset({"InstallSucceeded", "UpgradeSucceeded", "TestSucceeded"})


@dataclass(frozen=True, slots=True)
class Standing:
    """How an object stands. ``reason`` and ``message`` are its own words where it has some, ``revision`` what
    it has of the source."""

    name: Name
    phase: Phase
    reason: str = ""
    message: str = ""
    revision: str = ""


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that was made of an object: the ``token`` that was written, and the one that was there
    ``before``; ``times`` it was asked. ``token`` is None where asking is not allowed."""

    token: str | None
    before: str = ""
    times: int = 1


def token_of(thing: Object) -> str:
    """The value of the annotation that asks for a reconciliation, ``""`` when nobody has."""
    return text(thing, "metadata", "annotations", REQUESTED)


def is_handled(thing: Object, asked: Asked | None) -> bool:
    """Whether a run that saw the request has ended: ``status.lastHandledReconcileAt`` is our token, or the
    later one of somebody else who has asked after us."""
    if asked is None or asked.token is None:
        return False
    last, now = text(thing, "status", "lastHandledReconcileAt"), token_of(thing)
    return last == asked.token or (last == now and now not in ("", asked.token, asked.before))


def is_settled(thing: Object, asked: Asked | None) -> bool:
    """Whether the request was handled, or none can be made and what stands there is all there is to see."""
    return is_handled(thing, asked) or (asked is not None and asked.token is None)


def judge_source(thing: Object, asked: Asked | None, reaches: Reaches) -> Standing:
    """A GitRepository; see the table above."""
    name, revision = name_of(GIT_REPOSITORY, thing), text(thing, "status", "artifact", "revision")
    if early := _early(name, thing):
        return early
    ready = condition(thing, "Ready")
    if _is(ready, "True", thing) and reaches(revision):
        return _standing(name, "done", ready, revision)
    if is_settled(thing, asked):
        broken = (("SourceVerified", "False"), ("FetchFailed", "True"), ("StorageOperationFailed", "True"))
        for kind, status in broken:
            found = condition(thing, kind)
            if _is(found, status, thing):
                return _standing(name, "failed", found, revision)
    return _standing(name, "waiting", ready, revision)


def judge_kustomization(thing: Object, asked: Asked | None, reaches: Reaches) -> Standing:
    """A Kustomization; see the table above."""
    name, attempted = name_of(KUSTOMIZATION, thing), text(thing, "status", "lastAttemptedRevision")
    if early := _early(name, thing):
        return early
    ready = condition(thing, "Ready")
    if is_applied(thing) and reaches(attempted):
        return _standing(name, "done", ready, attempted)
    if is_settled(thing, asked) and is_retrying(thing) and reaches(attempted):
        return _standing(name, "failed", ready, attempted)
    return _standing(name, "waiting", ready, attempted)


def is_applied(thing: Object) -> bool:
    """The predicate of success of a Kustomization, whatever the revision."""
    ready, applied = condition(thing, "Ready"), text(thing, "status", "lastAppliedRevision")
    current = number(thing, "status", "observedGeneration", default=-1) == generation(thing)
    same = applied == text(thing, "status", "lastAttemptedRevision")
    return _is(ready, "True", thing) and current and same and applied != ""


def is_retrying(thing: Object) -> bool:
    """The predicate of failure of a Kustomization, whatever the revision: it will try again, and nothing
    changes until somebody mends what is wrong."""
    ready, reconciling = condition(thing, "Ready"), condition(thing, "Reconciling")
    if ready is None or reconciling is None or ready.reason in _PASSING:
        return False
    again = reconciling.status == "True" and reconciling.reason == "ProgressingWithRetry"
    return again and _is(ready, "False", thing)


def judge_release(thing: Object, asked: Asked | None, *, has_new: bool = False) -> Standing:
    """A HelmRelease; see the table above. ``has_new`` tells that its specification is the new one, so that
    what it says of that needs no request to be handled."""
    name, revision = name_of(HELM_RELEASE, thing), text(thing, "status", "lastAttemptedRevision")
    if early := _early(name, thing):
        return early
    ready = condition(thing, "Ready")
    observed = number(thing, "status", "observedGeneration", default=-1)
    settled = has_new or is_settled(thing, asked)
    if not settled or (observed != generation(thing) and _is(ready, "True", thing)):
        return _standing(name, "waiting", ready, revision)
    for kind, status in (("Remediated", "True"), ("Released", "False")):
        found = condition(thing, kind)
        if _is(found, status, thing):
            return _standing(name, "failed", found, revision)
    if ready is None or _is(condition(thing, "Reconciling"), "True", thing):
        return _standing(name, "waiting", ready, revision)
    if _is(ready, "True", thing):
        return _standing(name, "done" if ready.reason in _RELEASED else "waiting", ready, revision)
    failed = _is(ready, "False", thing) and ready.reason not in _PASSING
    return _standing(name, "failed" if failed else "waiting", ready, revision)


def _early(name: Name, thing: Object) -> Standing | None:
    """What comes before all else: suspended, going away, stalled."""
    if value(thing, "spec", "suspend") is True:
        return Standing(name, "suspended", "Suspended", f"{name} is suspended: Flux leaves it as it is")
    if text(thing, "metadata", "deletionTimestamp"):
        return Standing(name, "failed", "Terminating", f"{name} is being deleted")
    stalled = condition(thing, "Stalled")
    return _standing(name, "failed", stalled) if _is(stalled, "True", thing) else None


def _is(found: Condition | None, status: str, thing: Object) -> bool:
    return found is not None and found.status == status and found.is_current(thing)


def _standing(name: Name, phase: Phase, found: Condition | None, revision: str = "") -> Standing:
    if found is None:
        return Standing(name, phase, "", "it has no status yet", revision)
    return Standing(name, phase, found.reason, found.message, revision)
