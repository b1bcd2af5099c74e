"""SW002 to SW099: what discovery could not read or resolve, one rule for each kind of ``Problem``.

The kinds in ``TOLD_BY_RULES`` (``syntax``, ``bad-stage`` …) have no rule here: rules that look at builds
tell them for every declaration, with more to say.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from shipway.checks.facts import Facts
from shipway.checks.finding import Finding, Severity
from shipway.checks.references.finder import UNREAD_REFERENCES
from shipway.checks.rule import Rule
from shipway.fleet.model import Problem

# kind of Problem: (number, severity, summary)
KINDS: dict[str, tuple[int, Severity, str]] = {
    "unreadable-file": (2, "error", "A file cannot be read as what it should be"),
    "missing-dockerfile": (3, "error", "A declared Dockerfile does not exist"),
    "missing-context": (4, "error", "A declared build context does not exist"),
    "disagreement": (5, "warning", "Two files declare one image differently"),
    "same-destination": (6, "error", "Two images would be delivered to one reference"),
    "assumed-base": (7, "info", "A base is taken for an image of the fleet by its name alone"),
    "missing-repository": (8, "error", "Another repository of the fleet is not there"),
    "repository-not-fetched": (9, "error", "Another repository of the fleet could not be fetched"),
    "nested-repositories": (10, "warning", "A repository of the fleet names repositories of its own"),
    "unresolved-variable": (11, "warning", "A variable has no value"),
    "unresolved-expression": (12, "warning", "An expression has a value only when it runs"),
    "unresolved-tag": (13, "info", "A tag is known only when the workflow runs"),
    "unresolved-matrix": (14, "warning", "A matrix cannot be read whole"),
    "unresolved-call": (15, "warning", "A called workflow cannot be followed"),
    "invalid-build": (16, "error", "A declaration of a build has a wrong form"),
    "invalid-reference": (17, "error", "A text is no image reference"),
    "invalid-platform": (18, "error", "A text is no platform"),
    "invalid-name": (19, "error", "A bake target's name is not allowed, or stands twice"),
    "invalid-extends": (20, "error", "A Compose service extends itself, or something malformed"),
    "include-cycle": (21, "error", "Compose files include each other in a circle"),
    "remote-include": (22, "info", "A Compose file includes one from elsewhere, which is not read"),
    "remote-build": (23, "info", "A build of something elsewhere, which is not read"),
    "missing-action": (24, "error", "A workflow uses a local action that does not exist"),
    "missing-workflow": (25, "error", "A workflow calls a local workflow that does not exist"),
    "missing-bake-file": (26, "error", "A workflow names a bake file that does not exist"),
    "missing-env-file": (27, "error", "A declared env file does not exist"),
    "missing-variable": (28, "error", "A required variable has no value"),
    "unknown-artifact": (29, "error", "A Skaffold artifact requires one that nobody builds"),
    "unknown-secret": (30, "error", "A Compose build names a secret that is not defined"),
    "unknown-service": (31, "error", "A Compose service refers to one that does not exist"),
    "unknown-target": (32, "error", "A bake target or group refers to a target that does not exist"),
    "unsupported-builder": (33, "info", "An image is built without a Dockerfile, and is left out"),
    UNREAD_REFERENCES: (34, "info", "A file that may name images of the fleet cannot be read"),
}

TOLD_BY_RULES = frozenset({"syntax", "bad-target", "bad-base", "bad-stage", "expansion", "context-unknown"})


def _relay(kind: str, rule: Rule, facts: Facts) -> Iterable[Finding]:
    for problem in _problems(kind, facts):
        if problem.kind == kind:
            yield rule.finding(problem.place, problem.message)


def _problems(kind: str, facts: Facts) -> tuple[Problem, ...]:
    """Those of discovery; only for the kind that needs them also those of files that it does not read."""
    if kind != UNREAD_REFERENCES:
        return facts.fleet.problems
    told = {problem.place.path for problem in facts.fleet.problems if problem.kind != kind}
    unread = (problem for problem in facts.references.problems if problem.place.path not in told)
    return (*facts.fleet.problems, *unread)


def _rule(kind: str) -> Rule:
    number, severity, summary = KINDS[kind]
    return Rule(
        id=f"SW{number:03}",
        name=kind,
        severity=severity,
        summary=summary,
        rationale=f"""\
{summary}. Shipway reads every file that declares images before any rule looks; what it cannot read or
resolve it names with its place instead of guessing, because each rule is silent about what it did not see.

`shipway discover` lists the same problems beside the images that were found.
""",
        check=partial(_relay, kind),
    )


PROBLEM_RULES: tuple[Rule, ...] = tuple(_rule(kind) for kind in KINDS)
