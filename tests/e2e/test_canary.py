"""A secret that is given to a build is found nowhere afterwards: not in the image, nor in what is kept."""

from __future__ import annotations

import gzip
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from shipway.engines.table import ENGINES
from shipway.testing.registry import running_registry

pytestmark = pytest.mark.engine

# one daemon of docker's serves all of its tests; those of the others may run beside it
EACH_ENGINE = [
    pytest.param(name, marks=[pytest.mark.xdist_group("docker")] if name == "docker" else [])
    for name in ENGINES
]

SECRETS = {
    "file": "canary-of-a-file-5f1c",
    "env": "canary-of-a-variable-77ad",
    "arg": "canary-of-an-arg-b40e",
}
DOCKERFILE = """\
FROM scratch
COPY busybox /bin/busybox
ENV ENGINE={engine}
ARG TOKEN
RUN --mount=type=secret,id=file --mount=type=secret,id=env \\
    ["/bin/busybox", "sh", "-c", "cd /run/secrets; /bin/busybox cat file env; echo $TOKEN > /dev/stderr"]
"""
FLEET = """\
tag: "1"
registry: {registry}/shop
registries: {{"{registry}": {{plain-http: true}}}}
images:
  app:
    context: app
    args: {{TOKEN: }}
    secret-args: [TOKEN]
    secrets: ["id=file,src=secret.txt", "id=env,env=CANARY"]
"""


@pytest.fixture(params=EACH_ENGINE)
def engine(request: pytest.FixtureRequest, container_storage: Path) -> str:
    name: str = request.param
    if name == "docker":
        request.getfixturevalue("docker_daemon")
    else:
        request.getfixturevalue("require_tool")(name)
    return name


@pytest.fixture
def delivered_to(tmp_path: Path) -> Iterator[str]:
    """The address of a registry that keeps what it gets below ``tmp_path/registry``."""
    with running_registry(tmp_path / "registry") as registry:
        yield registry.address


def files_with(canary: str, *directories: Path) -> list[str]:
    """The files that hold ``canary``, packed or not."""
    found = []
    for path in (path for directory in directories for path in directory.rglob("*") if path.is_file()):
        data = path.read_bytes()
        if data[:2] == b"\x1f\x8b":
            data = gzip.decompress(data)
        if canary.encode() in data:
            found.append(str(path))
    return found


def test_no_canary_is_left_anywhere(
    engine: str, tmp_path: Path, delivered_to: str, require_tool: Callable[[str], str]
) -> None:
    root, state = tmp_path / "repo", tmp_path / "state"
    (root / "app").mkdir(parents=True)
    shutil.copy(require_tool("busybox"), root / "app/busybox")
    (root / "app/Dockerfile").write_text(DOCKERFILE.format(engine=engine))
    (root / "shipway.yaml").write_text(FLEET.format(registry=delivered_to))
    (root / "secret.txt").write_text(SECRETS["file"] + "\n")
    environment = {**os.environ, "CANARY": SECRETS["env"], "TOKEN": SECRETS["arg"]}
    said = ""
    for arguments in (["ship", "--engine", engine], ["status", "--json"], ["report", "--format", "html"]):
        command = [sys.executable, "-m", "shipway", *arguments, "-C", str(root), "--state", str(state)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr + done.stdout
        said += done.stdout + done.stderr
    logs = "".join(path.read_text() for path in state.rglob("*.log"))
    assert logs.count("***") >= 3  # the step printed all three
    for canary in SECRETS.values():
        assert canary not in said
        assert files_with(canary, tmp_path / "registry") == []
        assert files_with(canary, state) == []
