"""Workloads: when they are rolled out, which pods are theirs, and what those run."""

from __future__ import annotations

from typing import Any

import pytest

from shipway.gitops.kubernetes import (
    CRON_JOB,
    DAEMON_SET,
    DEPLOYMENT,
    JOB,
    POD,
    STATEFUL_SET,
    Kind,
)
from shipway.gitops.rollout import (
    Promoted,
    digest_of,
    images_of,
    judge_workload,
    pods_of,
    running,
    selects,
)
from shipway.values import Reference

A, B = "sha256:" + "a" * 64, "sha256:" + "b" * 64
PROMOTED = Promoted("api", Reference.parse("ghcr.io/shop/api:1"), frozenset({A, B}))


def workload(spec: dict[str, Any], generation: int = 2, **status: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": "api", "namespace": "shop", "generation": generation},
        "spec": spec,
        "status": {"observedGeneration": 2, **status},
    }


def told(kind: str, status: str = "True", reason: str = "") -> list[dict[str, str]]:
    return [{"type": kind, "status": status, "reason": reason, "message": reason}]


ALL_UP = {"replicas": 2, "updatedReplicas": 2, "availableReplicas": 2, "readyReplicas": 2}
SAME = {"currentRevision": "x", "updateRevision": "x"}
ROLLED = {"desiredNumberScheduled": 2, "updatedNumberScheduled": 2, "numberAvailable": 2}
TWO = {"replicas": 2}

ROWS: dict[str, tuple[Kind, dict[str, Any], str]] = {
    "Deployment up": (DEPLOYMENT, workload(TWO, **ALL_UP, conditions=told("Available")), "done"),
    "Deployment not seen yet": (
        DEPLOYMENT,
        workload(TWO, 3, **ALL_UP, conditions=told("Available")),
        "waiting",
    ),
    "Deployment, old pods left": (
        DEPLOYMENT,
        workload(TWO, **{**ALL_UP, "replicas": 3}, conditions=told("Available")),
        "waiting",
    ),
    "Deployment, one updated": (DEPLOYMENT, workload(TWO, **{**ALL_UP, "updatedReplicas": 1}), "waiting"),
    "Deployment, one available": (DEPLOYMENT, workload(TWO, **{**ALL_UP, "availableReplicas": 1}), "waiting"),
    "Deployment not Available": (
        DEPLOYMENT,
        workload(TWO, **ALL_UP, conditions=told("Available", "False")),
        "waiting",
    ),
    "Deployment past its deadline": (
        DEPLOYMENT,
        workload(TWO, conditions=told("Progressing", "False", "ProgressDeadlineExceeded")),
        "failed",
    ),
    "Deployment of none": (DEPLOYMENT, workload({"replicas": 0}, conditions=told("Available")), "done"),
    "StatefulSet up": (STATEFUL_SET, workload(TWO, **ALL_UP, **SAME), "done"),
    "StatefulSet, revisions differ": (
        STATEFUL_SET,
        workload(TWO, **ALL_UP, currentRevision="x", updateRevision="y"),
        "waiting",
    ),
    "StatefulSet, partition": (
        STATEFUL_SET,
        workload(
            {**TWO, "updateStrategy": {"rollingUpdate": {"partition": 1}}},
            readyReplicas=2,
            updatedReplicas=1,
            currentRevision="x",
            updateRevision="y",
        ),
        "done",
    ),
    "StatefulSet, one ready": (
        STATEFUL_SET,
        workload(TWO, **{**ALL_UP, "readyReplicas": 1}, **SAME),
        "waiting",
    ),
    "StatefulSet OnDelete": (STATEFUL_SET, workload({**TWO, "updateStrategy": {"type": "OnDelete"}}), "done"),
    "DaemonSet up": (DAEMON_SET, workload({}, **ROLLED), "done"),
    "DaemonSet not counted": (DAEMON_SET, workload({}), "waiting"),
    "DaemonSet, one updated": (
        DAEMON_SET,
        workload({}, **{**ROLLED, "updatedNumberScheduled": 1}),
        "waiting",
    ),
    "Job done": (JOB, workload({}, conditions=told("Complete")), "done"),
    "Job running": (JOB, workload({}), "waiting"),
    "Job failed": (JOB, workload({}, conditions=told("Failed", "True", "BackoffLimitExceeded")), "failed"),
    "CronJob": (CRON_JOB, workload({}), "done"),
    "Pod ready": (POD, workload({}, conditions=told("Ready"), phase="Running"), "done"),
    "Pod pending": (POD, workload({}, phase="Pending"), "waiting"),
    "Pod failed": (POD, workload({}, phase="Failed", reason="Evicted"), "failed"),
    "Pod done": (POD, workload({}, phase="Succeeded"), "done"),
}


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_a_rollout(row: str) -> None:
    kind, thing, phase = ROWS[row]
    assert judge_workload(kind, thing).phase == phase


