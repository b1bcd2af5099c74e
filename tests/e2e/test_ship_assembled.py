"""Images without RUN, shipped by a machine that has no engine at all."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

AUTHOR = ("-c", "user.name=T", "-c", "user.email=t@example.invalid", "-c", "commit.gpgsign=false")
FLEET = {
    "shipway.yaml": (
        'tag: "1"\n'
        "images:\n"
        "  base: {context: base}\n"
        "  api: {context: api}\n"
        "  both: {context: both, platforms: [linux/amd64, linux/arm64]}\n"
    ),
    "base/Dockerfile": "FROM scratch\nCOPY etc /etc/\nENV BASE=1\n",
    "base/etc/passwd": "app:x:7:8::/:/x\n",
    "api/Dockerfile": "FROM base:1\nWORKDIR /srv\nCOPY --chown=app . .\nUSER app\nENV A=$BASE\n",
    "api/file": "api\n",
    "both/Dockerfile": "FROM scratch\nARG TARGETARCH\nENV A=$TARGETARCH\nCOPY file /\n",
    "both/file": "both\n",
}


class Machine:
    """A working copy, and a PATH with git alone."""

    def __init__(self, directory: Path) -> None:
        self.root = directory / "repo"
        self.state = directory / "state"
        self._programs = directory / "bin"
        self._programs.mkdir()
        (self._programs / "git").symlink_to(shutil.which("git") or "git")

    def write(self, files: Mapping[str, str]) -> None:
        for path, text in files.items():
            file = self.root / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        subprocess.run(["git", "init", "-q", "-b", "main"], cwd=self.root, check=True)
        subprocess.run(["git", "add", "-A"], cwd=self.root, check=True)
        subprocess.run(["git", *AUTHOR, "commit", "-qm", "x"], cwd=self.root, check=True)

    def run(self, *arguments: str, code: int = 0) -> str:
        argv = [sys.executable, "-m", "shipway", *arguments, "-C", str(self.root), "--state", str(self.state)]
        env = {**os.environ, "PATH": str(self._programs), "DOCKER_HOST": "unix:///nowhere/docker.sock"}
        done = subprocess.run(argv, capture_output=True, text=True, check=False, env=env)
        assert done.returncode == code, done.stderr + done.stdout
        assert "Traceback" not in done.stderr
        return done.stdout if code == 0 else done.stderr + done.stdout

    def steps(self, *arguments: str) -> dict[str, dict[str, Any]]:
        plan = json.loads(self.run("plan", "--json", *arguments))
        return {step["image"]: step for wave in plan["waves"] for step in wave}

    def states(self) -> dict[str, str]:
        return {row["image"]: row["state"] for row in json.loads(self.run("status", "--json"))["rows"]}

    def digests(self) -> dict[str, str]:
        return {row["image"]: row["digest"] for row in json.loads(self.run("status", "--json"))["rows"]}


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    made = Machine(tmp_path)
    made.write(FLEET)
    return made


def test_a_fleet_without_run_ships_without_an_engine(machine: Machine) -> None:
    assert {step["engine"] for step in machine.steps().values()} == {"assemble"}
    machine.run("ship")
    assert machine.states() == {"base": "delivered", "api": "delivered", "both": "delivered"}
    assert {step["action"] for step in machine.steps().values()} == {"reuse"}
    before = machine.digests()
    machine.write({"api/file": "changed\n"})
    machine.run("ship", "--engine", "assemble")
    after = machine.digests()
    assert [name for name in before if before[name] != after[name]] == ["api"]


def test_another_machine_makes_the_same_images(machine: Machine, tmp_path: Path) -> None:
    machine.run("ship")
    (tmp_path / "other").mkdir()
    other = Machine(tmp_path / "other")
    shutil.copytree(machine.root, other.root)
    for path in other.root.rglob("*"):
        os.utime(path, (1, 1))
    other.run("ship")
    assert other.digests() == machine.digests()


def test_what_needs_an_engine_is_refused_before_anything_is_built(machine: Machine) -> None:
    machine.write({"api/Dockerfile": "FROM base:1\nRUN true\n"})
    said = machine.run("ship", "--engine", "assemble", code=1)
    assert "api cannot be assembled: line 2: RUN needs a build engine" in said
    assert "no such run" in machine.run("status", code=2)


def test_a_missing_engine_stops_only_what_needs_it(machine: Machine) -> None:
    machine.write({"api/Dockerfile": "FROM base:1\nRUN true\n"})
    machine.run("ship", code=4)
    assert machine.states() == {"base": "delivered", "api": "failed", "both": "delivered"}


def test_a_base_whose_trigger_runs_something_is_named(machine: Machine) -> None:
    machine.write({"base/Dockerfile": "FROM scratch\nCOPY etc /etc/\nONBUILD RUN true\n"})
    said = machine.run("ship", code=4)
    assert "a trigger of ONBUILD: RUN: it needs a build engine" in said
    assert machine.states()["base"] == "delivered"
