"""Findings as SARIF 2.1.0, as GitHub code scanning accepts it.

What GitHub asks for beside the standard: a location for every result, relative URIs, at most 25,000 results
in a run of which it shows the 5,000 severest, a description of at most 1,024 characters for each rule, and
``primaryLocationLineHash`` to know an alert again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from urllib.parse import quote

from shipway import __version__
from shipway.checks.finding import Finding, Fix, Severity
from shipway.checks.rule import Rule
from shipway.checks.runner import CheckResult
from shipway.checks.table import rule as known_rule
from shipway.errors import ShipwayError
from shipway.report.excerpt import Sources
from shipway.report.findings.gather import Group, Region, grouped, region, severest_first
from shipway.report.findings.linehash import LineHashes, fingerprints
from shipway.report.findings.presentation import PLAIN, Presentation
from shipway.report.json_text import json_text

MOST_RESULTS = 25_000
LONGEST_DESCRIPTION = 1024

_LEVELS: dict[Severity, str] = {"error": "error", "warning": "warning", "info": "note"}
_PROBLEMS: dict[Severity, str] = {"error": "error", "warning": "warning", "info": "recommendation"}
_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def sarif(result: CheckResult, sources: Sources, presentation: Presentation = PLAIN) -> str:
    """A log with one run; results are sorted by severity, so that the limits cut the least."""
    document = sarif_document(result, sources, presentation)
    return json_text(document) + "\n"


def sarif_document(result: CheckResult, sources: Sources, presentation: Presentation) -> dict[str, object]:
    """The log, made of plain JSON values."""
    groups = severest_first(grouped(result.findings))
    shown = groups[:MOST_RESULTS]
    rules = {group.finding.rule: number for number, group in enumerate(_first_of_each(shown))}
    writer = _Results(sources, presentation, rules)
    run = {
        "tool": {
            "driver": {
                "name": "shipway",
                "semanticVersion": __version__,
                "rules": [_rule(group.finding) for group in _first_of_each(shown)],
            }
        },
        "automationDetails": {"id": f"{presentation.category}/"},
        "columnKind": "utf16CodeUnits",
        "invocations": [{"executionSuccessful": True, **_left_out(len(groups) - len(shown))}],
        "results": writer.results(shown),
    }
    return {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}


def _first_of_each(groups: Iterable[Group]) -> list[Group]:
    """The first group of every rule, in the order of ids."""
    first: dict[str, Group] = {}
    for group in groups:
        first.setdefault(group.finding.rule, group)
    return [first[id] for id in sorted(first)]


def _left_out(count: int) -> dict[str, object]:
    if not count:
        return {}
    text = f"{count} more findings are not in this file: a run may hold {MOST_RESULTS}"
    return {"toolExecutionNotifications": [{"level": "warning", "message": {"text": text}}]}


def _rule(finding: Finding) -> dict[str, object]:
    rule = known_rule(finding.rule)
    return rule_descriptor(rule) if rule is not None else _foreign_rule(finding)


def rule_descriptor(rule: Rule) -> dict[str, object]:
    """One of our own rules as GitHub shows it beside an alert."""
    return {
        "id": rule.id,
        "name": "".join(word.capitalize() for word in rule.name.split("-")),
        "shortDescription": {"text": rule.summary},
        "fullDescription": {"text": _shortened(rule.rationale.partition("\n\n")[0] or rule.summary)},
        "help": {"text": rule.rationale, "markdown": rule.rationale},
        **_grading(rule.severity),
    }


def _foreign_rule(finding: Finding) -> dict[str, object]:
    """A rule of another tool: what its finding tells is all that is known."""
    text = finding.help or finding.cause or finding.message
    return {
        "id": finding.rule,
        "shortDescription": {"text": _shortened(finding.message)},
        "fullDescription": {"text": _shortened(finding.cause or finding.message)},
        "help": {"text": text},
        **_grading(finding.severity),
    }


def _grading(severity: Severity) -> dict[str, object]:
    return {
        "defaultConfiguration": {"level": _LEVELS[severity]},
        "properties": {
            "tags": ["containers"],
            "precision": "very-high",
            "problem.severity": _PROBLEMS[severity],
        },
    }


def _shortened(text: str) -> str:
    joined = " ".join(text.split())
    return joined if len(joined) <= LONGEST_DESCRIPTION else joined[: LONGEST_DESCRIPTION - 1].rstrip() + "…"


class _Results:
    """Writes results; files are hashed once."""

    def __init__(self, sources: Sources, presentation: Presentation, rules: dict[str, int]) -> None:
        self._sources = sources
        self._presentation = presentation
        self._rules = rules
        self._hashes = lru_cache(maxsize=None)(self._line_hashes)

    def results(self, groups: Sequence[Group]) -> list[dict[str, object]]:
        identities = fingerprints(group.finding for group in groups)
        return [self._result(group, identity) for group, identity in zip(groups, identities, strict=True)]

    def _result(self, group: Group, identity: str) -> dict[str, object]:
        finding = group.finding
        document: dict[str, object] = {
            "ruleId": finding.rule,
            "ruleIndex": self._rules[finding.rule],
            "level": _LEVELS[finding.severity],
            "message": {"text": self._message(group)},
            "locations": [self._location(finding)],
            "partialFingerprints": {
                "primaryLocationLineHash": self._line_hash(finding) or f"{identity[:16]}:1",
                "shipwayFinding/v1": identity,
            },
        }
        if group.images:
            document["properties"] = {"images": list(group.images)}
        if finding.fix is not None and finding.fix.edits:
            document["fixes"] = [self._fix(finding.fix)]
        return document

    def _message(self, group: Group) -> str:
        """GitHub shows this alone. Braces stay as they are: no message has placeholders."""
        finding = group.finding
        images = f" ({group.concerns})" if group.images else ""
        lines = [finding.message + images]
        if self._presentation.hosted(finding) is None and finding.place.path:
            lines[0] = f"{finding.place}: {lines[0]}"
        if finding.cause:
            lines.append(f"Cause: {finding.cause}.")
        if finding.help:
            lines.append(f"Help: {finding.help}.")
        return "\n".join(lines)

    def _location(self, finding: Finding) -> dict[str, object]:
        """Where GitHub shows it: in its file, else at the top of the fleet file."""
        path = self._presentation.hosted(finding)
        where = {"startLine": 1} if path is None else _region(region(finding, self._sources))
        return {
            "physicalLocation": {
                "artifactLocation": _artifact(path or self._presentation.stand_in),
                "region": where,
            }
        }

    def _line_hash(self, finding: Finding) -> str | None:
        if self._presentation.hosted(finding) is None:
            return None
        hashes = self._hashes(finding.place.path)
        return hashes.of(max(finding.place.line, 1)) if hashes is not None else None

    def _line_hashes(self, path: str) -> LineHashes | None:
        try:
            return LineHashes(self._sources(path))
        except ShipwayError:
            return None

    def _fix(self, fix: Fix) -> dict[str, object]:
        changes: dict[str, list[dict[str, object]]] = {}
        for edit in fix.edits:
            path = self._presentation.hosted_path(edit.path) or edit.path
            deleted = {"byteOffset": edit.start, "byteLength": edit.end - edit.start}
            replacement = {"deletedRegion": deleted, "insertedContent": {"text": edit.text}}
            changes.setdefault(path, []).append(replacement)
        return {
            "description": {"text": fix.title},
            "artifactChanges": [
                {"artifactLocation": _artifact(path), "replacements": replacements}
                for path, replacements in changes.items()
            ],
        }


def _artifact(path: str) -> dict[str, object]:
    """A relative URI (RFC 3986, 4.2): a colon would make its first segment a scheme."""
    uri = quote(path.encode("utf-8", errors="surrogateescape"), safe="/-._~!$&'()*+,;=@")
    return {"uri": uri, "uriBaseId": "%SRCROOT%"}


def _region(where: Region) -> dict[str, int]:
    """Lines from 1, columns in UTF-16 code units from 1, the end column exclusive."""
    document = {"startLine": max(where.line, 1)}
    if where.column:
        document["startColumn"] = _utf16_column(where.first, where.column)
    if where.end_line > where.line:
        document["endLine"] = where.end_line
    if where.end_column:
        document["endColumn"] = _utf16_column(where.last, where.end_column)
    return document


def _utf16_column(line: str, column: int) -> int:
    return column + sum(ord(character) > 0xFFFF for character in line[: column - 1])
