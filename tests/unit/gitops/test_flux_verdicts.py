"""What objects of Flux say, row by row of the tables of conditions and predicates."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from shipway.gitops.kubernetes import Object
from shipway.gitops.verdict import (
    REQUESTED,
    Asked,
    Phase,
    is_handled,
    judge_kustomization,
    judge_release,
    judge_source,
)

OLD, NEW = "main@sha1:" + "1" * 40, "main@sha1:" + "2" * 40
TOKEN = Asked("now", before="earlier")
ALONE = Asked(None)
Conditions = Mapping[str, tuple[str, str]]


def reaches(revision: str) -> bool:
    return revision == NEW


def thing(
    conditions: Conditions, *, token: str = "now", at: int = 3, generation: int = 3, **status: Any
) -> dict[str, Any]:
    """Conditions that speak of generation ``at``; ``now`` was handled unless ``status`` says else."""
    told = [
        {"type": kind, "status": state, "reason": reason, "message": f"{reason}!", "observedGeneration": at}
        for kind, (state, reason) in conditions.items()
    ]
    return {
        "metadata": {
            "name": "it",
            "namespace": "shop",
            "generation": generation,
            "annotations": {REQUESTED: token},
        },
        "spec": {},
        "status": {"conditions": told, "lastHandledReconcileAt": "now", "observedGeneration": at, **status},
    }


def suspended(thing: dict[str, Any]) -> Object:
    return {**thing, "spec": {"suspend": True}}


def deleted(thing: dict[str, Any]) -> Object:
    return {**thing, "metadata": {**thing["metadata"], "deletionTimestamp": "2026-11-21T00:00:00Z"}}


READY = {"Ready": ("True", "Succeeded")}
RUNNING = {"Ready": ("Unknown", "Progressing"), "Reconciling": ("True", "Progressing")}


# --- requested and handled ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("annotation", "handled", "expected"),
    [
        ("now", "now", True),
        ("now", "earlier", False),
        ("later", "later", True),
        ("later", "now", True),
        ("later", "earlier", False),
        ("earlier", "earlier", False),
        ("", "", False),
    ],
    ids=[
        "ours",
        "ours still running",
        "somebody asked after us",
        "ours, somebody asked after",
        "neither yet",
        "seen before our request",
        "nobody asked",
    ],
)
def test_a_request_is_handled_when_a_run_that_saw_it_has_ended(
    annotation: str, handled: str, expected: bool
) -> None:
    seen = thing({}, token=annotation, lastHandledReconcileAt=handled)
    assert is_handled(seen, TOKEN) is expected


def test_nothing_is_handled_that_was_not_asked() -> None:
    assert not is_handled(thing({}), None)
    assert not is_handled(thing({}), ALONE)


# --- GitRepository --------------------------------------------------------------------------------

SOURCES: dict[str, tuple[Object, Phase]] = {
    "has the commit": (thing(READY, artifact={"revision": NEW}), "done"),
    "has an older one": (thing(READY, artifact={"revision": OLD}), "waiting"),
    "has nothing yet": (thing({}), "waiting"),
    "has the commit, is fetching again": (thing(RUNNING, artifact={"revision": NEW}), "waiting"),
    "ready of a generation before": (thing(READY, at=2, artifact={"revision": NEW}), "waiting"),
    "cannot fetch": (thing({"FetchFailed": ("True", "GitOperationFailed")}), "failed"),
    "cannot store": (thing({"StorageOperationFailed": ("True", "DirCreationFailed")}), "failed"),
    "is not signed": (thing({"SourceVerified": ("False", "InvalidGitSignature")}), "failed"),
    "could not fetch before the request": (
        thing({"FetchFailed": ("True", "GitOperationFailed")}, lastHandledReconcileAt="earlier"),
        "waiting",
    ),
    "is stalled": (thing({"Stalled": ("True", "URLInvalid")}, lastHandledReconcileAt="earlier"), "failed"),
    "was stalled before the change": (thing({"Stalled": ("True", "URLInvalid")}, at=2), "waiting"),
    "is suspended": (suspended(thing(READY, artifact={"revision": NEW})), "suspended"),
    "is being deleted": (deleted(thing(READY, artifact={"revision": NEW})), "failed"),
}


@pytest.mark.parametrize("row", SOURCES, ids=str)
def test_a_git_repository(row: str) -> None:
    seen, phase = SOURCES[row]
    assert judge_source(seen, TOKEN, reaches).phase == phase


# --- Kustomization --------------------------------------------------------------------------------


def applied(revision: str = NEW, attempted: str | None = None, **status: Any) -> dict[str, Any]:
    return thing(READY, lastAppliedRevision=revision, lastAttemptedRevision=attempted or revision, **status)


def retrying(reason: str, attempted: str = NEW, *, at: int = 3, **status: Any) -> dict[str, Any]:
    conditions = {"Ready": ("False", reason), "Reconciling": ("True", "ProgressingWithRetry")}
    return thing(conditions, at=at, lastAttemptedRevision=attempted, lastAppliedRevision=OLD, **status)


KUSTOMIZATIONS: dict[str, tuple[Object, Phase]] = {
    "success": (applied(), "done"),
    "success, whoever asked": (applied(lastHandledReconcileAt="earlier"), "done"),
    "success at an older revision": (applied(OLD), "waiting"),
    "a newer revision is attempted": (applied(OLD, NEW), "waiting"),
    "ready, observedGeneration behind": (applied(observedGeneration=2), "waiting"),
    "ready of a generation before": ({**applied(), "metadata": {"generation": 4}}, "waiting"),
    "never applied": (thing(READY), "waiting"),
    "running": (thing(RUNNING, lastAttemptedRevision=NEW), "waiting"),
    "running its health checks": (
        thing({**RUNNING, "Healthy": ("Unknown", "Progressing")}, lastAttemptedRevision=NEW),
        "waiting",
    ),
    "BuildFailed": (retrying("BuildFailed"), "failed"),
    "ReconciliationFailed": (retrying("ReconciliationFailed"), "failed"),
    "PruneFailed": (retrying("PruneFailed"), "failed"),
    "HealthCheckFailed": (retrying("HealthCheckFailed"), "failed"),
    "BuildFailed of an older revision": (retrying("BuildFailed", OLD), "waiting"),
    "BuildFailed before the request": (
        retrying("BuildFailed", lastHandledReconcileAt="earlier"),
        "waiting",
    ),
    "BuildFailed of a generation before": (retrying("BuildFailed", at=2), "waiting"),
    "DependencyNotReady": (retrying("DependencyNotReady"), "waiting"),
    "ArtifactFailed": (retrying("ArtifactFailed"), "waiting"),
    "HealthCheckCanceled": (retrying("HealthCheckCanceled"), "waiting"),
    "failed, running again": (
        thing(
            {"Ready": ("False", "BuildFailed"), "Reconciling": ("True", "Progressing")},
            lastAttemptedRevision=NEW,
        ),
        "waiting",
    ),
    "stalled": (thing({"Stalled": ("True", "AccessDenied")}), "failed"),
    "suspended": (suspended(applied()), "suspended"),
    "being deleted": (deleted(applied()), "failed"),
    "no status": ({"metadata": {"name": "it"}}, "waiting"),
    "nonsense for a status": ({"metadata": {"name": 1}, "spec": [], "status": {"conditions": 7}}, "waiting"),
}


@pytest.mark.parametrize("row", KUSTOMIZATIONS, ids=str)
def test_a_kustomization(row: str) -> None:
    seen, phase = KUSTOMIZATIONS[row]
    assert judge_kustomization(seen, TOKEN, reaches).phase == phase


def test_a_failure_is_told_with_the_words_of_the_object() -> None:
    told = judge_kustomization(retrying("BuildFailed"), TOKEN, reaches)
    assert (told.reason, told.message, told.revision) == ("BuildFailed", "BuildFailed!", NEW)


def test_who_may_not_ask_takes_what_stands_there() -> None:
    seen = retrying("BuildFailed", lastHandledReconcileAt="earlier")
    assert judge_kustomization(seen, ALONE, reaches).phase == "failed"
    assert judge_kustomization(seen, None, reaches).phase == "waiting"


# --- HelmRelease ----------------------------------------------------------------------------------


def release(reason: str, state: str = "True", *, at: int = 3, **more: tuple[str, str]) -> dict[str, Any]:
    return thing({"Ready": (state, reason), **more}, at=at)


RELEASES: dict[str, tuple[Object, Phase]] = {
    "InstallSucceeded": (release("InstallSucceeded"), "done"),
    "UpgradeSucceeded": (release("UpgradeSucceeded"), "done"),
    "TestSucceeded": (release("TestSucceeded"), "done"),
    "ready of a generation before": (release("UpgradeSucceeded", at=2), "waiting"),
    "ready, still reconciling": (
        release("UpgradeSucceeded", Reconciling=("True", "Progressing")),
        "waiting",
    ),
    "InstallFailed": (release("InstallFailed", "False"), "failed"),
    "UpgradeFailed": (release("UpgradeFailed", "False"), "failed"),
    "TestFailed": (release("TestFailed", "False"), "failed"),
    "RollbackSucceeded": (release("RollbackSucceeded", "False"), "failed"),
    "UninstallFailed": (release("UninstallFailed", "False"), "failed"),
    "ArtifactFailed": (release("ArtifactFailed", "False"), "waiting"),
    "DependencyNotReady": (release("DependencyNotReady", "False"), "waiting"),
    "Released=False while it retries": (
        release(
            "Progressing",
            "Unknown",
            Released=("False", "UpgradeFailed"),
            Reconciling=("True", "ProgressingWithRetry"),
        ),
        "failed",
    ),
    "Released=False of a generation before": (
        release("Progressing", "Unknown", at=2, Released=("False", "UpgradeFailed")),
        "waiting",
    ),
    "Remediated": (
        release("UpgradeFailed", "False", Remediated=("True", "RollbackSucceeded")),
        "failed",
    ),
    "Remediated while it retries": (
        release("Progressing", "Unknown", Remediated=("True", "RollbackSucceeded")),
        "failed",
    ),
    "RetriesExceeded": (
        release("UpgradeFailed", "False", Stalled=("True", "RetriesExceeded")),
        "failed",
    ),
    "not handled yet": (
        thing({"Ready": ("True", "UpgradeSucceeded")}, lastHandledReconcileAt="earlier"),
        "waiting",
    ),
    "suspended": (suspended(release("UpgradeSucceeded")), "suspended"),
    "being deleted": (deleted(release("UpgradeSucceeded")), "failed"),
}


@pytest.mark.parametrize("row", RELEASES, ids=str)
def test_a_helm_release(row: str) -> None:
    seen, phase = RELEASES[row]
    assert judge_release(seen, TOKEN).phase == phase


def test_a_release_that_is_known_to_be_the_new_one_needs_no_request() -> None:
    seen = thing({"Ready": ("True", "UpgradeSucceeded")}, lastHandledReconcileAt="earlier")
    assert judge_release(seen, None, has_new=True).phase == "done"
