"""Findings as reviewdog's diagnostics (rdjson), whose columns count bytes of UTF-8 from 1."""

from __future__ import annotations

from shipway.checks.finding import Edit, Finding, Severity
from shipway.checks.runner import CheckResult
from shipway.errors import ShipwayError
from shipway.report.excerpt import Sources
from shipway.report.findings.gather import Group, Region, grouped, region
from shipway.report.findings.presentation import PLAIN, Presentation
from shipway.report.json_text import json_text

_SEVERITIES: dict[Severity, str] = {"error": "ERROR", "warning": "WARNING", "info": "INFO"}


def rdjson(result: CheckResult, sources: Sources, presentation: Presentation = PLAIN) -> str:
    """One document; fixes of the finding's own file are suggestions."""
    document = {
        "source": {"name": "shipway"},
        "diagnostics": [_diagnostic(group, sources, presentation) for group in grouped(result.findings)],
    }
    return json_text(document) + "\n"


def _diagnostic(group: Group, sources: Sources, presentation: Presentation) -> dict[str, object]:
    finding = group.finding
    images = f" ({group.concerns})" if group.images else ""
    path = presentation.hosted(finding)
    location: dict[str, object] = {"path": path or presentation.stand_in}
    if path and finding.place.line:
        location["range"] = _range(region(finding, sources))
    document: dict[str, object] = {
        "message": finding.message + images,
        "location": location,
        "severity": _SEVERITIES[finding.severity],
        "code": {"value": finding.rule},
    }
    if suggestions := _suggestions(finding, sources):
        document["suggestions"] = suggestions
    return document


def _range(where: Region) -> dict[str, object]:
    start = {"line": where.line}
    if where.column:
        start["column"] = _byte_column(where.first, where.column)
    if not where.end_column:
        return {"start": start}
    return {
        "start": start,
        "end": {"line": where.end_line, "column": _byte_column(where.last, where.end_column)},
    }


def _byte_column(line: str, column: int) -> int:
    return column + len(_bytes(line[: column - 1])) - len(line[: column - 1])


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", errors="surrogateescape")


def _suggestions(finding: Finding, sources: Sources) -> list[dict[str, object]]:
    """The edits of a fix, when all are in the finding's own file and may be applied."""
    fix = finding.fix
    if fix is None or fix.applicability == "display" or {e.path for e in fix.edits} != {finding.place.path}:
        return []
    try:
        data = sources(finding.place.path)
    except ShipwayError:
        return []
    return [_suggestion(edit, data) for edit in fix.edits]


def _suggestion(edit: Edit, data: bytes) -> dict[str, object]:
    return {
        "range": {"start": _position(data, edit.start), "end": _position(data, edit.end)},
        "text": edit.text,
    }


def _position(data: bytes, offset: int) -> dict[str, int]:
    before = data[:offset]
    return {"line": before.count(b"\n") + 1, "column": offset - (before.rfind(b"\n") + 1) + 1}
