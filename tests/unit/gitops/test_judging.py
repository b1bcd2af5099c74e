"""Verdicts over whole clusters, from hand-made objects: what scenarios on an API server do not come to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from shipway.gitops.judging.judge import judge
from shipway.gitops.judging.view import Feed, Judgement, Relation, Target, View
from shipway.gitops.kubernetes import (
    CRON_JOB,
    DEPLOYMENT,
    GIT_REPOSITORY,
    HELM_RELEASE,
    KUSTOMIZATION,
    POD,
    WORKLOADS,
    Kind,
    Name,
    Object,
)
from shipway.gitops.rollout import Promoted
from shipway.gitops.verdict import REQUESTED, Asked
from shipway.values import Reference

COMMIT = "2" * 40
REVISION = f"main@sha1:{COMMIT}"
DIGEST = "sha256:" + "a" * 64
PROMOTED = Promoted("api", Reference.parse("ghcr.io/shop/api:2"), frozenset({DIGEST}))
TARGET = Target("https://git.example/fleet", COMMIT, "main", ("apps/api.yaml",), (PROMOTED,))
READY = [{"type": "Ready", "status": "True", "reason": "Succeeded", "observedGeneration": 1}]


def relate(revision: str) -> Relation:
    return "contains" if revision == REVISION else "older"


def name(kind: Kind, called: str) -> Name:
    return Name(kind, "shop", called)


def thing(called: str, spec: dict[str, Any], **status: Any) -> dict[str, Any]:
    meta = {"name": called, "namespace": "shop", "generation": 1}
    return {"metadata": meta, "spec": spec, "status": {"observedGeneration": 1, **status}}


def source() -> dict[str, Any]:
    spec = {"url": TARGET.repository, "ref": {"branch": "main"}}
    return thing("fleet", spec, conditions=READY, artifact={"revision": REVISION})


def kustomization(called: str, *applied: Name, path: str = "./apps", **spec: Any) -> dict[str, Any]:
    """One that has applied the commit."""
    entries = [{"id": f"{each.namespace}_{each.name}_{each.kind.group}_{each.kind.name}"} for each in applied]
    reference = {"kind": "GitRepository", "name": "fleet"}
    return thing(
        called,
        {"path": path, "sourceRef": reference, "wait": True, **spec},
        conditions=READY,
        lastAppliedRevision=REVISION,
        lastAttemptedRevision=REVISION,
        inventory={"entries": entries},
    )


def unapplied(called: str, **spec: Any) -> dict[str, Any]:
    """One that has not come to the commit yet."""
    made = kustomization(called, **spec)
    made["status"].update(lastAppliedRevision="main@sha1:" + "1" * 40, lastAttemptedRevision="")
    return made


def deployment(image: str = "ghcr.io/shop/api:2", *, replicas: int = 1, **meta: Any) -> dict[str, Any]:
    template = {"spec": {"containers": [{"name": "main", "image": image}]}}
    spec = {"replicas": replicas, "selector": {"matchLabels": {"app": "api"}}, "template": template}
    counts = {"replicas": replicas, "updatedReplicas": replicas, "availableReplicas": replicas}
    made = thing("api", spec, **counts, conditions=[{"type": "Available", "status": "True"}])
    made["metadata"].update(meta)
    return made


def pod(digest: str = DIGEST) -> dict[str, Any]:
    spec = {"containers": [{"name": "main", "image": "ghcr.io/shop/api:2"}]}
    made = thing("api-0", spec, containerStatuses=[{"name": "main", "imageID": f"ghcr.io/shop/api@{digest}"}])
    made["metadata"]["labels"] = {"app": "api"}
    return made


def look(
    *objects: tuple[Kind, Object],
    asked: Mapping[Name, Asked] | None = None,
    target: Target = TARGET,
    told: Callable[[str], Relation] = relate,
) -> Judgement:
    """Judge a cluster that holds these objects beside the source; all kinds are watched."""
    feeds: dict[Feed, dict[Name, Object]] = {
        (kind, None): {} for kind in (GIT_REPOSITORY, KUSTOMIZATION, HELM_RELEASE, *WORKLOADS)
    }
    feeds[POD, "shop"] = {}
    for kind, each in ((GIT_REPOSITORY, source()), *objects):
        place = "shop" if kind == POD else None
        feeds[kind, place][name(kind, each["metadata"]["name"])] = each
    return judge(target, View(feeds, asked or {}, told))


API = name(DEPLOYMENT, "api")
APPS = (KUSTOMIZATION, kustomization("apps", API))


def test_live() -> None:
    found = look(APPS, (DEPLOYMENT, deployment()), (POD, pod()))
    assert (found.outcome, found.asks, found.needs) == ("live", (), frozenset())


def test_nothing_is_judged_before_it_is_watched() -> None:
    found = judge(TARGET, View({}, {}, relate))
    assert found.outcome is None
    assert found.needs == {(GIT_REPOSITORY, None), (KUSTOMIZATION, None), (HELM_RELEASE, None)}
    confined = judge(TARGET, View({}, {}, relate, "shop"))
    assert confined.needs == {(GIT_REPOSITORY, "shop"), (KUSTOMIZATION, "shop"), (HELM_RELEASE, "shop")}


def test_pods_are_waited_for_even_when_the_workload_is_rolled_out() -> None:
    assert look(APPS, (DEPLOYMENT, deployment())).outcome is None
    assert look(APPS, (DEPLOYMENT, deployment()), (POD, pod(""))).outcome is None


def test_a_workload_of_no_pods_is_live() -> None:
    assert look(APPS, (DEPLOYMENT, deployment(replicas=0))).outcome == "live"


def test_a_cron_job_counts_when_it_names_the_image() -> None:
    spec = {"containers": [{"name": "main", "image": "ghcr.io/shop/api:2"}]}
    job = thing("nightly", {"jobTemplate": {"spec": {"template": {"spec": spec}}}})
    found = look((KUSTOMIZATION, kustomization("apps", name(CRON_JOB, "nightly"))), (CRON_JOB, job))
    assert found.outcome == "live"
    assert any("next run is the first with it" in note for note in found.notes)


def test_nothing_runs_the_image() -> None:
    found = look(APPS, (DEPLOYMENT, deployment("ghcr.io/shop/web:1")))
    assert (found.outcome, found.cause and found.cause.reason) == ("failed", "NotFound")


def test_another_version_proves_nothing_while_nobody_knows_whether_the_commit_is_applied() -> None:
    fleet = name(GIT_REPOSITORY, "fleet")
    asked = {fleet: Asked(None)}
    objects = (APPS, (DEPLOYMENT, deployment("ghcr.io/shop/api:1")))
    assert look(*objects, asked=asked, told=lambda revision: "unknown").outcome is None
    assert look(*objects, asked=asked).outcome == "superseded"


def test_one_of_two_workloads_of_a_repository_is_enough() -> None:
    other = deployment("ghcr.io/shop/api:1")
    other["metadata"]["name"] = "canary"
    both = kustomization("apps", API, name(DEPLOYMENT, "canary"))
    found = look((KUSTOMIZATION, both), (DEPLOYMENT, deployment()), (DEPLOYMENT, other), (POD, pod()))
    assert found.outcome == "live"


def test_dependencies_in_a_circle_block_each_other() -> None:
    first = unapplied("apps", dependsOn=[{"name": "base"}])
    second = unapplied("base", path="./base", dependsOn=[{"name": "apps"}])
    found = look((KUSTOMIZATION, first), (KUSTOMIZATION, second))
    assert (found.outcome, found.cause and found.cause.reason) == ("blocked", "Circle")
    assert found.cause is not None
    assert "apps -> Kustomization shop/base -> Kustomization shop/apps" in found.cause.message


def test_only_those_are_asked_whose_turn_it_is() -> None:
    first = unapplied("apps", dependsOn=[{"name": "base"}])
    base = unapplied("base", path="./base")
    assert look((KUSTOMIZATION, first), (KUSTOMIZATION, base)).asks == (name(KUSTOMIZATION, "base"),)
    ready = kustomization("base", path="./base")
    assert look((KUSTOMIZATION, first), (KUSTOMIZATION, ready)).asks == (name(KUSTOMIZATION, "apps"),)


def test_a_request_under_way_is_not_made_again() -> None:
    asked = {name(KUSTOMIZATION, "apps"): Asked("now")}
    assert look((KUSTOMIZATION, unapplied("apps")), asked=asked).asks == ()


def test_a_dependency_that_is_done_already_is_not_looked_into() -> None:
    base = kustomization("base", path="./base", dependsOn=[{"name": "gone"}])
    apps = kustomization("apps", API, dependsOn=[{"name": "base"}])
    found = look((KUSTOMIZATION, apps), (KUSTOMIZATION, base), (DEPLOYMENT, deployment()), (POD, pod()))
    assert found.outcome == "live"


def test_what_is_applied_to_another_cluster_is_not_seen() -> None:
    remote = kustomization("apps", API, kubeConfig={"secretRef": {"name": "other"}})
    found = look((KUSTOMIZATION, remote))
    assert (found.outcome, found.cause and found.cause.reason) == ("failed", "OtherCluster")


def test_a_kustomization_without_health_checks_is_noted() -> None:
    made = kustomization("apps", API, wait=False)
    notes = look((KUSTOMIZATION, made), (DEPLOYMENT, deployment()), (POD, pod())).notes
    assert notes == ("Kustomization shop/apps has neither wait nor healthChecks: Ready says only applied",)


def test_a_kustomization_that_covers_no_changed_file_is_left_alone_unless_it_runs_the_image() -> None:
    stuck = unapplied("other", path="./other")
    objects = (APPS, (DEPLOYMENT, deployment()), (POD, pod()))
    assert look(*objects, (KUSTOMIZATION, stuck)).outcome == "live"
    overlay = kustomization("apps", API, path="./clusters/prod")
    assert look((KUSTOMIZATION, overlay), *objects[1:], (KUSTOMIZATION, stuck)).outcome == "live"


def test_where_neither_path_nor_inventory_tells_all_of_the_source_count() -> None:
    target = replace(TARGET, files=("somewhere.yaml",), images=())
    assert look((KUSTOMIZATION, unapplied("other", path="./other")), target=target).outcome is None


# --- a HelmRelease whose values come from elsewhere -----------------------------------------------

SHOP = name(HELM_RELEASE, "shop")
LABELS = {f"{HELM_RELEASE.group}/name": "shop", f"{HELM_RELEASE.group}/namespace": "shop"}
RELEASED = [{"type": "Ready", "status": "True", "reason": "UpgradeSucceeded", "observedGeneration": 1}]


def test_a_release_that_failed_is_told_and_not_taken_for_superseded() -> None:
    made = release(lastHandledReconcileAt="now")
    failed = {"type": "Released", "status": "False", "reason": "UpgradeFailed", "observedGeneration": 1}
    made["status"]["conditions"] = [failed]
    made["metadata"]["annotations"] = {REQUESTED: "now"}
    objects = (
        (KUSTOMIZATION, kustomization("apps", SHOP)),
        (HELM_RELEASE, made),
        (DEPLOYMENT, deployment("ghcr.io/shop/api:1", labels=LABELS)),
    )
    found = look(*objects, asked={SHOP: Asked("now")})
    assert (found.outcome, found.cause and found.cause.reason) == ("failed", "UpgradeFailed")


def release(**status: Any) -> dict[str, Any]:
    return thing("shop", {"valuesFrom": [{"kind": "ConfigMap", "name": "v"}]}, conditions=RELEASED, **status)


def test_a_release_that_may_still_bring_the_image_is_asked() -> None:
    objects = (
        (KUSTOMIZATION, kustomization("apps", SHOP)),
        (HELM_RELEASE, release()),
        (DEPLOYMENT, deployment("ghcr.io/shop/api:1", labels=LABELS)),
    )
    found = look(*objects)
    assert (found.outcome, found.asks) == (None, (SHOP,))


def test_a_release_that_was_asked_and_still_has_another_version_is_superseded() -> None:
    made = release(lastHandledReconcileAt="now")
    made["metadata"]["annotations"] = {REQUESTED: "now"}
    objects = (
        (KUSTOMIZATION, kustomization("apps", SHOP)),
        (HELM_RELEASE, made),
        (DEPLOYMENT, deployment("ghcr.io/shop/api:1", labels=LABELS)),
    )
    assert look(*objects, asked={SHOP: Asked("now")}).outcome == "superseded"


def test_the_inventory_of_a_release_tells_its_workloads() -> None:
    made = release(inventory={"entries": [{"id": "shop_api_apps_Deployment"}]})
    objects = ((KUSTOMIZATION, kustomization("apps", SHOP)), (HELM_RELEASE, made))
    assert look(*objects, (DEPLOYMENT, deployment()), (POD, pod())).outcome == "live"
