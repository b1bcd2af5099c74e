"""JSON as libyaml takes it: YAML is said to hold all of JSON, and libyaml does not.

It refuses surrogate pairs in escapes and some characters that JSON allows within strings, and takes others
of those for the end of a line.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import TypeAlias

Moved: TypeAlias = Mapping[int, Sequence[tuple[int, int]]]
"""For each line (from 0) the columns from which on everything stood further right, and by how much."""

_OTHERS = r"[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]"
_PAIR = r"\\u([dD][89abAB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2})"
_FOREIGN = re.compile(rf"{_PAIR}|({_OTHERS})|\\.")
_MAYBE_FOREIGN = re.compile(rf"\\u[dD][89abAB]|{_OTHERS}")
_LINES = re.compile(r"(?<=\n)|(?<=\r)(?!\n)")
_UNMOVED: Moved = {}


def json_as_yaml(text: str) -> tuple[str, Moved]:
    """``text`` as it is, unless it is JSON that libyaml reads wrongly: then with escapes in place of that.

    Line ends stay where they are; what moves within a line is in the second part.
    """
    if not _MAYBE_FOREIGN.search(text) or not _is_json(text):
        return text, _UNMOVED
    lines = [_escaped(line) for line in _LINES.split(text)]
    return "".join(line for line, _ in lines), {n: moved for n, (_, moved) in enumerate(lines) if moved}


def original_column(moved: Moved, line: int, column: int) -> int:
    """Where a column of the text that ``json_as_yaml`` gave was before; both count from 0."""
    for start, shift in reversed(moved.get(line, ())):
        if column >= start:
            return column + shift
    return column


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _escaped(line: str) -> tuple[str, list[tuple[int, int]]]:
    pieces: list[str] = []
    moved: list[tuple[int, int]] = []
    position = shift = 0
    for match in _FOREIGN.finditer(line):
        high, low, other = match.groups()
        if high is None and other is None:
            continue  # an escape that both know; stepped over, since its backslash may be a second one's
        escape = f"\\U{ord(other) if other else _code_point(high, low):08X}"
        pieces += [line[position : match.start()], escape]
        position = match.end()
        shift += len(match[0]) - len(escape)
        moved.append((position - shift, shift))
    return "".join([*pieces, line[position:]]), moved


def _code_point(high: str, low: str) -> int:
    """The character that a surrogate pair stands for (RFC 8259, section 7)."""
    return 0x10000 + ((int(high, 16) - 0xD800) << 10) + int(low, 16) - 0xDC00
