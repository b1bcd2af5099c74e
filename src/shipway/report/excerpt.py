"""The lines of a file that a message is about, with a caret under the offending columns."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from shipway.errors import ConfigError, ShipwayError
from shipway.place import Place
from shipway.report.text import cell_width, visible

# Gives the bytes of a file by its path, relative to the fleet's root. Raises ShipwayError when it cannot.
Sources: TypeAlias = Callable[[str], bytes]

TAB = 4
MOST_LINES = 5


@dataclass(frozen=True, slots=True)
class ExcerptLine:
    """``gutter`` is the line's number or blanks; ``marks`` tells a line of carets."""

    gutter: str
    text: str
    marks: bool = False

    def __str__(self) -> str:
        return f"{self.gutter} | {self.text}".rstrip()


def source_lines(data: bytes) -> list[str]:
    """The lines of a file as ``Place`` counts them: no byte order mark, no line ends."""
    text = data.decode("utf-8", errors="surrogateescape").removeprefix("\ufeff")
    return [line.removesuffix("\r") for line in text.split("\n")]


def columns(line: str, place: Place, end: Place | None, subject: str | None) -> tuple[int, int] | None:
    """The columns of ``line`` (the line of ``place``) that are meant, the second one exclusive.

    Without ``end`` the text of ``subject`` is looked for, at the place or, where the place has no column,
    as the only one of its kind in the line. None means the line as a whole.
    """
    start = place.column
    if not start:
        if not subject or line.count(subject) != 1:
            return None
        start = line.index(subject) + 1
    start = min(start, len(line) + 1)
    if end is not None and end.line > place.line:
        return start, len(line) + 1
    if end is not None and end.column > start:
        return start, min(end.column, max(len(line), start) + 1)
    if subject and line.startswith(subject, start - 1):
        return start, start + len(subject)
    return start, start + 1


def excerpt(
    data: bytes, place: Place, end: Place | None = None, *, subject: str | None = None, width: int = 100
) -> list[ExcerptLine]:
    """The lines from ``place`` to ``end`` (exclusive), five at most, none when the file has no such line.

    ``width`` is how many columns of a terminal a line may take; longer ones are cut around the caret.
    """
    lines = source_lines(data)
    if not 0 < place.line <= len(lines):
        return []
    last = min(_last(place, end), len(lines))
    shown = lines[place.line - 1 : min(last, place.line + MOST_LINES - 1)]
    digits = len(str(place.line + len(shown) - 1))
    room = max(width - digits - 3, 20)
    found = _first(shown[0], columns(shown[0], place, end, subject), room, f"{place.line:>{digits}}")
    for number, line in enumerate(shown[1:], place.line + 1):
        found.append(ExcerptLine(f"{number:>{digits}}", _cut(_layout(line), 0, room)[0]))
    if last - place.line >= MOST_LINES:
        found.append(ExcerptLine(" " * digits, "…"))
    return found


def excerpt_of(
    sources: Sources, place: Place, end: Place | None = None, *, subject: str | None = None, width: int = 100
) -> list[ExcerptLine]:
    """``excerpt`` of the file of ``place``; nothing where that has no line or cannot be read."""
    if not place.line or not place.path:
        return []
    try:
        data = sources(place.path)
    except ShipwayError:
        return []
    return excerpt(data, place, end, subject=subject, width=width)


def no_sources(path: str) -> bytes:
    """Where there are no files to show lines of."""
    raise ConfigError(f"{path} is not at hand")


def _last(place: Place, end: Place | None) -> int:
    if end is None or end.line <= place.line:
        return place.line
    return end.line - 1 if end.column == 1 else end.line


def _first(line: str, meant: tuple[int, int] | None, room: int, gutter: str) -> list[ExcerptLine]:
    """The line and, where columns are meant, the carets below it."""
    cells = _layout(line)
    if meant is None:
        return [ExcerptLine(gutter, _cut(cells, 0, room)[0])]
    begin, stop = cells[meant[0] - 1].at, cells[min(meant[1], len(cells)) - 1].at
    text, left = _cut(cells, begin, room)
    count = min(max(stop - begin, 1), max(room - (begin - left), 1))
    carets = " " * (begin - left) + "^" * count
    return [ExcerptLine(gutter, text), ExcerptLine(" " * len(gutter), carets, marks=True)]


@dataclass(frozen=True, slots=True)
class _Cell:
    """What one character of the source is shown as, and the column of the terminal where it starts."""

    text: str
    at: int


def _layout(line: str) -> list[_Cell]:
    """Every character of ``line`` and an empty one behind it, tabs expanded."""
    cells, at = [], 0
    for character in line:
        text = " " * (TAB - at % TAB) if character == "\t" else visible(character)
        cells.append(_Cell(text, at))
        at += cell_width(text)
    cells.append(_Cell("", at))
    return cells


def _cut(cells: Sequence[_Cell], focus: int, room: int) -> tuple[str, int]:
    """The text of ``cells`` in ``room`` columns around the column ``focus``, and how many are left out
    before it."""
    total = cells[-1].at
    if max(total, focus + 1) <= room:
        return "".join(cell.text for cell in cells), 0
    left = max(0, min(focus - room // 3, max(total, focus + 1) - room))
    first = left + 1 if left else 0
    last = left + room if left + room >= total else left + room - 1
    ends = [*(cell.at for cell in cells[1:]), total]
    kept = [cell for cell, end in zip(cells, ends, strict=True) if cell.at >= first and end <= last]
    text = "".join(cell.text for cell in kept)
    if left:
        # a wide character or tab that the cut falls into leaves a gap, which blanks fill
        text = "…" + " " * (kept[0].at - first) + text
    return (text if last == left + room else text + "…"), left
