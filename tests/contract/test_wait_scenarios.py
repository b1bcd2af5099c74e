"""Promotions that go live, fail, hang or are overtaken: the same on the fake API server and on a real one.

A real one is used where ``SHIPWAY_TEST_KUBECONFIG`` names a kubeconfig of a scratch cluster, or
``KUBEBUILDER_ASSETS`` the directory of etcd and kube-apiserver. Flux is played by a script on both, so that
only the API itself differs.
"""

from __future__ import annotations

import asyncio
import os
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from shipway.cluster.client import KubernetesCluster
from shipway.cluster.kubeconfig import access_to
from shipway.cluster.transport import Transport
from shipway.flows.wait.result import Waited
from shipway.flows.wait.wait import Waiting, wait
from shipway.gitops.concerned import commit_of
from shipway.gitops.judging.view import Relation, Target
from shipway.gitops.kubernetes import (
    DEPLOYMENT,
    EVENT,
    GIT_REPOSITORY,
    HELM_RELEASE,
    KUSTOMIZATION,
    POD,
    Kind,
    Name,
)
from shipway.gitops.rollout import Promoted
from shipway.gitops.verdict import REQUESTED, token_of
from shipway.host import SystemClock, SystemHost
from shipway.testing.kubernetes.api import CUSTOM, Api
from shipway.testing.kubernetes.assets import running_apiserver
from shipway.testing.kubernetes.flux import Script, ScriptedFlux
from shipway.testing.kubernetes.server import FakeCluster
from shipway.values import Reference

URL = "https://git.example.org/acme/fleet"
OLD, NEW, LATER, ELSEWHERE = ("1" * 40, "2" * 40, "3" * 40, "e" * 40)
HISTORY = (OLD, NEW, LATER)
REPOSITORY = "registry.example.org/shop/api"
DIGESTS = {tag: f"sha256:{tag * 64}" for tag in "123"}
IMAGE = {commit: f"{REPOSITORY}:{commit[0]}" for commit in HISTORY}


def revision(commit: str) -> str:
    return f"main@sha1:{commit}"


