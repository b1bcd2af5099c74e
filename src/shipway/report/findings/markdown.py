"""Findings as Markdown for comments on pull requests and summaries of jobs."""

from __future__ import annotations

import re
from collections.abc import Sequence

from shipway.checks.finding import Finding, Severity
from shipway.checks.runner import CheckResult
from shipway.errors import ShipwayError
from shipway.report import escape
from shipway.report.excerpt import Sources, excerpt
from shipway.report.findings.gather import Group, by_path, counted, fix_hint, grouped, severest_first
from shipway.report.findings.presentation import PLAIN, Presentation
from shipway.report.findings.text import summary_lines
from shipway.report.text import encodable, one_line

LARGEST_COMMENT = 65_000  # bytes; GitHub takes 65,536 characters
_ICONS: dict[Severity, str] = {"error": "❌", "warning": "⚠️", "info": "ℹ️"}  # noqa: RUF001


def markdown(result: CheckResult, sources: Sources, presentation: Presentation = PLAIN) -> str:
    """A table of findings, the severest first, then the details of each file to unfold; as much as the
    comment of a pull request takes."""
    return markdown_within(LARGEST_COMMENT, result, sources, presentation)


def markdown_within(limit: int, result: CheckResult, sources: Sources, presentation: Presentation) -> str:
    """The same in at most ``limit`` bytes; what does not fit is counted."""
    groups = severest_first(grouped(result.findings))
    head = [
        "## shipway check",
        "",
        *(f"{escape.markdown(line)}  " for line in summary_lines(result, groups)),
        "",
    ]
    page = _Page(limit)
    page.add("\n".join(head))
    rows = [_row(group) for group in groups]
    if rows:
        page.add_rows(rows)
    for path, members in by_path(groups).items():
        if not page.add(_details(path, members, sources, presentation)):
            break
    return page.text()


class _Page:
    """Text that never grows over its limit; room for one closing line is kept."""

    _ROOM = 100

    def __init__(self, limit: int) -> None:
        self._left = limit - self._ROOM
        self._parts: list[str] = []

    def add(self, text: str) -> bool:
        """Whether there was room for another block."""
        size = len(text.encode("utf-8", errors="replace")) + 1
        if size > self._left:
            return False
        self._left -= size
        self._parts.append(encodable(text) + "\n")
        return True

    def add_rows(self, rows: Sequence[str]) -> None:
        """A table, with as many rows as fit, and a line that counts the others."""
        self.add("| | rule | place | finding |\n| --- | --- | --- | --- |")
        for number, row in enumerate(rows):
            if not self.add(row):
                self._left += self._ROOM
                self.add(f"\n… and {len(rows) - number} more.")
                self._left = 0
                return
        self.add("")

    def text(self) -> str:
        return "".join(self._parts)


def _row(group: Group) -> str:
    finding = group.finding
    images = f" ({group.concerns})" if group.images else ""
    place = escape.markdown_code(str(finding.place)) if finding.place.path else ""
    message = escape.markdown(finding.message + images)
    return f"| {_ICONS[finding.severity]} | {finding.rule} | {place} | {message} |"


def _details(path: str, groups: Sequence[Group], sources: Sources, presentation: Presentation) -> str:
    title = f"<code>{_html(path)}</code>" if path else "Outside of files"
    blocks = [f"<details><summary>{title}: {counted(groups)}</summary>"]
    for group in groups:
        blocks += _detail(group.finding, sources, presentation)
    return "\n\n".join([*blocks, "</details>\n"])


def _detail(finding: Finding, sources: Sources, presentation: Presentation) -> list[str]:
    blocks = [f"**{finding.rule}** {escape.markdown(finding.message)}"]
    if code := _excerpt(finding, sources, presentation):
        fence = "`" * max(3, 1 + max((len(run) for run in re.findall("`+", code)), default=0))
        blocks.append(f"{fence}text\n{code}\n{fence}")
    notes = (("Cause", finding.cause), ("Help", finding.help), ("Fix", fix_hint(finding)))
    listed = [f"* {label}: {escape.markdown(note)}" for label, note in notes if note]
    return [*blocks, "\n".join(listed)] if listed else blocks


def _excerpt(finding: Finding, sources: Sources, presentation: Presentation) -> str:
    if not finding.place.path:
        return ""
    try:
        data = sources(finding.place.path)
    except ShipwayError:
        return ""
    width = max(presentation.width, PLAIN.width)
    lines = excerpt(data, finding.place, finding.end, subject=finding.subject, width=width)
    return "\n".join(map(str, lines))


def _html(text: str) -> str:
    return one_line(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
