"""The files by which others run us: hooks of pre-commit, and the action."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from shipway.report.findings.table import FORMATS

ROOT = Path(__file__).parents[3]
HOOKS = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
ACTION = yaml.safe_load((ROOT / "action.yml").read_text())
STEPS = ACTION["runs"]["steps"]


@pytest.mark.parametrize("hook", HOOKS, ids=lambda hook: hook["id"])
def test_hooks_run_once_whatever_changed(hook: dict[str, Any]) -> None:
    assert hook["entry"].split()[:2] == ["shipway", "check"]
    assert (hook["pass_filenames"], hook["always_run"], hook["require_serial"]) == (False, True, True)
    assert hook["language"] == "python"


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step["name"])
def test_the_action_trusts_no_other_and_builds_no_script_from_inputs(step: dict[str, Any]) -> None:
    assert "uses" not in step
    assert step["shell"] == "bash"
    assert "${{" not in step["run"]
    subprocess.run(["bash", "-n"], input=step["run"], text=True, check=True)


def test_the_action_uses_every_input_and_only_formats_that_are() -> None:
    text = (ROOT / "action.yml").read_text()
    assert set(re.findall(r"inputs\.([a-z-]+)", text)) == set(ACTION["inputs"])
    assert set(re.findall(r"--format ([a-z]+)", text)) <= set(FORMATS)


def test_the_page_about_ci_names_every_format() -> None:
    page = (ROOT / "docs/usage-in-ci.md").read_text()
    assert re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE) == list(FORMATS)
    assert set(re.findall(r"--format ([a-z]+)", page)) <= set(FORMATS)
