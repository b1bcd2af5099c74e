"""The same commit gives the same digest: on another checkout, later, in an engine that knows nothing."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

pytestmark = [pytest.mark.engine, pytest.mark.xdist_group("engine")]

GIT = ("git", "-c", "user.name=T", "-c", "user.email=t@example.invalid", "-c", "commit.gpgsign=false")
RUN = 'RUN ["/bin/busybox", "sh", "-c", "mkdir /made && echo made > /made/file"]'
FLEET = {
    "shipway.yaml": 'tag: "{sha7}"\nimages:\n  base: {context: base, tag: "1"}\n  api: {context: api}\n',
    "base/Dockerfile": "FROM scratch\nCOPY busybox /bin/busybox\n",
    "api/Dockerfile": f"FROM base:1\nCOPY app /app/\n{RUN}\n",
    "api/app/file": "api\n",
}


@pytest.fixture
def origin(tmp_path: Path, require_tool: Callable[[str], str]) -> Path:
    """A committed fleet whose files are younger than its commit, as those of a fresh checkout are."""
    root = tmp_path / "origin"
    for path, text in FLEET.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    shutil.copy(require_tool("busybox"), root / "base/busybox")
    past = {**os.environ, "GIT_COMMITTER_DATE": "2024-05-06T07:08:09Z"}
    for arguments in (("init", "-q", "-b", "main"), ("add", "-A"), ("commit", "-qm", "one")):
        subprocess.run([*GIT, *arguments], cwd=root, check=True, env=past)
    return root


@pytest.fixture
def storages(tmp_path: Path) -> Iterator[Callable[[str], dict[str, str]]]:
    """Makes the environment of an engine with a store of its own."""

    def storage(name: str) -> dict[str, str]:
        file = tmp_path / f"{name}.conf"
        places = f'graphroot = "{tmp_path}/{name}/root"\nrunroot = "{tmp_path}/{name}/run"\n'
        file.write_text(f'[storage]\ndriver = "vfs"\n{places}')
        return {**os.environ, "CONTAINERS_STORAGE_CONF": str(file), "STORAGE_DRIVER": "vfs"}

    yield storage
    for name in ("first", "second"):
        shutil.rmtree(tmp_path / name, ignore_errors=True)


def shipped(root: Path, environment: dict[str, str], engine: str) -> dict[str, str]:
    """The digests that a ship of ``root`` delivers."""
    command = [sys.executable, "-m", "shipway"]
    place = ["-C", str(root), "--state", f"{root}-state"]
    for arguments in (["ship", "--engine", engine], ["status", "--json"]):
        done = subprocess.run(
            [*command, *arguments, *place], env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr + done.stdout
    return {row["image"]: row["digest"] for row in json.loads(done.stdout)["rows"]}


@pytest.mark.parametrize("engine", ["buildah", "podman"])
def test_two_checkouts_give_the_same_digests(
    origin: Path,
    tmp_path: Path,
    engine: str,
    storages: Callable[[str], dict[str, str]],
    require_tool: Callable[[str], str],
) -> None:
    require_tool(engine)
    digests = []
    for number, name in enumerate(("first", "second")):
        root = tmp_path / f"checkout-{name}"
        subprocess.run(["git", "clone", "-q", str(origin), str(root)], check=True)
        subprocess.run(
            ["git", "remote", "set-url", "origin", "https://git.example/shop"], cwd=root, check=True
        )
        os.utime(root / "api/app/file", (1_700_000_000 + number, 1_700_000_000 + number))
        digests.append(shipped(root, storages(name), engine))
    assert digests[0] == digests[1]
    assert set(digests[0]) == {"base", "api"}
