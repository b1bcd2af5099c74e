"""The waves of a plan, each built by machines that know nothing but the registry and what was handed on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from shipway.cli.app import shipway
from shipway.errors import NotMet
from shipway.testing.raw import RawRepository
from shipway.testing.registry import running_registry
from shipway.values import Digest


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "repo").mkdir()
    return tmp_path / "repo"


def write(root: Path, registry: str) -> None:
    bases = {"base": "scratch", "api": f"{registry}/shop/base:live", "web": f"{registry}/shop/base:live"}
    for name, base in bases.items():
        (root / name).mkdir()
        (root / name / "Dockerfile").write_text(f"FROM {base}\nCOPY Dockerfile /{name}\n")
    images = "".join(f"  {name}: {{context: {name}}}\n" for name in bases)
    (root / "shipway.yaml").write_text(f"registry: {registry}/shop\ntag: live\nimages:\n{images}")


def run(root: Path, machine: str, *arguments: str) -> Result:
    """A command on a machine that has the working copy, and a state of its own."""
    where = ["-C", str(root), "--state", str(root.parent / machine)]
    return CliRunner().invoke(shipway, [*arguments, *where])


def matrices(root: Path, machine: str) -> dict[str, Any]:
    planned = run(root, machine, "plan", "--format", "github-matrix")
    assert planned.exit_code == 0, planned.output
    lines = dict(line.split("=", 1) for line in planned.stdout.splitlines())
    return {name: json.loads(value) for name, value in lines.items()}


def test_each_wave_builds_on_the_digests_of_the_one_before(root: Path) -> None:
    with running_registry() as registry:
        write(root, registry.address)
        first = matrices(root, "plan-1")
        assert (first["waves"], first["builds"]) == (2, 3)
        for number, job in enumerate(first["wave-1"]["include"]):
            assert run(root, f"wave-1-{number}", "ship", *job["arguments"].split()).exit_code == 0
        second = matrices(root, "plan-2")
        assert (second["waves"], second["builds"]) == (1, 2)
        base = RawRepository(registry.address, "shop/base")("GET", "manifests/live").body
        for number, job in enumerate(second["wave-1"]["include"]):
            assert f"--base=base={Digest.of(base)}" in job["arguments"]
            assert run(root, f"wave-2-{number}", "ship", *job["arguments"].split()).exit_code == 0
        assert matrices(root, "plan-3") == {"builds": 0, "waves": 0}


def test_a_job_of_a_later_wave_builds_no_base_by_itself(root: Path) -> None:
    with running_registry() as registry:
        write(root, registry.address)
        job = matrices(root, "plan")["wave-2"]["include"][0]
        shipped = run(root, "early", "ship", *job["arguments"].split())
        assert isinstance(shipped.exception, NotMet)
        assert "base would be built" in shipped.exception.message
        assert RawRepository(registry.address, "shop/base")("GET", "tags/list").status == 404
