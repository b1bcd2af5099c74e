"""``shipway scaffold`` as people run it: written, built without network, run, shipped, and shown for good."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from shipway.oci.manifest import Manifest

pytestmark = [pytest.mark.engine, pytest.mark.xdist_group("engine")]

AUTHOR = ("-c", "user.name=T", "-c", "user.email=t@example.invalid", "-c", "commit.gpgsign=false")
FLEET = (
    "images:\n"
    '  base: {context: base, tag: "1"}\n'
    '  api: {context: api, tag: "2"}\n'
    '  worker: {context: worker, tag: "3"}\n'
)


@dataclass(frozen=True)
class Project:
    """A fleet with a base of scratch and busybox, one image with code, and one without."""

    home: Path
    engine: str

    @property
    def root(self) -> Path:
        return self.home / "repo"

    def run(self, *argv: str, code: int = 0) -> str:
        places = ["-C", str(self.root), "--state", str(self.home / "state")]
        command = [sys.executable, "-m", "shipway", *argv, *places]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == code, done.stderr + done.stdout
        return done.stdout

    def document(self, *argv: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.run(*argv, "--json"))
        return found

    def ship(self) -> str:
        for argv in (
            ("init", "-q", "-b", "main"),
            ("add", "-A"),
            (*AUTHOR, "commit", "-qm", "x", "--allow-empty"),
        ):
            subprocess.run(["git", *argv], cwd=self.root, check=True)
        return self.run("ship", "--engine", self.engine)

    def unpacked(self, digest: str) -> tuple[Path, dict[str, Any]]:
        """The files of an image in the embedded registry, and its config."""
        blobs = self.home / "state" / "registry" / "blobs" / "sha256"
        manifest = Manifest("", (blobs / digest.removeprefix("sha256:")).read_bytes()).body
        assert manifest.config is not None
        target = self.home / "unpacked"
        for layer in manifest.layers or ():
            with tarfile.open(blobs / layer.parsed_digest.hex) as archive:
                archive.extractall(target, filter="tar")
        config: dict[str, Any] = json.loads((blobs / manifest.config.parsed_digest.hex).read_text())
        return target, config["config"]


@pytest.fixture
def project(tmp_path: Path, engine_name: str, require_tool: Callable[[str], str]) -> Project:
    made = Project(tmp_path, engine_name)
    (made.root / "base").mkdir(parents=True)
    (made.root / "shipway.yaml").write_text(FLEET)
    shutil.copy(require_tool("busybox"), made.root / "base" / "busybox")
    (made.root / "base" / "Dockerfile").write_text("FROM scratch\nCOPY busybox /bin/busybox\n")
    (made.root / "api").mkdir()
    (made.root / "api" / "Dockerfile").write_text("FROM base:1\nCOPY Dockerfile /api\n")
    return made


def test_an_image_without_code_is_scaffolded_shipped_run_and_shown_as_a_stand_in(project: Project) -> None:
    assert "next  write it; shipway scaffold worker writes a service" in project.run("plan")
    dry = project.document("scaffold", "worker", "--kind", "static", "--base", "base:1", "--dry-run")
    assert not (project.root / "worker").exists()
    done = project.document("scaffold", "worker", "--kind", "static", "--base", "base:1")
    assert done == {**dry, "written": True}
    for file in done["files"]:
        assert (project.root / file["path"]).read_text() == file["text"]
    project.run("scaffold", "worker", code=2)

    assert stand_ins(project.document("plan")["waves"]) == {"base": False, "api": False, "worker": True}
    told = project.ship()
    assert "worker (stand-in)" in told
    assert "1 stand-in without code yet" in told
    rows = {row["image"]: row for row in project.document("status")["rows"]}
    assert {name: row["stand_in"] for name, row in rows.items()} == {
        "base": False,
        "api": False,
        "worker": True,
    }
    verified = project.document("verify", "--fleet")["images"]
    assert {row["image"]: row["stand_in"] for row in verified} == {
        "base": False,
        "api": False,
        "worker": True,
    }
    project.ship()
    assert "worker (stand-in)" in project.run("status")
    assert "worker (stand-in)" in project.run("report", "--format", "html")

    files, config = project.unpacked(rows["worker"]["digest"])
    assert config["Labels"]["io.shipway.stand-in"] == "true"
    assert config["User"] == "65532:65532"
    assert answers(files, config["Cmd"])


def test_with_code_in_its_place_an_image_is_no_stand_in_any_more(project: Project) -> None:
    project.run("scaffold", "worker", "--kind", "static", "--base", "base:1")
    project.ship()
    (project.root / "worker" / "Dockerfile").write_text("FROM base:1\nCOPY Dockerfile /worker\n")
    project.ship()
    assert "stand-in" not in project.run("status")


def stand_ins(waves: list[list[dict[str, Any]]]) -> dict[str, bool]:
    return {step["image"]: step["stand_in"] for wave in waves for step in wave}


def answers(files: Path, command: list[str]) -> bool:
    """Whether the program of an image, run from its unpacked files, answers at its health endpoint."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    argv = [str(files / word.lstrip("/")) if word.startswith("/") else word for word in command]
    argv[argv.index("8080")] = f"127.0.0.1:{port}"
    with subprocess.Popen(argv) as service:
        try:
            deadline = time.monotonic() + 60
            while True:
                try:
                    with urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5) as response:
                        return bool(json.load(response) == {"status": "ok"})
                except (URLError, ConnectionError):
                    assert service.poll() is None and time.monotonic() < deadline
                    time.sleep(0.05)
        finally:
            service.kill()
