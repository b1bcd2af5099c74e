"""Findings as GitLab's code quality report (a subset of Code Climate's format)."""

from __future__ import annotations

from shipway.checks.finding import Severity
from shipway.checks.runner import CheckResult
from shipway.report.excerpt import Sources
from shipway.report.findings.gather import Group, grouped
from shipway.report.findings.linehash import fingerprints
from shipway.report.findings.presentation import PLAIN, Presentation
from shipway.report.json_text import json_text

_SEVERITIES: dict[Severity, str] = {"error": "critical", "warning": "major", "info": "info"}


def gitlab(result: CheckResult, sources: Sources, presentation: Presentation = PLAIN) -> str:  # noqa: ARG001
    """A JSON array; fingerprints stay the same when lines move."""
    groups = grouped(result.findings)
    identities = fingerprints(group.finding for group in groups)
    issues = [
        _issue(group, identity, presentation) for group, identity in zip(groups, identities, strict=True)
    ]
    return json_text(issues) + "\n"


def _issue(group: Group, identity: str, presentation: Presentation) -> dict[str, object]:
    finding = group.finding
    path = presentation.hosted(finding)
    images = f" ({group.concerns})" if group.images else ""
    return {
        "description": f"{finding.rule}: {finding.message}{images}",
        "check_name": finding.rule,
        "fingerprint": identity,
        "severity": _SEVERITIES[finding.severity],
        "location": {
            "path": path or presentation.stand_in,
            "lines": {"begin": max(finding.place.line, 1) if path else 1},
        },
    }
