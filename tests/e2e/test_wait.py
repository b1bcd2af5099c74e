"""From a build to running pods: ship, promote, wait and status --live, through the command line."""

from __future__ import annotations

import asyncio
import json
import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from shipway.cli.app import shipway
from shipway.cluster.client import KubernetesCluster
from shipway.cluster.kubeconfig import access_to
from shipway.cluster.transport import Transport
from shipway.gitops.kubernetes import DEPLOYMENT, GIT_REPOSITORY, KUSTOMIZATION, Name
from shipway.host import SystemClock, SystemHost
from shipway.testing.gitops import git
from shipway.testing.kubernetes.api import Api
from shipway.testing.kubernetes.flux import Script, ScriptedFlux
from shipway.testing.kubernetes.server import FakeCluster
from shipway.testing.registry import running_registry

SPACE = "shop"


@dataclass
class World:
    """A fleet of one image, a remote that a cluster follows, and that cluster."""

    home: Path
    registry: str
    kubeconfig: Path
    fake: FakeCluster

    def run(self, *argv: str) -> Result:
        options = ("-C", str(self.home / "api"), "--state", str(self.home / "state"))
        return CliRunner(env={"KUBECONFIG": str(self.kubeconfig)}).invoke(shipway, [*argv, *options])

    def document(self, *argv: str) -> tuple[int, dict[str, Any]]:
        done = self.run(*argv, "--json")
        assert done.exception is None or isinstance(done.exception, SystemExit), repr(done.exception)
        return done.exit_code, json.loads(done.stdout)

    @property
    def head(self) -> str:
        return git(self.home / "fleet.git", "rev-parse", "main").strip()

    @property
    def clone(self) -> Path:
        return self.home / "fleet"


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    for key, value in {"AUTHOR": "A", "COMMITTER": "A"}.items():
        monkeypatch.setenv(f"GIT_{key}_NAME", value)
        monkeypatch.setenv(f"GIT_{key}_EMAIL", "a@example.org")
    with running_registry(tmp_path / "data") as registry, FakeCluster() as fake:
        (tmp_path / "api").mkdir()
        (tmp_path / "api" / "Dockerfile").write_text("FROM scratch\nCOPY Dockerfile /\n")
        (tmp_path / "api" / "shipway.yaml").write_text(
            f"registry: {registry.address}\ntag: '1'\nengine: assemble\n"
            "images: {api: {context: .}}\ngitops: [{path: ../fleet}]\n"
        )
        world = World(tmp_path, registry.address, fake.kubeconfig(tmp_path / "kubeconfig"), fake)
        git(tmp_path, "init", "-q", "--bare", "--initial-branch=main", "fleet.git")
        git(tmp_path, "clone", "-q", str(tmp_path / "fleet.git"), "fleet")
        write(world, "0")
        push(world, "first")
        yield world


def write(world: World, tag: str) -> None:
    (world.clone / "apps").mkdir(exist_ok=True)
    (world.clone / "apps" / "api.yaml").write_text(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: api, namespace: shop}\n"
        f"spec:\n  template:\n    spec:\n      containers:\n      - image: {image(world, tag)}\n"
    )


def push(world: World, message: str) -> None:
    git(world.clone, "checkout", "-q", "-B", "main")
    git(world.clone, "add", ".")
    git(world.clone, "commit", "-qm", message)
    git(world.clone, "push", "-q", "-u", "origin", "main")


def image(world: World, tag: str) -> str:
    return f"{world.registry}/api:{tag}"


@contextmanager
def flux(world: World, script: Script) -> Iterator[None]:
    """A cluster in which ``apps`` is applied, played in a thread of its own."""
    ready, stop = threading.Event(), threading.Event()

    async def play() -> None:
        access = access_to(None, {"KUBECONFIG": str(world.kubeconfig)}, Path("/nonexistent"))
        transport = Transport(access, SystemHost(), SystemClock(), lambda scheme, authority: None)
        api, cluster = Api(transport), KubernetesCluster(transport)
        await furnish(world, api)
        player = asyncio.ensure_future(ScriptedFlux(api, cluster, SPACE, script).run())
        ready.set()
        while not stop.is_set():
            await asyncio.sleep(0.02)
        player.cancel()
        with suppress(asyncio.CancelledError):
            await player
        await transport.close()

    thread = threading.Thread(target=lambda: asyncio.run(play()))
    thread.start()
    try:
        assert ready.wait(60)
        yield
    finally:
        stop.set()
        thread.join()


async def furnish(world: World, api: Api) -> None:
    source = {"kind": "GitRepository", "name": "fleet"}
    url = str(world.home / "fleet.git")
    await api.create(Name(GIT_REPOSITORY, SPACE, "fleet"), spec={"url": url, "ref": {"branch": "main"}})
    await api.create(
        Name(KUSTOMIZATION, SPACE, "apps"), spec={"path": "./apps", "sourceRef": source, "wait": True}
    )
    template = {"metadata": {"labels": {"app": "api"}}, "spec": containers(world, "0")}
    await api.create(
        Name(DEPLOYMENT, SPACE, "api"),
        spec={"replicas": 1, "selector": {"matchLabels": {"app": "api"}}, "template": template},
    )


