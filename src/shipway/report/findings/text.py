"""Findings for people: grouped by file, each with an excerpt, its cause and what to do."""

from __future__ import annotations

from collections.abc import Sequence

from shipway.checks.finding import Finding
from shipway.checks.runner import CheckResult
from shipway.report.excerpt import Sources, excerpt_of
from shipway.report.findings.gather import (
    Group,
    by_path,
    counted,
    coverage_line,
    fix_hint,
    fixes_line,
    grouped,
    left_out_line,
)
from shipway.report.findings.presentation import PLAIN, Presentation
from shipway.report.text import labelled, plural, visible

_INDENT = "    "
_COLORS = {"error": "1;31", "warning": "1;33", "info": "1;36", "bold": "1", "dim": "2"}


def text(result: CheckResult, sources: Sources, presentation: Presentation = PLAIN) -> str:
    """File by file every finding, then what was counted."""
    groups = grouped(result.findings)
    blocks = []
    for path, members in by_path(groups).items():
        blocks.append(
            _paint(visible(path) or "outside of files", "bold", presentation) + f": {counted(members)}"
        )
        blocks.extend(_finding(group, sources, presentation) for group in members)
    blocks.append("\n".join(summary_lines(result, groups)))
    return "\n\n".join(blocks) + "\n"


def summary_lines(result: CheckResult, groups: Sequence[Group]) -> list[str]:
    """The fleet's quality, then how much was found, mended by fixes, and left out."""
    files = len({group.finding.place.path for group in groups} - {""})
    found = counted(groups) + (f" in {plural(files, 'file')}" if files else "") if groups else "no findings"
    told = "; ".join(part for part in (found, fixes_line(groups), left_out_line(result)) if part)
    return [line for line in (coverage_line(result), told) if line]


def _finding(group: Group, sources: Sources, presentation: Presentation) -> str:
    finding = group.finding
    head = _paint(f"{finding.severity} {finding.rule}", finding.severity, presentation)
    images = f" ({group.concerns})" if group.images else ""
    place = visible(str(finding.place)) or "fleet"
    lines = [f"  {place}: {head}: {_indented(finding.message)}{visible(images)}"]
    lines += _excerpt(finding, sources, presentation)
    notes = (("cause ", finding.cause), ("help  ", finding.help), ("fix   ", fix_hint(finding)))
    for label, note in notes:
        if note:
            lines += labelled(label, note, indent=_INDENT, width=presentation.width)
    return "\n".join(lines)


def _indented(message: str) -> str:
    return visible(message.rstrip()).replace("\n", "\n" + _INDENT)


def _excerpt(finding: Finding, sources: Sources, presentation: Presentation) -> list[str]:
    width = presentation.width - len(_INDENT)
    shown = excerpt_of(sources, finding.place, finding.end, subject=finding.subject, width=width)
    lines = []
    for line in shown:
        body = _paint(line.text, finding.severity, presentation) if line.marks else line.text
        lines.append((_INDENT + _paint(f"{line.gutter} |", "dim", presentation) + " " + body).rstrip())
    return lines


def _paint(text: str, style: str, presentation: Presentation) -> str:
    return f"\x1b[{_COLORS[style]}m{text}\x1b[0m" if presentation.color else text
