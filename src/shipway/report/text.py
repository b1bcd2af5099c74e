"""Numbers and lists as people read them."""

from __future__ import annotations

import re
import textwrap
import unicodedata
from collections.abc import Sequence
from itertools import zip_longest

# what an image is called that runs in place of a service without code
STAND_IN = "stand-in"
_UNITS = ("B", "kB", "MB", "GB", "TB")

# What must not reach a terminal or a page as it is: control characters (they would steer the terminal),
# marks that reorder text (they would show something else than what is there), and lone surrogates.
_TAMED = {
    **{code: chr(0x2400 + code) for code in range(0x20) if code not in (0x09, 0x0A)},
    0x7F: "\u2421",
    **dict.fromkeys(range(0x80, 0xA0), "\ufffd"),
    **dict.fromkeys((0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)), "\ufffd"),
    **dict.fromkeys((0xFFFE, 0xFFFF), "\ufffd"),
    **dict.fromkeys(range(0xD800, 0xE000), "\ufffd"),
}

_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\^_])")
_SURROGATE = re.compile("[\ud800-\udfff]")


def visible(text: str) -> str:
    """``text`` with every character that could deceive made visible; tabs and newlines stay."""
    return text.translate(_TAMED)


def plain(output: str) -> str:
    """A line that a program printed for a terminal, without its colours and movements."""
    return visible(_ESCAPES.sub("", output).rstrip("\r\n").rpartition("\r")[2])


def encodable(text: str) -> str:
    """``text`` without lone surrogates (bytes that are no UTF-8), which no output could be written with."""
    return _SURROGATE.sub("\ufffd", text)


def one_line(text: str) -> str:
    """``text`` made visible, on a single line."""
    return visible(" ".join(text.split()))


def cell_width(text: str) -> int:
    """How many columns of a terminal ``text`` takes: wide characters two, combining ones none."""
    return len(text) if text.isascii() else sum(map(_cells, text))


def _cells(character: str) -> int:
    if unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def labelled(label: str, text: str, *, indent: str = "", width: int | None = None) -> list[str]:
    """``label`` and ``text``, wrapped to ``width`` columns with the text kept in its own column.

    Without a width there is one line for each of the text.
    """
    first = indent + label
    rest = " " * cell_width(first)
    lines = [part for line in visible(text).splitlines() for part in _wrap(line, width, cell_width(first))]
    return [(rest if number else first) + line for number, line in enumerate(lines or [""])]


def _wrap(line: str, width: int | None, used: int = 0) -> list[str]:
    """``line`` in pieces of ``width - used`` columns (twenty at least), cut at blanks only."""
    if width is None:
        return [line]
    room = max(width - used, 20)
    return textwrap.wrap(line, room, break_long_words=False, break_on_hyphens=False) or [""]


def size(count: int) -> str:
    """A number of bytes with three digits at most: ``512 B``, ``1.2 MB``."""
    value = float(count)
    for unit in _UNITS:
        digits = 0 if unit == "B" or value >= 99.95 else 1
        if round(value, digits) < 1000 or unit == _UNITS[-1]:
            return f"{value:.{digits}f} {unit}"
        value /= 1000
    raise AssertionError("unreachable")


def seconds(count: float) -> str:
    """A span of time: ``0.42 s``, ``12.3 s``, ``3 min 05 s``."""
    if round(count, 2) < 10:
        return f"{count:.2f} s"
    if round(count, 1) < 60:
        return f"{count:.1f} s"
    minutes, rest = divmod(round(count), 60)
    return f"{minutes} min {rest:02d} s"


def plural(count: int, noun: str) -> str:
    """``1 image``, ``2 images``."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def table(
    rows: Sequence[Sequence[str]], *, gap: str = "  ", indent: str = "", width: int | None = None
) -> str:
    """Columns as wide as their widest cell; the last one is not padded.

    With a ``width`` the widest columns give way until all fit, and their cells are wrapped at blanks.
    """
    if not rows:
        return ""
    widths = [max(cell_width(row[column]) for row in rows) for column in range(len(rows[0]))]
    if width is not None:
        _narrow(widths, width - len(indent) - len(gap) * (len(widths) - 1))
        rows = [line for row in rows for line in _wrapped(row, widths)]
        widths = [max(cell_width(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = (
        gap.join(pad(cell, width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )
    return "\n".join(indent + line for line in lines)


def _narrow(widths: list[int], room: int) -> None:
    """Take columns from the widest until all have room, or none is wider than twenty."""
    while sum(widths) > room and max(widths) > 20:
        widths[widths.index(max(widths))] -= 1


def _wrapped(row: Sequence[str], widths: Sequence[int]) -> list[tuple[str, ...]]:
    """The lines of a row whose cells are wrapped to ``widths``."""
    cells = [_wrap(cell, width) for cell, width in zip(row, widths, strict=True)]
    return list(zip_longest(*cells, fillvalue=""))


def pad(text: str, width: int) -> str:
    """``text`` with blanks after it, up to ``width`` columns of a terminal."""
    return text + " " * (width - cell_width(text))
