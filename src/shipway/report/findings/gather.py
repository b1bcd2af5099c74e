"""Findings put together for people: one a place, however many images it concerns."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from shipway.checks.finding import SEVERITIES, Finding
from shipway.checks.runner import CheckResult
from shipway.errors import ShipwayError
from shipway.report.excerpt import Sources, columns, source_lines
from shipway.report.text import plural

# What is written of images before the rest is only counted.
MOST_IMAGES = 4
_NOUNS = {"error": ("error", "errors"), "warning": ("warning", "warnings"), "info": ("note", "notes")}


@dataclass(frozen=True, slots=True)
class Group:
    """One finding, and every image for which it was found."""

    finding: Finding
    images: tuple[str, ...]

    @property
    def concerns(self) -> str:
        """The images in words, empty when the finding is about none: ``api, web and 3 more``."""
        more = len(self.images) - MOST_IMAGES
        if more <= 1:
            return ", ".join(self.images)
        return f"{', '.join(self.images[:MOST_IMAGES])} and {more} more"


def grouped(findings: Iterable[Finding]) -> list[Group]:
    """Findings that differ in nothing but their image, each once, in the given order."""
    groups: dict[Finding, dict[str, None]] = {}
    for finding in findings:
        images = groups.setdefault(replace(finding, image=None), {})
        if finding.image is not None:
            images[finding.image] = None
    return [Group(finding, tuple(images)) for finding, images in groups.items()]


def by_path(groups: Iterable[Group]) -> dict[str, list[Group]]:
    """The groups of each file, files in the order of their first one."""
    files: dict[str, list[Group]] = {}
    for group in groups:
        files.setdefault(group.finding.place.path, []).append(group)
    return files


def severest_first(groups: Iterable[Group]) -> list[Group]:
    """Errors before warnings before notes, each in the given order."""
    return sorted(groups, key=lambda group: SEVERITIES.index(group.finding.severity))


def counted(groups: Sequence[Group]) -> str:
    """``2 errors, 1 warning``; empty for none."""
    parts = []
    for severity in SEVERITIES:
        count = sum(group.finding.severity == severity for group in groups)
        if count:
            parts.append(f"{count} {_NOUNS[severity][count != 1]}")
    return ", ".join(parts)


def fix_hint(finding: Finding) -> str | None:
    """What would mend a finding and how to have it done, None where nothing is known."""
    if finding.fix is None:
        return None
    how = {"safe": " (--fix does it)", "unsafe": " (--unsafe-fixes does it; look at it)", "display": ""}
    return finding.fix.title + how[finding.fix.applicability]


def fixes_line(groups: Sequence[Group]) -> str:
    """``1 fix available with --fix, 2 more with --unsafe-fixes``; empty when there is none."""
    kinds = [group.finding.fix.applicability for group in groups if group.finding.fix is not None]
    safe, unsafe = kinds.count("safe"), kinds.count("unsafe")
    parts = []
    if safe:
        parts.append(f"{_fixes(safe)} available with --fix")
    if unsafe:
        parts.append(
            f"{unsafe} more with --unsafe-fixes"
            if safe
            else f"{_fixes(unsafe)} available with --unsafe-fixes"
        )
    return ", ".join(parts)


def _fixes(count: int) -> str:
    return "1 fix" if count == 1 else f"{count} fixes"


def left_out_line(result: CheckResult) -> str:
    """What inline ignores and the baseline left out; empty when they did nothing."""
    parts = []
    if result.suppressed:
        parts.append(f"{result.suppressed} ignored inline")
    if result.baselined:
        parts.append(f"{result.baselined} known to the baseline")
    if result.stale:
        parts.append(f"{plural(result.stale, 'place')} of the baseline no longer needed")
    return ", ".join(parts)


def coverage(result: CheckResult) -> list[tuple[str, int, int]]:
    """What the summary counts of the fleet as ``name: [met, of]`` under ``quality``; nothing of none."""
    known = result.summary.get("quality")
    if not isinstance(known, dict):
        return []
    return [(str(name), int(met), int(of)) for name, (met, of) in known.items() if of]


def coverage_line(result: CheckResult) -> str:
    """``multi-stage 8/8, non-root 7/8``; empty when nothing was counted."""
    return ", ".join(f"{name} {met}/{of}" for name, met, of in coverage(result))


def lines_of(finding: Finding, sources: Sources) -> list[str]:
    """The lines of the file that a finding is about; none where it cannot be read."""
    try:
        return source_lines(sources(finding.place.path)) if finding.place.path else []
    except ShipwayError:
        return []


@dataclass(frozen=True, slots=True)
class Region:
    """Where a finding stands: lines from 1 (0: the file as a whole) and columns of characters from 1 (0:
    unknown), the end exclusive. ``first`` and ``last`` are the texts of the two lines, for other ways to
    count columns."""

    line: int
    column: int
    end_line: int
    end_column: int
    first: str = ""
    last: str = ""


def region(finding: Finding, sources: Sources) -> Region:
    """The whole extent of a finding as far as it is known."""
    place, end = finding.place, finding.end
    lines = lines_of(finding, sources)
    first = lines[place.line - 1] if 0 < place.line <= len(lines) else ""
    meant = columns(first, place, end, finding.subject) if first else None
    if end is not None and end.line > place.line:
        last = lines[end.line - 1] if end.line <= len(lines) else ""
        return Region(place.line, place.column, end.line, end.column, first, last)
    if meant is None:
        return Region(place.line, place.column, place.line, 0, first, first)
    return Region(place.line, meant[0], place.line, meant[1], first, first)
