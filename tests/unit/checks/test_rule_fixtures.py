"""Every rule against the repositories beside it: ``fixtures/swNNN/bad`` and ``good``.

``expected.json`` holds what the rule finds in ``bad``; in ``good`` it finds nothing. A repository may come
with ``facts.json``: what git would say about it. Run this file as a program to write ``expected.json`` anew.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from shipway.checks.facts import Facts
from shipway.checks.finding import Finding
from shipway.checks.fixes import mend
from shipway.checks.problems import PROBLEM_RULES
from shipway.checks.rule import Rule
from shipway.checks.runner import run_checks
from shipway.checks.table import RULES
from shipway.fleet.builds import Builds
from shipway.fleet.load import load_fleet

FIXTURES = Path(__file__).parent / "fixtures"
# problems are found by discovery and registries are asked live: both are tested where that happens
OVER_FILES = [rule for rule in RULES if rule not in PROBLEM_RULES and not rule.live]
MENDING = [rule for rule in OVER_FILES if rule.fix in ("safe", "unsafe")]


def folder(rule: Rule) -> Path:
    return FIXTURES / rule.id.lower()


def facts_of(root: Path, edited: dict[Path, bytes] | None = None) -> Facts:
    builds = Builds(edited or {})
    told = root.parent / "facts.json"
    known: dict[str, Any] = json.loads(told.read_text()) if told.exists() else {}
    tracked = frozenset(known["tracked"]) if "tracked" in known else None
    rules: dict[str, str] = known.get("git_rules", {})

    def git_rules(paths: Any) -> dict[str, str]:
        return {path: rules[path] for path in paths if path in rules}

    return Facts(load_fleet(root, builds=builds), builds, str(root), tracked, {}, git_rules)


def found(rule: Rule, root: Path, edited: dict[Path, bytes] | None = None) -> list[Finding]:
    result = run_checks(facts_of(root, edited))
    return [finding for finding in result.findings if finding.rule == rule.id]


def snapshot(finding: Finding) -> dict[str, Any]:
    fix = finding.fix and {
        "applicability": finding.fix.applicability,
        "title": finding.fix.title,
        "edits": [[edit.path, edit.start, edit.end, edit.text] for edit in finding.fix.edits],
    }
    return {
        "severity": finding.severity,
        "place": str(finding.place),
        "image": finding.image,
        "subject": finding.subject,
        "message": finding.message,
        "cause": finding.cause,
        "help": finding.help,
        "fix": fix,
    }


@pytest.mark.parametrize("rule", OVER_FILES, ids=lambda rule: rule.id)
def test_every_rule_has_fixtures(rule: Rule) -> None:
    assert (folder(rule) / "bad").is_dir()
    assert (folder(rule) / "good").is_dir()
    assert (folder(rule) / "expected.json").is_file()


@pytest.mark.parametrize("rule", OVER_FILES, ids=lambda rule: rule.id)
def test_finds_what_is_bad(rule: Rule) -> None:
    expected = json.loads((folder(rule) / "expected.json").read_text())
    assert expected
    assert [snapshot(finding) for finding in found(rule, folder(rule) / "bad")] == expected


@pytest.mark.parametrize("rule", OVER_FILES, ids=lambda rule: rule.id)
def test_finds_nothing_in_what_is_good(rule: Rule) -> None:
    assert [snapshot(finding) for finding in found(rule, folder(rule) / "good")] == []


@pytest.mark.parametrize("rule", MENDING, ids=lambda rule: rule.id)
def test_mends_what_it_says_it_mends(rule: Rule) -> None:
    root = folder(rule) / "bad"
    fixable = [each for each in found(rule, root) if each.fix and each.fix.applicability != "display"]
    assert fixable
    facts = facts_of(root)
    done = mend(fixable, unsafe=True, read=facts.data, dockerfiles=facts.dockerfiles)
    left = found(rule, root, {(root / path).resolve(): data for path, data in done.files.items()})
    assert done.skipped == ()
    assert not any(each.fix and each.fix.applicability != "display" for each in left)


def test_no_fixtures_are_left_behind_by_rules_that_are_gone() -> None:
    assert {path.name for path in FIXTURES.iterdir()} <= {rule.id.lower() for rule in RULES}


def write() -> None:
    for rule in OVER_FILES:
        if (folder(rule) / "bad").is_dir():
            snapshots = [snapshot(each) for each in found(rule, folder(rule) / "bad")]
            text = json.dumps(snapshots, indent=1, ensure_ascii=False) + "\n"
            (folder(rule) / "expected.json").write_text(text)


if __name__ == "__main__":
    write()
