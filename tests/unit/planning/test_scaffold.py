"""What a scaffold holds: a Dockerfile that checks well, and a program that answers."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

import pytest

from shipway.checks.facts import Facts
from shipway.checks.runner import run_checks
from shipway.errors import InvalidValue, UsageError
from shipway.fleet.builds import Builds
from shipway.fleet.load import load_fleet
from shipway.flows.scaffold import Scaffolded, plan_scaffold, write
from shipway.planning.collect import collect
from shipway.planning.scaffold import KINDS, kind_of
from shipway.values import Platform


class Repository:
    """A repository whose fleet file declares images, some of them without code."""

    def __init__(self, root: Path, images: str, more: str = "") -> None:
        self.root = root
        (root / "shipway.yaml").write_text(f"images:\n{images}{more}")

    def plan(self, image: str = "api", kind: str | None = None, base: str | None = None) -> Scaffolded:
        builds = Builds()
        fleet = load_fleet(self.root, builds=builds)
        return plan_scaffold(fleet, builds.tree(str(self.root)), image, kind, base)

    def scaffold(self, image: str = "api", kind: str | None = None, base: str | None = None) -> Scaffolded:
        return write(self.root, self.plan(image, kind, base))

    def facts(self) -> Facts:
        builds = Builds()
        return Facts(load_fleet(self.root, builds=builds), builds, str(self.root))


API = "  api: {context: services/api}\n"
PLACES = {
    "beside the Dockerfile": API,
    "below the context": "  api: {context: ., dockerfile: services/api/Dockerfile}\n",
    "apart from the Dockerfile": "  api: {context: services/api, dockerfile: docker/api.Dockerfile}\n",
    "in a stage with a name": "  api: {context: services/api, target: production}\n",
    "at the root": "  api: {context: .}\n",
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("declared", PLACES.values(), ids=PLACES)
def test_what_is_written_can_be_built_and_is_marked(tmp_path: Path, declared: str, kind: str) -> None:
    repository = Repository(tmp_path, declared)
    repository.scaffold(kind=kind)
    facts = repository.facts()
    found = collect(facts.fleet, ["api"], {}, Platform("linux", "amd64"), facts.builds)
    assert found.blockers == ()
    assert found.drafts["api"].stand_in
    findings = run_checks(facts).findings
    assert [finding.rule for finding in findings] == ["SW338"]


def test_all_kinds_are_told_by_the_files_that_are_there() -> None:
    assert kind_of(["a.py", "b.go", "c.go", "web/d.ts"]) == "go"
    assert kind_of(["a.py", "node_modules/x/a.js", "node_modules/x/b.js"]) == "python"
    assert kind_of(["a.mjs", "README.md"]) == "node"
    assert kind_of(["README.md", "Dockerfile"]) == "static"


def test_without_a_kind_it_is_that_of_the_repository(tmp_path: Path) -> None:
    repository = Repository(tmp_path, API)
    assert repository.plan().kind == "static"
    (tmp_path / "main.go").write_text("package main\n")
    assert repository.plan().kind == "go"


# --- bases ------------------------------------------------------------------------------------


def allowing(*names: str) -> str:
    return f"policies: {{bases: {{allow: {json.dumps(names)}}}}}\n"


@pytest.mark.parametrize(
    ("allow", "base"),
    [
        ((), "docker.io/library/python:3.13-slim"),
        (("docker.io/library/*",), "docker.io/library/python:3.13-slim"),
        (("mirror.example/base/python", "mirror.example/*"), "mirror.example/base/python:3.13-slim"),
    ],
)
def test_the_base_is_one_that_is_allowed(tmp_path: Path, allow: tuple[str, ...], base: str) -> None:
    more = allowing(*allow) if allow else ""
    assert Repository(tmp_path, API, more).plan(kind="python").base == base


def test_where_no_base_is_known_to_be_allowed_one_must_be_named(tmp_path: Path) -> None:
    repository = Repository(tmp_path, API, allowing("mirror.example/base/*"))
    with pytest.raises(UsageError, match="no image that may be built on is known for the kind node"):
        repository.plan(kind="node")
    own = repository.plan(kind="node", base="mirror.example/base/js:1")
    assert "FROM mirror.example/base/js:1\n" in own.files[0].text
    with pytest.raises(InvalidValue):
        repository.plan(kind="node", base="no reference")


# --- what is refused --------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["services/api/Dockerfile", "services/api/service.py"])
def test_nothing_is_overwritten_and_nothing_half_written(tmp_path: Path, path: str) -> None:
    repository = Repository(tmp_path, API)
    planned = repository.plan(kind="python")
    (tmp_path / path).parent.mkdir(parents=True)
    (tmp_path / path).write_text("mine\n")
    with pytest.raises(UsageError, match=f"{path} is there already"):
        repository.plan(kind="python")
    with pytest.raises(Exception, match=path):
        write(tmp_path, planned)
    left = [each for each in (tmp_path / "services").rglob("*") if each.is_file()]
    assert left == [tmp_path / path]
    assert (tmp_path / path).read_text() == "mine\n"


def test_a_link_that_leads_out_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "repo").mkdir()
    (tmp_path / "repo" / "services").symlink_to(tmp_path)
    with pytest.raises(UsageError, match="leads out of this repository"):
        Repository(tmp_path / "repo", API).plan()


@pytest.mark.parametrize(
    ("compose", "message"),
    [
        ("build: {context: ., dockerfile_inline: FROM scratch}", "written into compose.yaml"),
        ("build: https://example.com/x.git", "no build context in this repository"),
        ("build: ../elsewhere", "outside of this repository"),
    ],
)
def test_an_image_that_can_have_no_files_here_is_refused(tmp_path: Path, compose: str, message: str) -> None:
    (tmp_path / "compose.yaml").write_text(f"services:\n  api:\n    image: api\n    {compose}\n")
    builds = Builds()
    fleet = load_fleet(tmp_path, builds=builds)
    with pytest.raises(UsageError, match=message):
        plan_scaffold(fleet, builds.tree(str(tmp_path)), "api", None, None)


def test_an_image_that_nobody_declares_is_refused_with_the_nearest_name(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no image `apu`") as caught:
        Repository(tmp_path, API).plan("apu")
    assert caught.value.help is not None and "api" in caught.value.help


# --- the programs -----------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "program"), [("python", sys.executable), ("node", "node")])
def test_the_program_answers_and_its_health_check_tells(tmp_path: Path, kind: str, program: str) -> None:
    if shutil.which(program) is None:
        pytest.skip(f"{program} is not installed")
    done = Repository(tmp_path, API).scaffold(kind=kind)
    port = free_port()
    file = tmp_path / done.files[1].path
    file.write_text(file.read_text().replace("8080", str(port)))
    check = [program, str(file), "--check"]
    assert subprocess.run(check, capture_output=True, check=False).returncode != 0
    with subprocess.Popen([program, str(file)], stderr=subprocess.DEVNULL) as service:
        try:
            assert json.loads(answer(port, "/healthz")) == {"status": "ok"}
            assert subprocess.run(check, check=False).returncode == 0
            with pytest.raises(HTTPError, match="501"):
                answer(port, "/orders")
        finally:
            service.terminate()
        assert service.wait() == 0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def answer(port: int, path: str) -> bytes:
    """What the service answers, once it listens."""
    deadline = time.monotonic() + 60
    while True:
        try:
            with urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as response:
                found: bytes = response.read()
            return found
        except HTTPError:
            raise
        except (URLError, ConnectionError):
            assert time.monotonic() < deadline
            time.sleep(0.05)
