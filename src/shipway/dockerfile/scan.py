"""Where things stand in the physical lines: line starts, words, comments, directives.

The parser underneath reports lines only; this module reads the text a second time for columns.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate
from typing import Literal

from e2b_dockerfile_utils import is_space

from shipway.dockerfile.syntax import Comment, Directive, Dockerfile, Instruction, Span
from shipway.place import Place

_NOT_BLANKS = re.compile(r"[^\t\v\f\r ]+")
_JSON_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
_DIRECTIVE = re.compile(r"(#|//)\s*([a-zA-Z][a-zA-Z0-9]*)\s*=(.*)", re.DOTALL)
_DIRECTIVE_NAMES = frozenset({"syntax", "escape", "check"})
_CONTINUATIONS = {
    escape: re.compile(rf"(?:^|[^{re.escape(escape)}])({re.escape(escape)}[ \t]*)$") for escape in "\\`"
}


def line_starts(text: str) -> tuple[int, ...]:
    """The offset of every line; a byte order mark is before the first."""
    starts = [1 if text.startswith("\ufeff") else 0]
    position = text.find("\n")
    while position >= 0 and position + 1 < len(text):
        starts.append(position + 1)
        position = text.find("\n", position + 1)
    return tuple(starts)


def line_text(text: str, starts: Sequence[int], line: int) -> str:
    """A physical line (from 1) without its line end."""
    end = starts[line] if line < len(starts) else len(text)
    return text[starts[line - 1] : end].rstrip("\r\n")


def leading_blanks(line: str) -> int:
    """How many characters of ``line`` are white space before its first other one, as Go sees it."""
    count = len(line) - len(line.lstrip(" \t"))
    while count < len(line) and not "!" <= line[count] <= "~" and is_space(line[count]):
        count += 1
    return count


def continued(line: str, escape: str) -> int | None:
    """The column (from 0) of the escape character that continues ``line``, or None."""
    match = _CONTINUATIONS[escape].search(line)
    return match.start(1) if match else None


def span_at(starts: Sequence[int], start: int, end: int) -> Span:
    """The span of two offsets."""
    line = max(bisect_right(starts, start), 1)
    return Span(start, end, line, start - starts[line - 1] + 1)


# --- words ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Word:
    """A word of an instruction: offsets within ``Instruction.original``, and its text there."""

    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Words:
    """The words of an instruction as written; for the JSON form, ``args`` are the quoted strings."""

    flags: tuple[Word, ...]
    args: tuple[Word, ...]


def words(instruction: Instruction, escape: str) -> Words:
    """The flags and arguments of an instruction, split on blanks as BuildKit splits COPY and FROM."""
    original = instruction.original
    lead = leading_blanks(original)
    keyword = _NOT_BLANKS.match(original, lead)
    flags, rest = _flags(original, keyword.end() if keyword else len(original), escape)
    pattern = _JSON_STRING if instruction.json else _NOT_BLANKS
    args = tuple(Word(m.start(), m.end(), m.group()) for m in pattern.finditer(original, rest))
    return Words(tuple(Word(start, end, original[start:end]) for start, end in flags), args)


def _flags(line: str, position: int, escape: str) -> tuple[list[tuple[int, int]], int]:
    found: list[tuple[int, int]] = []
    while True:
        position += leading_blanks(line[position:])
        if not line.startswith("--", position):
            return found, position
        end = _word_end(line, position, escape)
        if line[position:end] == "--":
            return found, end
        found.append((position, end))
        position = end


def _word_end(line: str, position: int, escape: str) -> int:
    quote = ""
    while position < len(line):
        character = line[position]
        if character == escape:
            position += 1
        elif quote:
            quote = "" if character == quote else quote
        elif not "!" <= character <= "~" and is_space(character):
            return position
        elif character in "'\"":
            quote = character
        position += 1
    return len(line)


def trigger_offset(original: str) -> int | None:
    """Where the instruction after ONBUILD starts in ``original``; None when there is none."""
    keyword = _NOT_BLANKS.match(original, leading_blanks(original))
    start = _NOT_BLANKS.search(original, keyword.end()) if keyword else None
    return start.start() if start else None


# --- from the logical line to the physical ones -----------------------------------------------


def segments(dockerfile: Dockerfile, instruction: Instruction) -> Iterator[tuple[int, int]]:
    """The stretches of the text (offsets) that joined are the logical line of ``instruction``."""
    return _segments(dockerfile, instruction.line)


def _segments(dockerfile: Dockerfile, line: int) -> Iterator[tuple[int, int]]:
    starts = dockerfile.line_starts
    raw = line_text(dockerfile.text, starts, line)
    skipped = leading_blanks(raw)
    while True:
        cut = continued(raw[skipped:], dockerfile.escape)
        start = starts[line - 1] + skipped
        yield start, start + (len(raw) - skipped if cut is None else cut)
        if cut is None:
            return
        skipped = 0
        line += 1
        while line <= len(starts) and is_dropped(raw := line_text(dockerfile.text, starts, line)):
            line += 1
        if line > len(starts):
            return


def is_dropped(line: str) -> bool:
    """Whether a line within a continued instruction leaves no trace: blank, or a comment."""
    lead = leading_blanks(line)
    return lead == len(line) or line[lead] == "#"


def locate(dockerfile: Dockerfile, instruction: Instruction, start: int, end: int) -> Span | None:
    """The span of a stretch of ``instruction.original``; None when a continuation cuts through it."""
    start += instruction.shift
    end += instruction.shift
    stretches, offsets = _stretches(dockerfile, instruction.line)
    index = bisect_right(offsets, start) - 1
    if not 0 <= index < len(stretches):
        return None
    first, last = stretches[index]
    offset = offsets[index]
    if start >= offset + last - first or end > offset + last - first:
        return None
    return span_at(dockerfile.line_starts, first + start - offset, first + end - offset)


@lru_cache(maxsize=32)
def _stretches(dockerfile: Dockerfile, line: int) -> tuple[tuple[tuple[int, int], ...], tuple[int, ...]]:
    """The segments of the instruction that starts in ``line``, and how long those before each are together.

    Remembered, since an instruction of a thousand lines has thousands of words to locate.
    """
    stretches = tuple(_segments(dockerfile, line))
    lengths = (last - first for first, last in stretches)
    return stretches, tuple(accumulate(lengths, initial=0))


# --- comments and directives ------------------------------------------------------------------


def comments(text: str, starts: Sequence[int], bodies: Sequence[range]) -> tuple[Comment, ...]:
    """Every comment line outside the ``bodies`` of here-documents (ranges of lines)."""
    if "#" not in text:
        return ()
    in_body = {line for body in bodies for line in body}
    found = []
    for line, start in enumerate(starts, 1):
        end = starts[line] if line < len(starts) else len(text)
        if text.find("#", start, end) < 0 or line in in_body:
            continue
        raw = text[start:end].rstrip("\r\n")
        lead = leading_blanks(raw)
        if raw.startswith("#", lead):
            span = Span(start + lead, start + len(raw), line, lead + 1)
            found.append(Comment(raw[lead + 1 :].strip(), span))
    return tuple(found)


def directives(text: str, starts: Sequence[int], path: str) -> tuple[Directive, ...]:
    """The parser directives of the first block, a ``#!`` line before it allowed (BuildKit, directives.go).

    ``// syntax=`` and a JSON document with a ``syntax`` key set the frontend where no ``#`` form does.
    """
    first = 2 if text.startswith("#!", starts[0]) else 1
    found = _directive_block(text, starts, path, first, "#")
    if any(each.name == "syntax" for each in found):
        return found
    slashes = _directive_block(text, starts, path, first, "//")
    other = tuple(each for each in slashes if each.name == "syntax")
    return found + (other or _json_directive(text, starts, path, first))


def _directive_block(
    text: str, starts: Sequence[int], path: str, first: int, marker: str
) -> tuple[Directive, ...]:
    found: list[Directive] = []
    for line in range(first, len(starts) + 1):
        raw = line_text(text, starts, line)
        match = _DIRECTIVE.match(raw, leading_blanks(raw))
        if (
            not match
            or match[1] != marker
            or match[2].lower() not in _DIRECTIVE_NAMES
            or not match[3].strip()
        ):
            break
        place = Place(path, line, match.start() + 1)
        form: Literal["hash", "slashes"] = "hash" if marker == "#" else "slashes"
        found.append(Directive(match[2].lower(), match[3].strip(), place, form))
    return tuple(found)


def _json_directive(text: str, starts: Sequence[int], path: str, first: int) -> tuple[Directive, ...]:
    start = starts[first - 1] if first <= len(starts) else len(text)
    if not text[start : start + 100].lstrip().startswith("{"):
        return ()
    try:
        document = json.loads(text[start:])
    except (ValueError, RecursionError):
        return ()
    value = document.get("syntax") if isinstance(document, dict) else None
    return (Directive("syntax", value, Place(path, first, 1), "json"),) if isinstance(value, str) else ()
