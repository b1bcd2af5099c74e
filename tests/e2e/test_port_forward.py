"""A fleet goes to a registry inside a "cluster", through a port-forward that dies meanwhile."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from shipway.registry.server.embedded import TlsFiles
from shipway.registry.server.store import Store
from shipway.testing.kubectl import FakeKubectl
from shipway.testing.registry import running_registry

pytestmark = [pytest.mark.engine, pytest.mark.xdist_group("engine")]

HOST = "registry.tools.svc.cluster.local:5000"
FLEET = f"""\
registry: {HOST}/shop
tag: "1"
registries:
  "{HOST}": {{via: port-forward, namespace: tools, service: registry, port: 5000, ca: ca.pem}}
images:
  base: {{context: base}}
  app: {{context: app}}
"""
FILES = {
    "shipway.yaml": FLEET,
    "base/Dockerfile": "FROM scratch\nCOPY f /f\n",
    "base/f": "base\n",
    "app/Dockerfile": f"FROM {HOST}/shop/base:1\nCOPY f /g\n",
    "app/f": "app\n",
}


@pytest.fixture
def kubectl(tmp_path: Path) -> Iterator[FakeKubectl]:
    authority = trustme.CA()
    certificate = authority.issue_cert("registry.tools.svc.cluster.local")
    files = TlsFiles(tmp_path / "server.pem", tmp_path / "server.key")
    files.certificate.write_bytes(b"".join(blob.bytes() for blob in certificate.cert_chain_pems))
    certificate.private_key_pem.write_to_path(files.key)
    for path, text in FILES.items():
        (tmp_path / "repo" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "repo" / path).write_text(text)
    authority.cert_pem.write_to_path(tmp_path / "repo/ca.pem")
    made = FakeKubectl(tmp_path / "bin")
    with running_registry(tmp_path / "data", files) as registry:
        made.serve("tools", "registry", 5000, registry.address)
        yield made
    made.die()


def shipway(tmp_path: Path, *arguments: str) -> subprocess.Popen[str]:
    place = ["-C", str(tmp_path / "repo"), "--state", str(tmp_path / "state")]
    return subprocess.Popen(
        [sys.executable, "-m", "shipway", *arguments, *place],
        env={**os.environ, "PATH": f"{tmp_path}/bin:{os.environ['PATH']}"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def test_a_fleet_arrives_though_the_forward_dies_on_the_way(
    tmp_path: Path, kubectl: FakeKubectl, engine_name: str
) -> None:
    """A base of the fleet goes to the engine through staging, which needs no way into the cluster."""
    over = threading.Event()

    def shoot() -> None:
        # not more often than a forward may fail to start in a row
        for _ in range(2):
            if not over.wait(0.7):
                kubectl.die()

    shooter = threading.Thread(target=shoot)
    shooter.start()
    try:
        with shipway(tmp_path, "ship", "--engine", engine_name) as ship:
            said = ship.communicate()[0]
    finally:
        over.set()
        shooter.join()
    assert ship.returncode == 0, said
    store = Store(tmp_path / "data")
    assert store.tags("shop/app") == store.tags("shop/base") == ["1"]
    store.close()
    assert kubectl.running == 0


def test_doctor_looks_through_the_forward(tmp_path: Path, kubectl: FakeKubectl, engine_name: str) -> None:
    with shipway(tmp_path, "registry", "diagnose", f"{HOST}/shop/app") as diagnose:
        said = diagnose.communicate()[0]
    assert diagnose.returncode == 0, said
    assert len(kubectl.started) >= 1
