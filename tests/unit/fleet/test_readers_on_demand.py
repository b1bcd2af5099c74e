"""What no file of a repository needs is not even imported: it would take longer than reading the fleet."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

_LOADED = """
import sys
from pathlib import Path
from shipway.fleet.load import load_fleet
load_fleet(Path(sys.argv[1]))
print(*sorted({name.split(".")[3] for name in sys.modules if name.startswith("shipway.fleet.discover.")}))
"""
FORMATS = {"bake", "compose", "skaffold", "workflows"}


def imported(root: Path) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", _LOADED, str(root)], capture_output=True, text=True, check=True
    )
    return FORMATS & set(done.stdout.split())


@pytest.mark.parametrize(
    ("path", "text", "needed"),
    [
        pytest.param("README.md", "", set(), id="none"),
        pytest.param("compose.yaml", "services: {}", {"compose"}, id="compose"),
        pytest.param("docker-bake.json", "{}", {"bake"}, id="bake"),
        pytest.param("skaffold.yaml", "kind: Config", {"skaffold"}, id="skaffold"),
        pytest.param(".github/workflows/ci.yml", "on: push", {"workflows"}, id="workflow"),
    ],
)
def test_readers_come_with_their_files(tmp_path: Path, path: str, text: str, needed: set[str]) -> None:
    (tmp_path / "Dockerfile").write_text("FROM scratch\n")
    (tmp_path / "shipway.yaml").write_text("images: {api: {context: .}}\n")
    (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / path).write_text(text)
    assert imported(tmp_path) == needed
