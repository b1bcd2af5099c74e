from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest


@pytest.fixture
def require_tool() -> Callable[[str], str]:
    """Gives the path of a program. Where it is missing the test is skipped; in CI it fails."""

    def require(name: str) -> str:
        path = shutil.which(name)
        if path is None:
            missing(f"{name} is not installed")
        return str(path)

    return require


@pytest.fixture
def require_docker(require_tool: Callable[[str], str]) -> str:
    """The path of a docker client whose daemon answers."""
    docker = require_tool("docker")
    if subprocess.run([docker, "info"], capture_output=True, check=False, timeout=60).returncode:
        missing("no docker daemon answers")
    return docker


@pytest.fixture
def run_tool(tmp_path: Path) -> Callable[..., str]:
    """Runs a program with a home of its own and gives its output; the test fails when the program does."""
    home = tmp_path / "home"
    home.mkdir()
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "DOCKER_HOST") if name in os.environ}
    own = {"HOME": str(home), "XDG_RUNTIME_DIR": str(home), "BUILDAH_ISOLATION": "chroot"}

    def run(*argv: object, env: Mapping[str, str] | None = None) -> str:
        command = [str(argument) for argument in argv]
        done = subprocess.run(
            command,
            env={**kept, **own, **(env or {})},
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    return run


def missing(reason: str) -> None:
    if os.environ.get("CI"):
        pytest.fail(f"{reason}, and CI must have it")
    pytest.skip(reason)
