from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

import shipway.fleet
from shipway.checks.facts import Facts
from shipway.checks.problems import KINDS, PROBLEM_RULES, TOLD_BY_RULES
from shipway.checks.runner import run_checks
from shipway.fleet.builds import Builds
from shipway.fleet.load import load_fleet
from shipway.fleet.model import Problem
from shipway.place import Place

SOURCES = Path(shipway.fleet.__file__).parent
_NAMED = re.compile(
    r"(?:Problem|_problem|report|_report|add)\(\s*\"([a-z]+(?:-[a-z]+)+)\""
    r"|UNRESOLVED_\w+ = \"([a-z-]+)\"|_Unreadable\(\"([a-z-]+)\""
)


def test_every_kind_that_discovery_names_has_a_rule() -> None:
    text = "\n".join(path.read_text() for path in SOURCES.rglob("*.py"))
    named = {kind for groups in _NAMED.findall(text) for kind in groups if kind}
    assert len(named) > 20
    assert named - KINDS.keys() - TOLD_BY_RULES == set()


def test_ids_are_never_given_twice() -> None:
    assert len({rule.id for rule in PROBLEM_RULES}) == len(KINDS)


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_a_problem_becomes_a_finding_of_its_own_rule(kind: str, tmp_path: Path) -> None:
    builds = Builds()
    problem = Problem(kind, "said", Place("compose.yaml", 3, 7))
    fleet = replace(load_fleet(tmp_path, builds=builds), problems=(problem,))
    (finding,) = run_checks(Facts(fleet, builds, str(tmp_path))).findings
    assert finding.rule == f"SW{KINDS[kind][0]:03}"
    assert (finding.severity, finding.message, finding.place) == (KINDS[kind][1], "said", problem.place)


def test_a_missing_dockerfile_and_an_unreadable_file_are_told(tmp_path: Path) -> None:
    (tmp_path / "compose.yaml").write_text("services:\n  api:\n    build: ./api\n    image: acme/api\n")
    (tmp_path / "docker-bake.hcl").write_text('target "x" {')
    builds = Builds()
    result = run_checks(Facts(load_fleet(tmp_path, builds=builds), builds, str(tmp_path)))
    assert {each.rule for each in result.findings} >= {"SW002", "SW004"}
    assert result.reaches("error")
