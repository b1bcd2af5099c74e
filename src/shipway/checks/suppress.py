"""Inline ignores: ``# shipway: ignore=SW101,SW2 reason``.

Before the first instruction or key of a file the comment counts for the whole file, elsewhere for what
stands directly below it; in YAML and HCL it may also end the line that it is about. A rule is named by its
id or the beginning of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from shipway.checks.finding import Edit, Finding
from shipway.checks.selection import selects
from shipway.dockerfile.syntax import Dockerfile
from shipway.place import Place

_IGNORE = re.compile(r"#+\s*shipway:\s*ignore=([A-Za-z0-9,]+)(?:\s+(.*))?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Suppression:
    """One comment: the rules it names, the lines it covers (``last`` exclusive, None: to the end), and its
    bytes in the file, with those of the line where it has one of its own."""

    rules: tuple[str, ...]
    reason: str
    place: Place
    first: int
    last: int | None
    edit: Edit

    def covers(self, finding: Finding) -> bool:
        line = finding.place.line
        if finding.place.path != self.place.path or not any(selects(r, finding.rule) for r in self.rules):
            return False
        return self.last is None or self.first <= line < self.last


def suppressions(path: str, data: bytes, dockerfile: Dockerfile | None) -> list[Suppression]:
    """The inline ignores of a file; ``dockerfile`` is given where it is one, so that the bodies of
    here-documents are not taken for comments."""
    if b"shipway:" not in data:
        return []
    lines = data.decode("utf-8", errors="surrogateescape").splitlines(keepends=True)
    extents = _instructions(dockerfile) if dockerfile is not None else _plain_lines(lines)
    own = None if dockerfile is None else {comment.span.line for comment in dockerfile.comments}
    found, offset = [], 0
    for number, line in enumerate(lines, 1):
        match = _IGNORE.search(line)
        if match is not None and (own is None or number in own) and _is_comment(line, match.start(), own):
            found.append(_suppression(Place(path, number, match.start() + 1), line, match, offset, extents))
        offset += _size(line)
    return found


def _is_comment(line: str, start: int, own: set[int] | None) -> bool:
    """Whether the hash opens a comment: alone in its line, or after a blank where that is allowed."""
    before = line[:start].removeprefix("\ufeff")
    return not before.strip() or (own is None and before[-1].isspace())


def _suppression(
    place: Place, line: str, match: re.Match[str], offset: int, extents: Sequence[tuple[int, int]]
) -> Suppression:
    before = line[: match.start()]
    alone = not before.removeprefix("\ufeff").strip()
    start = len(before) if alone else len(before.rstrip())
    first, last = _covered(place.line, extents) if alone else (place.line, place.line + 1)
    begin = _size(line[: _indent(before) if alone else start])
    end = _size(line) if alone else _size(line.rstrip("\r\n"))
    rules = tuple(each.upper() for each in match.group(1).split(",") if each)
    edit = Edit(place.path, offset + begin, offset + end, "")
    return Suppression(rules, (match.group(2) or "").strip(), place, first, last, edit)


def _indent(before: str) -> int:
    """Where the line's own text starts: after a byte order mark."""
    return 1 if before.startswith("\ufeff") else 0


def _size(text: str) -> int:
    return len(text.encode("utf-8", errors="surrogateescape"))


def _covered(line: int, extents: Sequence[tuple[int, int]]) -> tuple[int, int | None]:
    below = next((each for each in extents if each[1] > line), None)
    if not extents or line < extents[0][0]:
        return 1, None
    return below if below is not None else (line, line + 1)


def _instructions(dockerfile: Dockerfile) -> list[tuple[int, int]]:
    return [(each.line, each.end_line + 1) for each in dockerfile.instructions]


def _plain_lines(lines: Iterable[str]) -> list[tuple[int, int]]:
    """The lines that hold more than blanks and a comment."""
    return [
        (number, number + 1)
        for number, line in enumerate(lines, 1)
        if line.strip("\ufeff \t\r\n") and not line.lstrip("\ufeff \t").startswith("#")
    ]
