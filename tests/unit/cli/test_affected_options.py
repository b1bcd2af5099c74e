"""The options of plan that tell what changed, through the command line, without an engine or a network."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from shipway.cli.plan import command
from shipway.errors import UsageError

AUTHOR = ("-c", "user.name=T", "-c", "user.email=t@example.invalid", "-c", "commit.gpgsign=false")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "repo"
    for name in ("api", "web"):
        (root / name).mkdir(parents=True)
        (root / name / "Dockerfile").write_text("FROM scratch\nCOPY f /f\n")
        (root / name / "f").write_text(name)
    (root / "shipway.yaml").write_text("images:\n  api: {context: api}\n  web: {context: web}\n")
    for arguments in (("init", "-q", "-b", "main"), ("add", "-A"), ("commit", "-qm", "one")):
        subprocess.run(["git", *AUTHOR, *arguments], cwd=root, check=True)
    return root


def plan(root: Path, *arguments: str) -> Result:
    where = ["-C", str(root), "--state", str(root.parent / "state")]
    return CliRunner().invoke(command, [*where, *arguments])


def test_since_limits_the_plan_to_what_changed(root: Path) -> None:
    (root / "web/f").write_text("2")
    document = json.loads(plan(root, "--since", "main", "--json").stdout)
    assert [step["image"] for wave in document["waves"] for step in wave] == ["web"]
    assert document["notes"][0].startswith("1 of 2 images changed since ")


def test_explain_shows_one_image_as_text_and_json(root: Path) -> None:
    text = plan(root, "--explain", "api").stdout
    assert text.startswith("api: build: never delivered\n")
    document = json.loads(plan(root, "--explain", "api", "--json").stdout)
    assert document["schema"] == "shipway.explain/1"
    assert "web" not in text


def test_an_image_that_is_not_there_is_wrong_usage(root: Path) -> None:
    assert isinstance(plan(root, "--explain", "nosuch").exception, UsageError)


def test_nobody_is_asked_offline_not_even_for_bases(root: Path) -> None:
    error = plan(root, "--refresh-bases", "--offline").exception
    assert isinstance(error, UsageError)
    assert error.message == "--refresh-bases asks registries, and --offline asks none"


def test_a_plan_of_the_embedded_registry_touches_no_state(root: Path) -> None:
    assert plan(root).exit_code == 0
    assert not (root.parent / "state").exists()
