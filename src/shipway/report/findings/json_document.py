"""Findings as JSON: ``shipway check --json``, schema ``shipway.findings/1`` (docs/schemas)."""

from __future__ import annotations

from shipway.checks.finding import SEVERITIES, Finding, Fix
from shipway.checks.runner import CheckResult
from shipway.report.excerpt import Sources
from shipway.report.findings.presentation import PLAIN, Presentation
from shipway.report.json_text import json_text

SCHEMA = "shipway.findings/1"


def findings_document(result: CheckResult) -> dict[str, object]:
    """The document, made of plain JSON values; paths are relative to the fleet's root."""
    summary: dict[str, object] = dict(result.summary)
    summary.update((severity, result.count(severity)) for severity in SEVERITIES)
    summary.update(suppressed=result.suppressed, baselined=result.baselined, stale=result.stale)
    return {
        "schema": SCHEMA,
        "findings": [_finding(finding) for finding in result.findings],
        "summary": summary,
    }


def findings_json(result: CheckResult, sources: Sources, presentation: Presentation = PLAIN) -> str:  # noqa: ARG001
    """``findings_document`` as text."""
    return json_text(findings_document(result)) + "\n"


def _finding(finding: Finding) -> dict[str, object]:
    return {
        "rule": finding.rule,
        "severity": finding.severity,
        "image": finding.image,
        "path": finding.place.path,
        "line": finding.place.line,
        "column": finding.place.column,
        "subject": finding.subject,
        "message": finding.message,
        "cause": finding.cause,
        "help": finding.help,
        "fix": _fix(finding.fix) if finding.fix else None,
    }


def _fix(fix: Fix) -> dict[str, object]:
    edits = [
        {"path": edit.path, "start": edit.start, "end": edit.end, "text": edit.text} for edit in fix.edits
    ]
    return {"applicability": fix.applicability, "edits": edits}
