"""Applying fixes: byte-span edits, overlapping ones left for the next round, each file verified.

Nothing is written here: a round gives the new bytes of files. A fix whose edits would do more to a file
than they say is left out and named.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from shipway.checks.finding import Edit, Finding, Fix
from shipway.checks.verify import changes_only
from shipway.dockerfile.syntax import Dockerfile, Span
from shipway.errors import ShipwayError

Read = Callable[[str], bytes]


@dataclass(frozen=True, slots=True)
class Skipped:
    """A fix that was not applied, and why."""

    finding: Finding
    reason: str


@dataclass(frozen=True, slots=True)
class Round:
    """The new bytes of every file that changes, the findings mended, and the fixes left out."""

    files: Mapping[str, bytes]
    applied: tuple[Finding, ...] = ()
    skipped: tuple[Skipped, ...] = ()


def span_edit(path: str, dockerfile: Dockerfile, span: Span, text: str) -> Edit:
    """The edit of the file ``path`` that replaces a span of a Dockerfile, whose offsets count characters,
    by ``text``. An inline Dockerfile has no path to edit."""
    start = byte_offset(dockerfile.text, span.start)
    end = start + byte_offset(dockerfile.text[span.start : span.end], span.end - span.start)
    return Edit(path, start, end, text)


def byte_offset(text: str, position: int) -> int:
    """How many bytes the characters before ``position`` take."""
    return len(text[:position].encode("utf-8", errors="surrogateescape"))


def apply_edits(data: bytes, edits: Iterable[Edit]) -> bytes:
    """``data`` after ``edits``, which do not overlap; the same one may come twice."""
    parts, position = [], 0
    for edit in sorted(set(edits)):
        parts += [data[position : edit.start], edit.text.encode("utf-8", errors="surrogateescape")]
        position = edit.end
    return b"".join([*parts, data[position:]])


def mend(
    findings: Sequence[Finding], *, unsafe: bool, read: Read, dockerfiles: Mapping[str, object]
) -> Round:
    """One round of fixes. ``read`` gives the bytes of a file, ``dockerfiles`` tells which are Dockerfiles."""
    wanted = ("safe", "unsafe") if unsafe else ("safe",)
    fixable = [each for each in findings if each.fix is not None and each.fix.applicability in wanted]
    chosen, skipped = _compatible(fixable)
    before = _read_all(chosen, read, skipped)
    chosen = [each for each in chosen if all(edit.path in before for edit in _fix(each).edits)]
    bad = _harmful(chosen, before, dockerfiles)
    if bad:
        skipped += [Skipped(each, "its edit would change more of the file than it says") for each in bad]
        chosen = [each for each in chosen if each not in bad]
    changed = {path: apply_edits(data, _edits(chosen, path)) for path, data in before.items()}
    files = {path: data for path, data in changed.items() if data != before[path]}
    return Round(files, tuple(chosen), tuple(skipped))


def _fix(finding: Finding) -> Fix:
    if finding.fix is None:
        raise AssertionError(f"{finding.rule} was chosen without a fix")
    return finding.fix


def _edits(findings: Iterable[Finding], path: str) -> list[Edit]:
    return [edit for finding in findings for edit in _fix(finding).edits if edit.path == path]


def _compatible(findings: Iterable[Finding]) -> tuple[list[Finding], list[Skipped]]:
    """The findings whose fixes go together; of two that overlap the one that stands first."""
    chosen: list[Finding] = []
    skipped: list[Skipped] = []
    taken: set[Edit] = set()
    for finding in sorted(findings, key=lambda each: _fix(each).edits):
        edits = _fix(finding).edits
        if any(_leads_out(edit.path) for edit in edits):
            skipped.append(Skipped(finding, "the file belongs to another repository"))
        elif any(_overlap(edit, other) for edit in edits for other in taken):
            skipped.append(Skipped(finding, "it overlaps another fix"))
        else:
            chosen.append(finding)
            taken.update(edits)
    return chosen, skipped


def _leads_out(path: str) -> bool:
    return posixpath.isabs(path) or posixpath.normpath(path).startswith("../")


def _overlap(edit: Edit, other: Edit) -> bool:
    """Whether two edits touch the same bytes, or insert at the same place in an order that nobody knows."""
    if edit.path != other.path or edit == other:
        return False
    if edit.start == other.start:
        return True
    return edit.start < other.end and other.start < edit.end


def _read_all(findings: Iterable[Finding], read: Read, skipped: list[Skipped]) -> dict[str, bytes]:
    known: dict[str, bytes] = {}
    for finding in findings:
        for edit in _fix(finding).edits:
            try:
                known.setdefault(edit.path, known.get(edit.path) or read(edit.path))
            except ShipwayError as error:
                skipped.append(Skipped(finding, error.message))
                break
    return known


def _harmful(
    findings: Sequence[Finding], before: Mapping[str, bytes], dockerfiles: Mapping[str, object]
) -> list[Finding]:
    """The findings whose fixes do more than they say, each alone; all of a file where only together they
    do."""

    def fine(chosen: Sequence[Finding], path: str) -> bool:
        edits = _edits(chosen, path)
        after = apply_edits(before[path], edits)
        return changes_only(path, before[path], after, edits, is_dockerfile=path in dockerfiles)

    bad: list[Finding] = []
    for path in before:
        here = [each for each in findings if _edits([each], path)]
        alone = [each for each in here if not fine([each], path)]
        rest = [each for each in here if each not in alone]
        bad += alone if fine(rest, path) else here
    return bad