def containers(world: World, tag: str) -> dict[str, Any]:
    return {"containers": [{"name": "main", "image": image(world, tag)}]}


def applying(world: World, tag: str, digests: dict[str, str], head: str = "") -> Script:
    change = {"spec": {"template": {"spec": containers(world, tag)}}}
    applies = {"apps": [(Name(DEPLOYMENT, SPACE, "api"), change)]}
    return Script(f"main@sha1:{head or world.head}", applies, digests=digests)


def delivered(world: World) -> str:
    """Ship and promote; the digest of the image."""
    assert world.run("ship").exit_code == 0
    done = world.run("promote")
    assert done.exit_code == 0, done.output
    digest: str = world.document("status")[1]["rows"][0]["digest"]
    return digest


def test_what_was_promoted_is_live_and_abreast(world: World) -> None:
    digest = delivered(world)
    with flux(world, applying(world, "1", {image(world, "1"): digest})):
        code, waited = world.document("wait", "--timeout", "60s")
        assert (code, waited["verdict"]) == (0, "live"), waited
        assert waited["commits"] == [world.head]
        assert waited["context"] == "test"
        code, found = world.document("status", "--live")
    assert code == 0, found["rows"][0]["differs"]
    (row,) = found["rows"]
    assert (row["image"], row["built"]["digest"], row["differs"]) == ("api", digest, [])
    assert row["running"][0]["digests"] == [digest]
    assert row["declared"][0]["file"] == "apps/api.yaml"
    assert row["commit"] == world.head


def test_git_tells_that_a_later_commit_contains_the_promotion(world: World) -> None:
    digest = delivered(world)
    (world.clone / "README").write_text("more")
    push(world, "more")
    with flux(world, applying(world, "1", {image(world, "1"): digest})):
        done = world.run("wait", "--timeout", "60s")
    assert done.exit_code == 0, done.output
    assert "decide" not in done.output


def test_a_revert_supersedes_the_promotion(world: World) -> None:
    digest = delivered(world)
    git(world.clone, "pull", "-q", "--rebase", "origin", "main")
    write(world, "0")
    push(world, "revert")
    with flux(world, applying(world, "0", {image(world, "0"): digest})):
        code, waited = world.document("wait", "api", "--timeout", "60s")
        assert (code, waited["verdict"]) == (1, "superseded"), waited
        code, found = world.document("status", "--live")
    assert code == 1
    assert found["rows"][0]["differs"] == ["apps/api.yaml:8 names 0"]


def test_the_text_names_what_failed_and_what_to_do(world: World) -> None:
    delivered(world)
    script = applying(world, "1", {})
    script.fails["apps"] = ("BuildFailed", "kustomize build failed: no such file")
    with flux(world, script):
        done = world.run("wait", "--timeout", "60s")
    assert done.exit_code == 1
    assert "failed after" in done.stdout
    assert "Kustomization shop/apps: kustomize build failed: no such file" in done.stdout
    assert "kubectl -n shop describe kustomization apps" in done.stdout
    assert "waiting   Kustomization shop/apps" in done.stderr


def test_a_cluster_that_cannot_be_reached(world: World) -> None:
    delivered(world)
    world.fake.stop()
    code, error = world_error(world, "wait")
    assert (code, error["kind"]) == (3, "ClusterUnreachable")
    world.fake.start()


def world_error(world: World, *argv: str) -> tuple[int, dict[str, Any]]:
    import subprocess
    import sys

    options = ("-C", str(world.home / "api"), "--state", str(world.home / "state"), "--json")
    done = subprocess.run(
        [sys.executable, "-m", "shipway", *argv, *options],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "KUBECONFIG": str(world.kubeconfig)},
    )
    return done.returncode, json.loads(done.stdout)["error"]


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (("wait",), "nothing was promoted yet"),
        (("wait", "api"), "api was not promoted yet"),
        (("wait", "--promotion", "7"), "run 7 promoted nothing"),
        (("wait", "--commit", "abc"), "not a whole commit"),
        (("wait", "--branch", "main"), "say where a --commit is"),
        (("wait", "--promotion", "1", "api"), "names its commits and images itself"),
        (("wait", "r.example/api:1"), "nobody knows which digest"),
        (("wait", "--timeout", "soon"), "not a duration"),
        (
            ("wait", "--commit", "0" * 40, "--repository", "https://x.example/y", "--context", "gone"),
            "no context",
        ),
        (("status", "--context", "x"), "go with --live"),
        (("status", "--live", "--runs"), "--live tells of now"),
        (("status", "--live"), "nothing was delivered yet"),
        (("doctor", "--wait-renewed"), "go with --cluster"),
    ],
    ids=lambda each: " ".join(each) if isinstance(each, tuple) else "",
)
def test_wrong_usage_says_what_is_wrong(world: World, argv: Sequence[str], message: str) -> None:
    code, error = world_error(world, *argv)
    assert code == 2
    assert message in error["message"]