def test_a_workload_that_is_being_deleted_has_failed() -> None:
    thing = workload({}, **ROLLED)
    thing["metadata"]["deletionTimestamp"] = "2026-11-21T00:00:00Z"
    assert judge_workload(DAEMON_SET, thing).phase == "failed"


@pytest.mark.parametrize(
    ("written", "declared", "named"),
    [
        ("ghcr.io/shop/api:1", True, True),
        (f"ghcr.io/shop/api:1@{A}", True, True),
        (f"ghcr.io/shop/api@{B}", True, True),
        (f"ghcr.io/shop/api:1@sha256:{'c' * 64}", False, True),
        ("ghcr.io/shop/api:2", False, True),
        ("ghcr.io/shop/api", False, True),
        ("ghcr.io/shop/apis:1", False, False),
        ("$(IMAGE)", False, False),
    ],
)
def test_what_declares_a_promoted_image(written: str, declared: bool, named: bool) -> None:
    assert (PROMOTED.is_declared_by(written), PROMOTED.is_named_by(written)) == (declared, named)


@pytest.mark.parametrize(
    ("image_id", "digest"),
    [
        (f"ghcr.io/shop/api@{A}", A),
        (f"docker-pullable://ghcr.io/shop/api@{A}", A),
        (A, ""),
        ("", ""),
    ],
)
def test_image_ids_of_runtimes(image_id: str, digest: str) -> None:
    assert digest_of({"imageID": image_id}) == digest


def pod(name: str, image_id: str, labels: dict[str, str] | None = None, **state: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": name, "namespace": "shop", "labels": labels or {"app": "api"}},
        "spec": {
            "containers": [{"name": "main", "image": "ghcr.io/shop/api:1"}, {"name": "proxy", "image": "p"}]
        },
        "status": {"containerStatuses": [{"name": "main", "imageID": image_id, **state}]},
    }


def test_pods_are_those_of_the_selector_that_stay() -> None:
    leaving = pod("leaving", "")
    leaving["metadata"]["deletionTimestamp"] = "2026-11-21T00:00:00Z"
    done = pod("done", "")
    done["status"]["phase"] = "Succeeded"
    elsewhere = pod("elsewhere", "")
    elsewhere["metadata"]["namespace"] = "other"
    everyone = [pod("mine", ""), pod("other", "", {"app": "web"}), leaving, done, elsewhere]
    thing = workload({"selector": {"matchLabels": {"app": "api"}}})
    assert [each["metadata"]["name"] for each in pods_of(DEPLOYMENT, thing, everyone)] == ["mine"]
    assert [each["metadata"]["name"] for each in pods_of(JOB, thing, everyone)] == ["mine", "done"]


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ({"key": "tier", "operator": "In", "values": ["a", "b"]}, True),
        ({"key": "tier", "operator": "In", "values": ["c"]}, False),
        ({"key": "tier", "operator": "NotIn", "values": ["a"]}, False),
        ({"key": "none", "operator": "NotIn", "values": ["a"]}, True),
        ({"key": "tier", "operator": "Exists"}, True),
        ({"key": "tier", "operator": "DoesNotExist"}, False),
        ({"key": "tier", "operator": "Nonsense"}, False),
    ],
    ids=lambda each: str(each.get("operator")) if isinstance(each, dict) else str(each),
)
def test_selectors(rule: dict[str, Any], expected: bool) -> None:
    assert selects({"matchExpressions": [rule]}, {"tier": "a"}) is expected


def test_an_empty_selector_selects_nothing() -> None:
    assert not selects({}, {"app": "api"})


def test_what_containers_run_and_wait_for() -> None:
    waiting = {"state": {"waiting": {"reason": "ErrImageNeverPull", "message": "no"}}}
    found = running(PROMOTED, [pod("a", f"ghcr.io/shop/api@{A}"), pod("b", "", **waiting)])
    assert [(each.pod.name, each.digest, each.trouble, each.hopeless) for each in found] == [
        ("a", A, "", False),
        ("b", "", "ErrImageNeverPull: no", True),
    ]


def test_images_of_templates() -> None:
    spec = {"initContainers": [{"image": "i"}], "containers": [{"image": "c"}]}
    assert images_of(POD, {"spec": spec}) == ("i", "c")
    assert images_of(DEPLOYMENT, {"spec": {"template": {"spec": spec}}}) == ("i", "c")
    cron = {"spec": {"jobTemplate": {"spec": {"template": {"spec": spec}}}}}
    assert images_of(CRON_JOB, cron) == ("i", "c")
