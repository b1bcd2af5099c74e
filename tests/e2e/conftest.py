from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest


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
