"""``shipway init`` writes a fleet file that gives the same plan, and never overwrites one."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest

from shipway.document import parse


def shipway(*arguments: str, directory: Path, code: int = 0) -> str:
    where = ("-C", str(directory), "--state", str(directory / "s"))
    argv = [sys.executable, "-m", "shipway", *arguments, *where]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stderr
    return done.stdout if code == 0 else done.stderr


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    (tmp_path / "compose.yaml").write_text(
        "services:\n"
        "  web: {image: ghcr.io/acme/web, build: {context: web, args: [MODE=fast]}}\n"
        "  base: {image: ghcr.io/acme/base, build: base}\n"
    )
    for name, base in (("web", "ghcr.io/acme/base"), ("base", "scratch")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "Dockerfile").write_text(f"FROM {base}\nCOPY f /f\n")
        (tmp_path / name / "f").write_text(name)
    return tmp_path


def planned(directory: Path) -> list[list[tuple[str, str]]]:
    waves = json.loads(shipway("plan", "--json", directory=directory))["waves"]
    return [[(step["image"], step["fingerprint"]) for step in wave] for wave in waves]


def test_the_written_file_plans_the_same_images(repo: Path) -> None:
    before = planned(repo)
    shipway("init", directory=repo)
    assert planned(repo) == before
    assert [name for wave in before for name, _ in wave] == ["base", "web"]


def test_the_written_file_fits_the_schema_beside_it(repo: Path) -> None:
    shipway("init", directory=repo)
    schema = json.loads((repo / "shipway.schema.json").read_text())
    jsonschema.validate(parse((repo / "shipway.yaml").read_bytes(), "shipway.yaml").plain(), schema)


def test_a_file_that_is_there_is_kept_unless_forced(repo: Path) -> None:
    (repo / "shipway.yaml").write_text("tag: '1'\n")
    assert "--force" in shipway("init", directory=repo, code=2)
    assert (repo / "shipway.yaml").read_text() == "tag: '1'\n"
    shipway("init", "--force", directory=repo)
    assert "compose.yaml" in (repo / "shipway.yaml").read_text()


def test_a_dry_run_prints_and_writes_nothing(repo: Path) -> None:
    assert "images:" in shipway("init", "--dry-run", directory=repo)
    assert not (repo / "shipway.yaml").exists()