@pytest.fixture(params=["fake", "real"], scope="module")
def kubeconfig(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    home = tmp_path_factory.mktemp("cluster")
    named, assets = os.environ.get("SHIPWAY_TEST_KUBECONFIG"), os.environ.get("KUBEBUILDER_ASSETS")
    with ExitStack() as stack:
        if request.param == "fake":
            yield stack.enter_context(FakeCluster()).kubeconfig(home / "config")
        elif named:
            yield Path(named)
        elif assets:
            yield stack.enter_context(running_apiserver(Path(assets), home))
        else:
            pytest.skip("neither SHIPWAY_TEST_KUBECONFIG nor KUBEBUILDER_ASSETS is set")


@dataclass
class World:
    """A namespace with a source, two Kustomizations (``apps`` depends on ``base``), and a Deployment that
    ``apps`` applies, all settled at the old commit."""

    api: Api
    cluster: KubernetesCluster
    namespace: str
    flux: ScriptedFlux
    asked: list[str] = field(default_factory=list)

    def name(self, kind: Kind, name: str) -> Name:
        return Name(kind, self.namespace, name)

    @property
    def script(self) -> Script:
        return self.flux.script

    def move(self, head: str, declares: str | None = None, **changes: Any) -> None:
        """The branch goes on to a commit that declares an image."""
        image = IMAGE[declares or head]
        self.flux.script = Script(
            revision(head),
            {"apps": [(self.name(DEPLOYMENT, "api"), pods(image))], **changes.pop("applies", {})},
            digests={IMAGE[commit]: DIGESTS[commit[0]] for commit in HISTORY} | changes.pop("digests", {}),
            **changes,
        )

    async def wait(self, seconds: float = 30.0, *, images: bool = True, **changes: Any) -> Waited:
        """Wait for the new commit, while the script is played."""
        promoted = Promoted("api", Reference.parse(IMAGE[NEW]), frozenset({DIGESTS["2"]}))
        known = {"repository": URL, "commit": NEW, "branch": "main", "files": ("apps/api.yaml",)}
        target = Target(**{**known, "images": (promoted,) if images else (), **changes})  # type: ignore[arg-type]
        waiting = Waiting(seconds=seconds, namespace=self.namespace, pace=0.05)
        playing = asyncio.create_task(self.flux.run())
        try:
            return await wait([target], self.cluster, SystemClock(), relate, waiting, lambda standing: None)
        finally:
            playing.cancel()
            with suppress(asyncio.CancelledError):
                await playing

    async def suspend(self, kind: Kind, name: str) -> None:
        await self.api.patch(self.name(kind, name), {"spec": {"suspend": True}})


def relate(target: Target, told: str) -> Relation:
    """What git would say: the history is linear, and one commit is not in it."""
    commit = commit_of(told)
    if commit not in HISTORY:
        return "diverged" if commit == ELSEWHERE else "unknown"
    return "contains" if HISTORY.index(commit) >= HISTORY.index(target.commit) else "older"


def pods(image: str) -> dict[str, Any]:
    spec = {"containers": [{"name": "main", "image": image}]}
    return {"spec": {"template": {"metadata": {"labels": {"app": "api"}}, "spec": spec}}}


@pytest.fixture
async def world(kubeconfig: Path) -> AsyncIterator[World]:
    access = access_to(None, {"KUBECONFIG": str(kubeconfig)}, Path("/nonexistent"))
    transport = Transport(access, SystemHost(), SystemClock(), lambda scheme, authority: None)
    api, cluster = Api(transport), KubernetesCluster(transport)
    namespace = f"wait-{uuid.uuid4().hex[:10]}"
    try:
        for served in CUSTOM:
            await api.define(served)
        await api.create(Name(Kind("", "Namespace"), "", namespace))
        world = World(api, cluster, namespace, ScriptedFlux(api, cluster, namespace, Script(revision(OLD))))
        await furnish(world)
        world.move(OLD)
        await world.flux.settle()
        yield world
    finally:
        await transport.close()


async def furnish(world: World) -> None:
    source = {"kind": "GitRepository", "name": "fleet"}
    await world.api.create(
        world.name(GIT_REPOSITORY, "fleet"),
        spec={"url": f"{URL}.git", "ref": {"branch": "main"}, "interval": "1h"},
    )
    await world.api.create(
        world.name(KUSTOMIZATION, "base"), spec={"path": "./base", "sourceRef": source, "wait": True}
    )
    await world.api.create(
        world.name(KUSTOMIZATION, "apps"),
        spec={"path": "./apps", "sourceRef": source, "wait": True, "dependsOn": [{"name": "base"}]},
    )
    await world.api.create(
        world.name(DEPLOYMENT, "api"),
        spec={"replicas": 2, "selector": {"matchLabels": {"app": "api"}}, **pods(IMAGE[OLD])["spec"]},
    )


def cause(waited: Waited) -> tuple[str, str, str, str]:
    """Verdict, and kind, name and reason of what decided."""
    found = waited.cause
    return (waited.verdict, *((found.kind, found.name, found.reason) if found else ("", "", "")))


# --- live ---------------------------------------------------------------------------------------


async def test_live_once_the_pods_run_the_promoted_digest(world: World) -> None:
    world.move(NEW)
    waited = await world.wait()
    assert cause(waited) == ("live", "", "", "")
    told = {f"{row.kind} {row.name}": (row.phase, row.revision) for row in waited.objects}
    assert told["GitRepository fleet"] == ("done", revision(NEW))
    assert told["Kustomization apps"] == ("done", revision(NEW))
    assert told["Kustomization base"] == ("done", revision(NEW))
    assert told["Deployment api"][0] == "done"
    assert any(DIGESTS["2"] in row.message for row in waited.objects)


async def test_a_later_commit_that_leaves_the_image_alone_is_live_too(world: World) -> None:
    world.move(LATER, declares=NEW)
    assert (await world.wait()).verdict == "live"


async def test_what_is_live_already_is_told_without_asking(world: World) -> None:
    world.move(NEW)
    fleet = world.name(GIT_REPOSITORY, "fleet")
    await world.api.patch(fleet, {"metadata": {"annotations": {REQUESTED: "by hand"}}})
    await world.flux.settle()
    assert (await world.wait()).verdict == "live"
    assert token_of(await world.api.get(fleet)) == "by hand"


async def test_flux_is_asked_since_its_interval_is_an_hour(world: World) -> None:
    world.move(NEW)
    assert (await world.wait()).verdict == "live"
    assert token_of(await world.api.get(world.name(GIT_REPOSITORY, "fleet")))


async def test_a_source_that_does_not_have_the_commit_yet_is_asked_again(world: World) -> None:
    async def push_later() -> None:
        fleet = world.name(GIT_REPOSITORY, "fleet")
        while "lastHandledReconcileAt" not in (await world.api.get(fleet))["status"]:
            await asyncio.sleep(0.01)
        first = (await world.api.get(fleet))["status"]["lastHandledReconcileAt"]
        while (await world.api.get(fleet))["status"]["lastHandledReconcileAt"] == first:
            await asyncio.sleep(0.01)
        world.move(NEW)

    pushing = asyncio.create_task(push_later())
    assert (await world.wait()).verdict == "live"
    await pushing


async def test_a_commit_without_images_is_live_when_all_is_rolled_out(world: World) -> None:
    world.move(NEW)
    waited = await world.wait(images=False)
    assert waited.verdict == "live"
    assert ("Deployment", "done") in {(row.kind, row.phase) for row in waited.objects}


async def test_an_image_alone_is_waited_for_whatever_commit_brings_it(world: World) -> None:
    world.move(NEW)
    assert (await world.wait(repository="", commit="", branch=None, files=())).verdict == "live"


# --- failed -------------------------------------------------------------------------------------


async def test_failed_at_once_when_the_manifests_do_not_build(world: World) -> None:
    world.move(NEW, fails={"apps": ("BuildFailed", "accumulating resources: missing file")})
    waited = await world.wait()
    assert cause(waited) == ("failed", "Kustomization", "apps", "BuildFailed")
    assert waited.cause is not None
    assert waited.cause.message == "accumulating resources: missing file"


async def test_failed_by_a_health_check(world: World) -> None:
    world.move(NEW, fails={"apps": ("HealthCheckFailed", "timeout waiting for: [Deployment/api]")})
    assert (await world.wait(images=False)).verdict == "failed"


async def test_a_dead_rollout_is_told_while_flux_still_waits(world: World) -> None:
    dead = ("ProgressDeadlineExceeded", 'ReplicaSet "api-2" has timed out progressing.')
    world.move(NEW, fails={"api": dead}, stuck=frozenset({"apps"}))
    await world.api.create(
        world.name(EVENT, "api.1"),
        involvedObject={"kind": "Deployment", "name": "api", "namespace": world.namespace},
        reason="FailedCreate",
        message="quota exceeded",
        type="Warning",
        lastTimestamp="2026-11-21T12:00:00Z",
    )
    waited = await world.wait()
    assert cause(waited) == ("failed", "Deployment", "api", "ProgressDeadlineExceeded")
    assert [(event.reason, event.message) for event in waited.events] == [("FailedCreate", "quota exceeded")]


async def test_failed_when_pods_run_another_digest_under_the_same_tag(world: World) -> None:
    world.move(NEW, digests={IMAGE[NEW]: DIGESTS["3"]})
    waited = await world.wait()
    assert cause(waited) == ("failed", "Deployment", "api", "OtherDigest")


async def test_a_source_that_cannot_be_fetched_fails_after_some_tries(world: World) -> None:
    world.move(NEW, fails={"fleet": ("GitOperationFailed", "authentication required")})
    waited = await world.wait()
    assert cause(waited) == ("failed", "GitRepository", "fleet", "GitOperationFailed")


async def test_nothing_in_the_cluster_follows_the_repository(world: World) -> None:
    waited = await world.wait(repository="https://git.example.org/acme/other")
    assert cause(waited) == ("failed", "GitRepository", "https://git.example.org/acme/other", "NotFound")


async def test_the_cluster_follows_another_branch(world: World) -> None:
    waited = await world.wait(branch="release")
    assert cause(waited)[3] == "OtherRef"


# --- superseded, suspended, blocked, timed out ----------------------------------------------------


async def test_superseded_by_a_later_commit_with_another_image(world: World) -> None:
    world.move(LATER)
    waited = await world.wait()
    assert cause(waited) == ("superseded", "Deployment", "api", "OtherVersion")


async def test_superseded_when_the_branch_no_longer_has_the_commit(world: World) -> None:
    world.script.head = revision(ELSEWHERE)
    assert cause(await world.wait(images=False)) == ("superseded", "GitRepository", "fleet", "Revision")


async def test_digests_decide_where_git_cannot_tell(world: World) -> None:
    world.move(NEW)
    world.script.head = revision("a" * 40)
    waited = await world.wait()
    assert waited.verdict == "live"
    assert any("digests that run decide" in note for note in waited.notes)


@pytest.mark.parametrize(("kind", "name"), [(GIT_REPOSITORY, "fleet"), (KUSTOMIZATION, "apps")], ids=str)
async def test_suspended(world: World, kind: Kind, name: str) -> None:
    await world.suspend(kind, name)
    world.move(NEW)
    assert cause(await world.wait()) == ("suspended", kind.name, name, "Suspended")


async def test_blocked_by_a_suspended_dependency(world: World) -> None:
    await world.suspend(KUSTOMIZATION, "base")
    world.move(NEW)
    assert cause(await world.wait()) == ("blocked", "Kustomization", "base", "Suspended")


async def test_blocked_by_a_dependency_that_failed(world: World) -> None:
    world.move(NEW, fails={"base": ("ReconciliationFailed", "the server refused")})
    waited = await world.wait()
    assert cause(waited) == ("blocked", "Kustomization", "base", "ReconciliationFailed")
    apps = next(row for row in waited.objects if row.name == "apps")
    assert (apps.phase, "base" in apps.message) == ("blocked", True)


async def test_blocked_by_a_dependency_that_is_not_there(world: World) -> None:
    change = {"spec": {"dependsOn": [{"name": "nowhere"}]}}
    await world.api.patch(world.name(KUSTOMIZATION, "apps"), change)
    world.move(NEW)
    assert cause(await world.wait()) == ("blocked", "Kustomization", "nowhere", "NotFound")


async def test_timed_out_on_what_does_not_get_on(world: World) -> None:
    world.move(NEW, stuck=frozenset({"api"}))
    await world.api.patch(
        world.name(GIT_REPOSITORY, "fleet"), {"metadata": {"annotations": {REQUESTED: "now"}}}
    )
    await world.flux.settle()
    waited = await world.wait(4.0)
    assert cause(waited) == ("timed-out", "Deployment", "api", "Progressing")
    assert waited.cause is not None
    assert waited.cause.message == "0 of 2 pods are updated"


# --- HelmReleases ---------------------------------------------------------------------------------


async def released(world: World) -> None:
    """Let ``apps`` apply a HelmRelease, which makes the Deployment."""
    release = world.name(HELM_RELEASE, "shop")
    labels = {f"{HELM_RELEASE.group}/name": "shop", f"{HELM_RELEASE.group}/namespace": world.namespace}
    await world.api.create(release, spec={"interval": "1h", "values": values(OLD)})
    await world.api.patch(world.name(DEPLOYMENT, "api"), {"metadata": {"labels": labels}})
    kustomization = await world.api.get(world.name(KUSTOMIZATION, "apps"))
    kept = {k: v for k, v in kustomization["status"].items() if k != "inventory"}
    entries = [{"id": f"{world.namespace}_shop_{HELM_RELEASE.group}_HelmRelease", "v": "v2"}]
    await world.api.patch_status(
        world.name(KUSTOMIZATION, "apps"), {**kept, "inventory": {"entries": entries}}
    )


def values(commit: str) -> dict[str, Any]:
    return {"image": {"repository": REPOSITORY, "tag": IMAGE[commit].rpartition(":")[2]}}


def helm(world: World, head: str, **changes: Any) -> None:
    world.move(
        head,
        applies={
            "apps": [(world.name(HELM_RELEASE, "shop"), {"spec": {"values": values(head)}})],
            "shop": [(world.name(DEPLOYMENT, "api"), pods(IMAGE[head]))],
        },
        **changes,
    )


async def test_live_through_a_helm_release(world: World) -> None:
    await released(world)
    helm(world, OLD)
    await world.flux.settle()
    helm(world, NEW)
    waited = await world.wait()
    assert waited.verdict == "live", waited
    assert ("HelmRelease", "done") in {(row.kind, row.phase) for row in waited.objects}


async def test_a_failed_release_is_told_while_the_health_check_still_waits(world: World) -> None:
    await released(world)
    helm(world, OLD)
    await world.flux.settle()
    helm(world, NEW, fails={"shop": ("UpgradeFailed", "timed out")}, stuck=frozenset({"apps"}))
    assert cause(await world.wait()) == ("failed", "HelmRelease", "shop", "UpgradeFailed")


async def test_a_suspended_release_is_told_while_the_health_check_still_waits(world: World) -> None:
    await released(world)
    helm(world, OLD)
    await world.flux.settle()
    await world.suspend(HELM_RELEASE, "shop")
    helm(world, NEW, stuck=frozenset({"apps"}))
    assert cause(await world.wait()) == ("suspended", "HelmRelease", "shop", "Suspended")


async def test_pods_of_the_version_before_do_not_count(world: World) -> None:
    world.move(NEW)
    assert (await world.wait()).verdict == "live"
    for pod in await world.cluster.list(POD, world.namespace):
        assert pod["status"]["containerStatuses"][0]["imageID"] == f"{REPOSITORY}@{DIGESTS['2']}"
