"""What a ship leaves undone on purpose is said while it runs, not by plan alone."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from shipway.testing.registry import running_registry


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    directory = tmp_path / "repo"
    directory.mkdir()
    (directory / "Dockerfile").write_text("FROM scratch\nCOPY a /a\n")
    (directory / "a").write_text("a")
    return directory


def shipway(repo: Path, *arguments: str, **environment: str) -> str:
    argv = [
        sys.executable,
        "-m",
        "shipway",
        *arguments,
        "-C",
        str(repo),
        "--state",
        str(repo.parent / "state"),
    ]
    ours = {name: value for name, value in os.environ.items() if not name.startswith("SHIPWAY_")}
    done = subprocess.run(argv, capture_output=True, text=True, check=True, env={**ours, **environment})
    return done.stderr


def test_an_image_that_is_not_for_the_platform_is_told_to_who_ships_it(repo: Path) -> None:
    with running_registry() as registry:
        (repo / "shipway.yaml").write_text(
            f"registry: {registry.address}/shop\nimages:\n  api: {{context: ., platforms: [linux/amd64]}}\n"
        )
        said = shipway(repo, "ship", "--platform", "linux/s390x")
    assert "note: api is not built for linux/s390x: it is left out" in said


def test_a_ship_that_signs_nothing_though_there_is_a_key_to_verify_with_says_so(repo: Path) -> None:
    (repo / "shipway.yaml").write_text("signing: {key: cosign.pub}\nimages:\n  api: {context: .}\n")
    shipway(repo, "keys", "generate", SHIPWAY_KEY_PASSWORD="x")
    said = "note: images are verified with cosign.pub, and there is no key to sign them with"
    assert said in shipway(repo, "ship")
    signed = {"SHIPWAY_SIGNING_KEY": str(repo / "cosign.key"), "SHIPWAY_KEY_PASSWORD": "x"}
    assert "note:" not in shipway(repo, "ship", "--force", **signed)
    assert "note:" not in shipway(repo, "ship", "--force", "--no-evidence")
