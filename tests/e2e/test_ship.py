"""The main job through the command line: a real engine, a real registry, real git."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.engine, pytest.mark.xdist_group("engine")]

AUTHOR = ("-c", "user.name=T", "-c", "user.email=t@example.invalid", "-c", "commit.gpgsign=false")


@dataclass(frozen=True)
class Project:
    """A fleet in a git working copy, with state of its own."""

    root: Path
    state: Path
    engine: str

    def write(self, files: Mapping[str, str]) -> None:
        for path, text in files.items():
            file = self.root / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)

    def commit(self, message: str = "change") -> None:
        subprocess.run(["git", "init", "-q", "-b", "main"], cwd=self.root, check=True)
        subprocess.run(["git", "add", "-A"], cwd=self.root, check=True)
        subprocess.run(["git", *AUTHOR, "commit", "-qm", message], cwd=self.root, check=True)

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "shipway", *arguments, "-C", str(self.root), "--state", str(self.state)]

    def run(self, *arguments: str, code: int = 0) -> str:
        done = subprocess.run(self.command(*arguments), capture_output=True, text=True, check=False)
        assert done.returncode == code, done.stderr + done.stdout
        assert "Traceback" not in done.stderr
        return done.stdout if code == 0 else done.stderr

    def ship(self, *arguments: str, code: int = 0) -> str:
        return self.run("ship", "--engine", self.engine, *arguments, code=code)

    def status(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(self.run("status", "--json"))
        return document

    def states(self) -> dict[str, str]:
        return {row["image"]: row["state"] for row in self.status()["rows"]}


FLEET = {
    "shipway.yaml": (
        'tag: "{branch}-{sha7}"\n'
        'images:\n  base: {context: base, tag: "1"}\n  api: {context: api}\n  web: {context: web}\n'
    ),
    "base/Dockerfile": "FROM scratch\nCOPY marker /marker\n",
    "base/marker": "base\n",
    "api/Dockerfile": "FROM base:1\nCOPY app /app\n",
    "api/app": "api\n",
    "web/Dockerfile": "FROM base:1\nCOPY page /page\n",
    "web/page": "web\n",
}


@pytest.fixture
def project(tmp_path: Path, engine_name: str) -> Project:
    made = Project(tmp_path / "repo", tmp_path / "state", engine_name)
    made.root.mkdir()
    made.write(FLEET)
    made.commit()
    return made


def test_a_fleet_is_delivered_then_stands_then_only_what_changed_is_built(project: Project) -> None:
    project.ship()
    assert project.states() == dict.fromkeys(("base", "api", "web"), "delivered")
    assert project.status()["steps_done"] == project.status()["steps_planned"] == 12

    project.ship()
    assert project.states() == dict.fromkeys(("base", "api", "web"), "reused")
    assert project.status()["engine"] == ""  # no engine was started

    project.write({"api/app": "api 2\n", "web/unrelated": "not copied\n"})
    project.commit()
    project.ship()
    assert project.states() == {"base": "reused", "api": "delivered", "web": "reused"}
    assert "files changed: app" in project.run("report")


def test_a_changed_base_rebuilds_what_builds_on_it(project: Project) -> None:
    project.ship()
    project.write({"base/marker": "base 2\n"})
    waves = json.loads(project.run("plan", "--json"))["waves"]
    why = {step["image"]: step["why"] for wave in waves for step in wave}
    assert why["base"] == ["files changed: marker"]
    assert why["api"] == ["base changed: docker.io/library/base:1"]


def test_one_image_brings_the_base_that_was_never_delivered(project: Project) -> None:
    project.ship("web")
    assert project.states() == {"base": "delivered", "web": "delivered"}


def test_a_base_that_the_registry_lost_is_built_again(project: Project) -> None:
    from shipway.registry.server.store import Store
    from shipway.values import Digest

    project.ship()
    digest = next(row["digest"] for row in project.status()["rows"] if row["image"] == "base")
    store = Store(project.state / "registry")
    store.delete_manifest("base", Digest.parse(digest))
    store.close()
    project.write({"api/app": "api 2\n"})
    project.ship("api")
    assert project.states() == {"base": "delivered", "api": "delivered"}


def test_a_failure_stops_only_what_builds_on_it_and_a_resume_finishes(project: Project) -> None:
    project.write({"api/Dockerfile": "FROM base:1\nCOPY app /app\nRUN /no/such/program\n"})
    error = project.ship(code=4)
    assert "1 of 3 images are not delivered" in error
    assert project.states() == {"base": "delivered", "api": "failed", "web": "delivered"}

    project.write({"api/Dockerfile": FLEET["api/Dockerfile"]})
    project.ship()
    assert project.states() == {"base": "reused", "api": "delivered", "web": "reused"}


def test_a_copy_source_that_is_missing_is_refused_before_any_run(project: Project) -> None:
    project.write({"web/Dockerfile": "FROM base:1\nCOPY pages /page\n"})
    error = project.ship(code=1)
    assert "web/Dockerfile:2" in error
    assert "did you mean page?" in error
    project.run("status", code=2)


def test_after_kill_9_the_next_ship_finishes_and_builds_nothing_verified_again(project: Project) -> None:
    process = subprocess.Popen(
        project.command("ship", "--engine", project.engine, "-j", "1"),
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith("base: delivered"):
            os.killpg(process.pid, signal.SIGKILL)
            break
    process.wait()
    assert process.returncode == -signal.SIGKILL

    project.ship()
    assert project.states()["base"] == "reused"
    assert set(project.states().values()) <= {"reused", "delivered"}
    assert project.status()["run"] == 2


def test_an_interrupt_ends_cleanly(project: Project) -> None:
    project.write({"api/Dockerfile": "FROM base:1\nCOPY app /app\n"})
    process = subprocess.Popen(
        project.command("ship", "--engine", project.engine, "-j", "1"),
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
    )
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith("base: build"):
            process.send_signal(signal.SIGINT)
            break
    rest = process.stderr.read()
    assert process.wait(timeout=60) == 130, rest
    assert "Traceback" not in rest
    assert project.status()["state"] == "interrupted"
    project.ship()
    assert set(project.states().values()) <= {"reused", "delivered"}


def test_two_ships_of_one_fleet_are_refused(project: Project) -> None:
    from datetime import UTC, datetime

    from shipway.ledger.sqlite import SqliteLedger

    ledger = SqliteLedger(project.state)
    ledger.begin("ship", {}, datetime.now(UTC))
    assert "another run" in project.ship(code=3)
    ledger.close()


def test_what_is_shipped_can_be_read_by_others(
    project: Project, tmp_path: Path, docker_registry: str
) -> None:
    """skopeo reads every image, from the embedded registry and from Debian's."""
    project.ship()
    project.ship("--registry", f"{docker_registry}/shop")
    port = 5000 + os.getpid() % 20000
    server = subprocess.Popen(
        project.command("registry", "serve", "--listen", f"127.0.0.1:{port}"),
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert server.stdout is not None
        assert "registry ready" in server.stdout.readline()
        for row in project.status()["rows"]:
            name, tag = row["image"], row["reference"].rpartition(":")[2]
            for registry in (f"127.0.0.1:{port}/{name}", f"{docker_registry}/shop/{name}"):
                seen = _skopeo("inspect", f"docker://{registry}:{tag}")
                assert json.loads(seen)["Digest"] == row["digest"]
                _skopeo("copy", f"docker://{registry}:{tag}", f"dir:{tmp_path / 'copy'}")
    finally:
        server.terminate()
        server.wait()


def _skopeo(command: str, *arguments: str) -> str:
    tls = ["--tls-verify=false"] if command == "inspect" else ["--src-tls-verify=false"]
    done = subprocess.run(["skopeo", command, *tls, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_named_contexts_that_are_images_of_the_fleet_are_built_first_and_used(project: Project) -> None:
    (project.root / "shipway.yaml").unlink()
    project.write(
        {
            "compose.yaml": (
                "services:\n"
                "  app: {build: {context: app, additional_contexts: {parts: 'service:parts'}}}\n"
                "  parts: {build: parts}\n"
            ),
            "app/Dockerfile": "FROM parts\nCOPY --from=parts /part /again\n",
            "parts/Dockerfile": "FROM scratch\nCOPY part /part\n",
            "parts/part": "part\n",
        }
    )
    project.ship("--from", "compose.yaml")
    assert project.status()["totals"]["delivered"] == 2


def test_secret_args_and_build_secrets_show_up_nowhere(project: Project) -> None:
    canary = "canary-5e2f"
    project.write(
        {
            "shipway.yaml": (
                "images:\n"
                "  api: {context: api, args: {TOKEN: null}, secret-args: [TOKEN], env-files: [build.env]}\n"
            ),
            "build.env": f"TOKEN={canary}\n",
            "api/Dockerfile": "FROM scratch\nARG TOKEN\nCOPY app /app\n",
        }
    )
    project.ship("-v")
    for file in project.state.rglob("*"):
        if file.is_file():
            assert canary.encode() not in file.read_bytes(), file
    assert canary not in project.run("plan", "--json") + project.run("discover", "--json")


def test_a_missing_env_file_is_told_before_the_build(project: Project) -> None:
    project.write({"shipway.yaml": "images:\n  api: {context: api, env-files: [build.env]}\n"})
    assert "build.env" in project.ship(code=1)
    problems = json.loads(project.run("plan", "--json"))["problems"]
    assert [problem["kind"] for problem in problems] == ["missing-env-file"]
    project.run("status", code=2)


def test_images_of_other_repositories_are_delivered_in_one_run(project: Project, tmp_path: Path) -> None:
    other = Project(tmp_path / "other", tmp_path / "unused", project.engine)
    other.root.mkdir()
    other.write({"Dockerfile": "FROM base:1\nCOPY x /x\n", "x": "x\n"})
    other.write({"shipway.yaml": "images:\n  payments: {context: .}\n"})
    other.commit()
    project.write(
        {"shipway.yaml": FLEET["shipway.yaml"] + f"repositories:\n  pay: {{git: 'file://{other.root}'}}\n"}
    )
    project.ship()
    assert project.states()["payments"] == "delivered"


def test_a_path_that_a_published_image_lacks_is_found_in_its_layers(project: Project) -> None:
    """The Dockerfile of ``tools`` does not tell what it holds, its layers do."""
    project.write(
        {
            "shipway.yaml": "images:\n  tools: {context: base, tag: '1'}\n  app: {context: app}\n",
            "base/Dockerfile": "FROM scratch\nADD parts.tar /opt/\n",
            "app/Dockerfile": "FROM scratch\nCOPY --from=tools:1 /opt/part /part\n",
            "app/keep": "x",
        }
    )
    with tarfile.open(project.root / "base" / "parts.tar", "w") as archive:
        archive.add(project.root / "base" / "marker", "part")
    project.ship()
    assert project.run("check", "--select", "SW107", "--live", "--json")
    project.write({"app/Dockerfile": "FROM scratch\nCOPY --from=tools:1 /opt/prat /part\n"})
    project.run("check", "--select", "SW107")  # nobody can tell from the files
    done = subprocess.run(
        project.command("check", "--select", "SW107", "--live", "--json"),
        capture_output=True,
        text=True,
        check=False,
    )
    (finding,) = json.loads(done.stdout)["findings"]
    assert (done.returncode, finding["rule"], finding["line"]) == (1, "SW107", 2)
    assert "/opt/part" in finding["help"]


def test_a_file_name_that_is_no_utf8_is_shipped(project: Project) -> None:
    (project.root / "web" / "page").unlink()
    (project.root / "web" / "page").mkdir()
    (Path(os.fsdecode(os.fsencode(project.root) + b"/web/page/\xff.txt"))).write_text("odd")
    project.ship()
    project.ship()
    assert project.states()["web"] == "reused"


def test_the_demo_proves_what_it_says(tmp_path: Path, engine_name: str) -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "shipway",
            "demo",
            "--engine",
            engine_name,
            "--directory",
            str(tmp_path / "demo"),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr + done.stdout
    assert "5 of 5 images verified by read-back" in done.stdout
    assert "nothing was built: services/api/Dockerfile:2" in done.stdout
    assert (tmp_path / "demo" / "report.html").is_file()
