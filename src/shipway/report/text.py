"""Numbers and lists as people read them."""

from __future__ import annotations

import re
import textwrap
import unicodedata
from collections.abc import Sequence

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

_SURROGATE = re.compile("[\ud800-\udfff]")


def visible(text: str) -> str:
    """``text`` with every character that could deceive made visible; tabs and newlines stay."""
    return text.translate(_TAMED)


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


def labelled(label: str, text: str, *, indent: str = "", width: int = 100) -> list[str]:
    """``label`` and ``text``, wrapped to ``width`` columns with the text kept in its own column."""
    first = f"{indent}{label:<6}"
    rest = " " * len(first)
    return textwrap.wrap(
        visible(text),
        max(width, len(first) + 20),
        initial_indent=first,
        subsequent_indent=rest,
        break_long_words=False,
        break_on_hyphens=False,
    )


def size(count: int) -> str:
    """A number of bytes with three digits at most: ``512 B``, ``1.2 MB``."""
    value = float(count)
    for unit in _UNITS:
        if value < 1000 or unit == _UNITS[-1]:
            return f"{value:.0f} {unit}" if unit == "B" or value >= 100 else f"{value:.1f} {unit}"
        value /= 1000
    raise AssertionError("unreachable")


def seconds(count: float) -> str:
    """A span of time: ``0.42 s``, ``12.3 s``, ``3 min 05 s``."""
    if count < 10:
        return f"{count:.2f} s"
    if count < 60:
        return f"{count:.1f} s"
    minutes, rest = divmod(round(count), 60)
    return f"{minutes} min {rest:02d} s"


def plural(count: int, noun: str) -> str:
    """``1 image``, ``2 images``."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def table(rows: Sequence[Sequence[str]], *, gap: str = "  ", indent: str = "") -> str:
    """Columns as wide as their widest cell; the last one is not padded."""
    if not rows:
        return ""
    widths = [max(cell_width(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = (
        gap.join(pad(cell, width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )
    return "\n".join(indent + line for line in lines)


def pad(text: str, width: int) -> str:
    """``text`` with blanks after it, up to ``width`` columns of a terminal."""
    return text + " " * (width - cell_width(text))
