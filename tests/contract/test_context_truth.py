"""A sample of the vectors of context truth, each built for real: engines decide as Shipway does, and where
one fails it names what Shipway blames."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from types import ModuleType
from typing import Any

import pytest

pytestmark = [pytest.mark.engine, pytest.mark.xdist_group("docker")]

UNIT = Path(__file__).parents[1] / "unit" / "dockerfile"
SEED, FINE = 3, 12
# What an engine of Debian 12 does not know, what needs a network, and what needs a program in the image.
_NEWER = re.compile(
    r"--(?:link|parents|exclude|checksum)|<<|\$\{\w+:?[#%/]|://|git@|alpine|^RUN", re.MULTILINE
)
_OPTIONS = frozenset({"dockerfile", "context", "target", "build_args"})
# Vectors in which older engines decide otherwise than BuildKit of today, whose decisions Shipway takes.
_UNLIKE = {
    # a pattern in which a class stays open matches nothing, a directory that nobody sends may hold no match,
    # and a directory is excluded again by its plain name
    "docker 20.10": frozenset(
        {
            "glob-open-class",
            "glob-directory-alone-without-match",
            "glob-link-directory-without-match",
            "ignore-plain-directory-again-does-not-exclude-again",
        }
    ),
    # the last match of an ignore file wins, and triggers of a base in the same file are not run
    "buildah 1.28": frozenset(
        {
            "ignore-plain-directory-again-does-not-exclude-again",
            "mount-source-in-trigger-is-blamed-on-from",
        }
    ),
}
# Engines shorten the patterns of ignore files that they reject, or say nothing of them, and buildah stops at
# another source of the same instruction.
_OTHER_WORDS = frozenset({"ignore-bang-slash", "ignore-open-class", "stage-glob-needs-its-directory"})


def _vectors() -> ModuleType:
    spec = importlib.util.spec_from_file_location("source_vectors", UNIT / "test_source_vectors.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


VECTORS = _vectors()


def sample() -> list[dict[str, Any]]:
    """Of every class of failure up to two vectors, and some that build; the same ones every time."""
    classes: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for vector in VECTORS.load(UNIT / "source_vectors.json"):
        if not _NEWER.search(vector["dockerfile"]) and vector.get("opts", {}).keys() <= _OPTIONS:
            classes[vector["expected"].get("reason", "")].append(vector)
    random = Random(SEED)
    return [
        vector
        for reason, members in sorted(classes.items())
        for vector in random.sample(members, min(len(members), 2 if reason else FINE))
    ]


def command(vector: dict[str, Any], root: Path) -> list[str]:
    """The arguments of a build of the vector laid out in ``root``, from ``--file`` on."""
    root.mkdir()
    dockerfile = VECTORS.lay(vector, root)
    opts = vector.get("opts", {})
    words = ["--no-cache", "--file", str(root / dockerfile)]
    if "target" in opts:
        words += ["--target", opts["target"]]
    for name, value in opts.get("build_args", {}).items():
        words += ["--build-arg", f"{name}={value}"]
    return [*words, str(root / opts.get("context", "."))]


def unlike(engine: str, version: str) -> frozenset[str]:
    """The vectors in which this release is known to decide otherwise."""
    release = ".".join(version.split(".")[:2])
    return _UNLIKE.get(f"{engine} {release}", frozenset())


def holds(
    vector: dict[str, Any], root: Path, done: subprocess.CompletedProcess[str], known: frozenset[str]
) -> None:
    """The engine came to the same end, and blames a path or word that Shipway blames; or not, where that is
    known."""
    faults, _ = VECTORS.reports(vector, root / "decided")
    said = done.stdout + done.stderr
    alike = (done.returncode != 0) == bool(faults)
    assert alike == (vector["id"] not in known), said
    if alike and faults and vector["id"] not in _OTHER_WORDS:
        blamed = [word for fault in faults for word in _words(fault)]
        assert any(word in said for word in blamed), (blamed, said)


def _words(fault: Any) -> list[str]:
    literal = re.split(r"[*?\[]", fault.path, maxsplit=1)[0].rstrip("/")
    return [word for word in (fault.path, literal, fault.source) if word]


def run(argv: Sequence[str], **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        argv, env={**os.environ, **environ}, capture_output=True, text=True, check=False, timeout=120
    )


@pytest.mark.parametrize("vector", sample(), ids=lambda vector: vector["id"])
def test_buildkit_decides_the_same(vector: dict[str, Any], docker_daemon: str, tmp_path: Path) -> None:
    version = run([docker_daemon, "version", "--format", "{{.Server.Version}}"]).stdout
    argv = [docker_daemon, "build", "--quiet", *command(vector, tmp_path / "built")]
    done = run(argv, DOCKER_BUILDKIT="1")
    if done.returncode == 0:
        run([docker_daemon, "rmi", "--force", done.stdout.strip()])
    holds(vector, tmp_path, done, unlike("docker", version))


@pytest.mark.parametrize("vector", sample(), ids=lambda vector: vector["id"])
def test_buildah_decides_the_same(
    vector: dict[str, Any], require_tool: Callable[[str], str], container_storage: Path, tmp_path: Path
) -> None:
    buildah = require_tool("buildah")
    version = run([buildah, "--version"]).stdout.split()[2]
    done = run([buildah, "build", "--quiet", "--isolation", "chroot", *command(vector, tmp_path / "built")])
    if done.returncode == 0:
        run([buildah, "rmi", "--force", done.stdout.strip()])
    holds(vector, tmp_path, done, unlike("buildah", version))
