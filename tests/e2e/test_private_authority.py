"""A base behind a registry with an authority of its own, named in the fleet file and nowhere else."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import trustme

from shipway.errors import HostError
from shipway.registry.server.embedded import TlsFiles
from shipway.testing.distribution import running_distribution

pytestmark = [pytest.mark.engine, pytest.mark.xdist_group("engine")]

BASE = """\
registry: {registry}/shop
tag: "1"
registries: {{"{registry}": {{{access}}}}}
images: {{base: {{context: base}}}}
"""
APP = """\
tag: "1"
registries: {{"{registry}": {{{access}}}}}
images: {{app: {{context: app}}}}
"""


@dataclass(frozen=True)
class Machine:
    """A machine whose user has no file about the registry; the fleet file names its authority."""

    directory: Path
    registry: str
    engine: str

    def run(self, fleet: str, access: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        (self.directory / "shipway.yaml").write_text(fleet.format(registry=self.registry, access=access))
        place = ["-C", str(self.directory), "--state", str(self.directory.parent / "state")]
        command = [sys.executable, "-m", "shipway", *arguments, "--engine", self.engine, *place]
        return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture(params=["buildah", "podman"])
def machine(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    container_storage: Path,
    require_tool: Callable[[str], str],
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Machine]:
    require_tool(request.param)
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    authority = trustme.CA()
    certificate = authority.issue_cert("127.0.0.1")
    directory = tmp_path / "repo"
    for name, text in {
        "base": "FROM scratch\nCOPY f /f\n",
        "app": "FROM {registry}/shop/base:1\nCOPY f /g\n",
    }.items():
        (directory / name).mkdir(parents=True)
        (directory / name / "f").write_text(name)
        (directory / name / "Dockerfile").write_text(text)
    authority.cert_pem.write_to_path(directory / "ca.pem")
    files = TlsFiles(tmp_path / "server.pem", tmp_path / "server.key")
    files.certificate.write_bytes(b"".join(blob.bytes() for blob in certificate.cert_chain_pems))
    certificate.private_key_pem.write_to_path(files.key)
    try:
        with running_distribution(tmp_path / "registry", tls=files) as address:
            dockerfile = directory / "app/Dockerfile"
            dockerfile.write_text(dockerfile.read_text().format(registry=address))
            yield Machine(directory, address, request.param)
    except HostError as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(error.message)
    finally:
        shutil.rmtree(tmp_path / "registry", ignore_errors=True)


@pytest.mark.parametrize("access", ["ca: ca.pem", "insecure: true"])
def test_the_engine_pulls_a_base_that_only_the_fleet_file_tells_it_to_trust(
    machine: Machine, access: str
) -> None:
    base = machine.run(BASE, access, "ship")
    assert base.returncode == 0, base.stderr + base.stdout
    done = machine.run(APP, access, "ship")
    assert done.returncode == 0, done.stderr + done.stdout
    doctor = machine.run(APP, access, "doctor", "--json")
    seen = {each["probe"]: each["seen"] for each in json.loads(doctor.stdout)["probes"]}
    assert seen["engine trust"] == f"{machine.engine} can pull"


def test_an_engine_that_is_told_nothing_refuses(machine: Machine) -> None:
    assert machine.run(BASE, "ca: ca.pem", "ship").returncode == 0
    # the fleet file trusts it for what Shipway does itself: the engine alone is in the dark
    text = APP.replace('registries: {{"{registry}": {{{access}}}}}\n', "")
    done = machine.run(text, "", "ship", "--offline")
    assert done.returncode != 0
    assert "certificate of a registry is not trusted" in done.stderr
