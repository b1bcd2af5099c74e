"""The fake API server as kubectl sees it: what another client takes for a cluster."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from shipway.testing.kubernetes.server import FakeCluster

Kubectl = Callable[..., str]


@pytest.fixture
def kubectl(require_tool: Callable[[str], str], tmp_path: Path) -> Iterator[Kubectl]:
    program = require_tool("kubectl")
    with FakeCluster() as fake:
        config = fake.kubeconfig(tmp_path / "config")

        def run(*argv: str, stdin: Any = None) -> str:
            options = ("--kubeconfig", str(config), "--cache-dir", str(tmp_path / "cache"))
            done = subprocess.run(
                [program, *options, *argv],
                input=json.dumps(stdin) if stdin is not None else None,
                capture_output=True,
                text=True,
                check=False,
                timeout=120,
            )
            return done.stdout + done.stderr

        yield run


def repository(**spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "source.toolkit.fluxcd.io/v1",
        "kind": "GitRepository",
        "metadata": {"name": "fleet", "namespace": "flux"},
        "spec": spec,
    }


def test_kubectl_makes_reads_changes_watches_and_deletes(kubectl: Kubectl) -> None:
    made = kubectl("create", "--validate=false", "-f", "-", stdin=repository(url="https://x.example/y"))
    assert "gitrepository.source.toolkit.fluxcd.io/fleet created" in made
    assert "already exists" in kubectl("create", "--validate=false", "-f", "-", stdin=repository())
    asked = kubectl("-n", "flux", "annotate", "gitrepository", "fleet", "reconcile.fluxcd.io/requestedAt=now")
    assert "annotated" in asked
    status = json.dumps({"status": {"observedGeneration": 1}})
    kubectl(
        "-n", "flux", "patch", "gitrepository", "fleet", "--subresource=status", "--type=merge", "-p", status
    )
    found = json.loads(kubectl("-n", "flux", "get", "gitrepository", "fleet", "-o", "json"))
    assert found["metadata"]["annotations"]["reconcile.fluxcd.io/requestedAt"] == "now"
    assert (found["metadata"]["generation"], found["status"]) == (1, {"observedGeneration": 1})
    kubectl(
        "-n", "flux", "patch", "gitrepository", "fleet", "--type=merge", "-p", '{"spec": {"suspend": true}}'
    )
    found = json.loads(kubectl("get", "gitrepositories", "-A", "-o", "json"))["items"][0]
    assert (found["metadata"]["generation"], found["spec"]["suspend"]) == (2, True)
    wait = kubectl("-n", "flux", "wait", "gitrepository/fleet", "--for=jsonpath={.spec.suspend}=true")
    assert "condition met" in wait
    assert "deleted" in kubectl("-n", "flux", "delete", "gitrepository", "fleet", "--wait=false")
    assert "NotFound" in kubectl("-n", "flux", "get", "gitrepository", "fleet")


def test_kubectl_is_told_that_a_version_is_old(kubectl: Kubectl) -> None:
    kubectl("create", "--validate=false", "-f", "-", stdin=repository())
    found = json.loads(kubectl("-n", "flux", "get", "gitrepository", "fleet", "-o", "json"))
    kubectl("-n", "flux", "annotate", "gitrepository", "fleet", "a=b")
    found["spec"] = {"url": "https://other.example"}
    assert "Conflict" in kubectl("replace", "--validate=false", "-f", "-", stdin=found)
