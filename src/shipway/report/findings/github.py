"""Findings as annotations of GitHub Actions, and the summary of a job.

A step may annotate ten errors, ten warnings and ten notices; the severest come first, and what is left over
is listed in the log and counted in a last notice.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from shipway.checks.finding import SEVERITIES, Severity
from shipway.checks.runner import CheckResult
from shipway.report.excerpt import Sources
from shipway.report.findings.concise import concise_line
from shipway.report.findings.gather import Group, counted, grouped, region
from shipway.report.findings.markdown import markdown_within
from shipway.report.findings.presentation import PLAIN, Presentation
from shipway.report.text import visible

MOST_EACH = 10
LARGEST_SUMMARY = 1_000_000  # bytes; GitHub refuses more than 1 MiB a step

_COMMANDS: dict[Severity, str] = {"error": "error", "warning": "warning", "info": "notice"}


def github(result: CheckResult, sources: Sources, presentation: Presentation = PLAIN) -> str:
    """Workflow commands, one a line; whatever exceeds the limits follows as plain lines."""
    groups = grouped(result.findings)
    shown, rest = _within_limits(groups)
    lines = [_annotation(group, sources, presentation) for group in shown]
    if rest:
        lines += [_plain(group) for group in rest]
        message = f"{counted(rest)} more than GitHub shows: the log of this step lists them"
        lines.append(f"::notice title=shipway check::{_data(message)}")
    return "".join(f"{line}\n" for line in lines)


def job_summary(result: CheckResult, sources: Sources, presentation: Presentation = PLAIN) -> str:
    """The Markdown for the page of a job, as much as GitHub takes."""
    return markdown_within(LARGEST_SUMMARY, result, sources, presentation)


def append_job_summary(path: Path, markdown: str) -> None:
    """Add ``markdown`` to the file that ``GITHUB_STEP_SUMMARY`` names. Raises OSError."""
    with path.open("a", encoding="utf-8") as file:
        file.write(markdown)


def _within_limits(groups: Sequence[Group]) -> tuple[list[Group], list[Group]]:
    """What is annotated, severest first, and what is not. The notice that counts the rest has its place."""
    kinds = [[each for each in groups if each.finding.severity == severity] for severity in SEVERITIES]
    limits = [MOST_EACH] * len(kinds)
    if any(len(kind) > limit for kind, limit in zip(kinds, limits, strict=True)):
        limits[-1] -= 1
    shown = [each for kind, limit in zip(kinds, limits, strict=True) for each in kind[:limit]]
    rest = [each for kind, limit in zip(kinds, limits, strict=True) for each in kind[limit:]]
    return shown, rest


def _annotation(group: Group, sources: Sources, presentation: Presentation) -> str:
    finding = group.finding
    properties: dict[str, str | int] = {}
    path = presentation.hosted(finding)
    if path is not None:
        properties["file"] = path
        properties.update(_position(group, sources))
    properties["title"] = finding.rule + (f" ({group.concerns})" if group.images else "")
    message = finding.message if path or not finding.place.path else f"{finding.place}: {finding.message}"
    notes = (("cause", finding.cause), ("help", finding.help))
    message = "\n".join([message, *(f"{label}: {note}" for label, note in notes if note)])
    listed = ",".join(f"{name}={_property(str(value))}" for name, value in properties.items())
    return f"::{_COMMANDS[finding.severity]} {listed}::{_data(message)}"


def _position(group: Group, sources: Sources) -> dict[str, int]:
    """Lines and columns; columns only where start and end share a line, as GitHub wants it. Its end
    column is inclusive."""
    where = region(group.finding, sources)
    if not where.line:
        return {}
    position = {"line": where.line, "endLine": where.end_line}
    if where.column and where.end_line == where.line:
        position["col"] = where.column
        position["endColumn"] = max(where.end_column - 1, where.column)
    return position


def _plain(group: Group) -> str:
    """A line that the runner cannot take for a command, in its new form or the old one."""
    return f"{group.finding.severity}: {concise_line(group)}".replace("##[", "## [")


def _data(text: str) -> str:
    return visible(text.replace("\r", "")).replace("%", "%25").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
