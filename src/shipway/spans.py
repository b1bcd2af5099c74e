"""From the nodes of a YAML document back to the bytes of its file."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from shipway.document import Node
from shipway.place import Place

_BOM = b"\xef\xbb\xbf"
# What libyaml takes for the end of a line.
_BREAK = re.compile("\r\n|[\n\r\u0085\u2028\u2029]")
_PROPERTIES = re.compile(r"(?:[&!][^\s]*[ \t]+)+")
_BLOCK = re.compile(r"[|>][-+0-9]*[ \t]*(?:#[^\n\r]*)?(?=[\r\n])")
_BLOCK_SIGN = re.compile(r"[|>][-+0-9]*(?=[ \t]*(?:#[^\n\r]*)?[\r\n])")
# from behind the opening quote to behind the closing one
_CLOSING = {"'": re.compile(r"(?:[^']|'')*'"), '"': re.compile(r'(?:[^"\\]|\\.)*"', re.DOTALL)}
_WORD = re.compile(r"[^\s'\"`;|&()<>=,#]+")
_DOCUMENT = re.compile(rb"^---(?=[ \t\r\n])", re.MULTILINE)
_HOLE = re.compile(r"\$\{\{.*?\}\}|\{\{.*?\}\}")


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of a file: the bytes ``start`` to ``end`` say ``text``; ``exact`` is False where quotes or
    folding hide it, so that it cannot be edited. ``place`` is where it starts."""

    text: str
    start: int
    end: int
    place: Place
    exact: bool = True


def part(piece: Piece, at: int, length: int) -> Piece:
    """``length`` characters of ``piece`` from ``at``."""
    text = piece.text[at : at + length]
    if not piece.exact:
        return Piece(text, piece.start, piece.end, piece.place, False)
    start = piece.start + _size(piece.text[:at])
    place = Place(piece.place.path, piece.place.line, piece.place.column + at)
    return Piece(text, start, start + _size(text), place)


def _size(text: str) -> int:
    return len(text.encode("utf-8", errors="surrogateescape"))


class Text:
    """The text of a file, or of the part of it that starts at byte ``base`` behind ``lines`` lines, and
    the bytes that its characters are."""

    def __init__(self, data: bytes, path: str, base: int = 0, lines: int = 0) -> None:
        self.path = path
        bom = len(_BOM) if data.startswith(_BOM) else 0
        self._base = base + bom
        self._lines = lines
        self.text = data[bom:].decode("utf-8", errors="surrogateescape")
        self._ascii = self.text.isascii()
        self._starts = [0, *(match.end() for match in _BREAK.finditer(self.text))]

    def offset(self, place: Place) -> int:
        """The index of a place in the text; its end for a place behind the last line."""
        if not 1 <= place.line <= len(self._starts):
            return len(self.text)
        return min(self._starts[place.line - 1] + max(place.column - 1, 0), len(self.text))

    def line_start(self, line: int) -> int | None:
        """The index of a line (from 1), None behind the last one."""
        return self._starts[line - 1] if line <= len(self._starts) else None

    def piece(self, start: int, text: str) -> Piece:
        """The piece at index ``start`` that says ``text``; not exact when it says something else."""
        line = max(bisect_right(self._starts, start), 1)
        place = Place(self.path, self._lines + line, start - self._starts[line - 1] + 1)
        exact = self.text.startswith(text, start)
        first = self._byte(start)
        return Piece(text, first, first + len(text.encode("utf-8", errors="surrogateescape")), place, exact)

    def _byte(self, index: int) -> int:
        if self._ascii:
            return self._base + index
        return self._base + len(self.text[:index].encode("utf-8", errors="surrogateescape"))

    # --- scalars --------------------------------------------------------------------------------

    def scalar(self, node: Node) -> Piece:
        """The content of a scalar in one line, without its quotes."""
        start = self._content(node)
        if self.text[start : start + 1] in ("'", '"'):
            start += 1
        return self.piece(start, node.raw)

    def extent(self, node: Node) -> tuple[int, int]:
        """Where a scalar starts and ends in the text, with its quotes; of a block, the end of its header."""
        start = self._content(node)
        block = _BLOCK_SIGN.match(self.text, start)
        if block is not None:
            return start, block.end()
        quote = self.text[start : start + 1]
        if quote not in ("'", '"'):
            return start, start + len(node.raw)
        closing = _CLOSING[quote].match(self.text, start + 1)
        return start, closing.end() if closing else start + 1

    def _content(self, node: Node) -> int:
        """Where a scalar starts, behind its anchor and tag."""
        start = self.offset(node.place)
        properties = (
            _PROPERTIES.match(self.text, start) if self.text[start : start + 1] in ("&", "!") else None
        )
        return properties.end() if properties else start

    def lines(self, node: Node) -> Iterator[Piece]:
        """Every line of a scalar: of a block its own lines, of anything else the one there is."""
        block = _BLOCK.match(self.text, self._content(node))
        if block is None:
            yield self.scalar(node)
            return
        first = bisect_right(self._starts, block.start())
        for number, line in enumerate(node.raw.splitlines()):
            start = self.line_start(first + 1 + number)
            if start is None:
                return
            end = self.line_start(first + 2 + number) or len(self.text)
            at = self.text.find(line, start, end)
            yield self.piece(at if at >= 0 else start, line)


def words(piece: Piece) -> Iterator[Piece]:
    """The words of a line of a script or a list; an expression in braces does not split a word."""
    masked = _HOLE.sub(lambda match: "$" * len(match.group()), piece.text)
    for match in _WORD.finditer(masked):
        yield part(piece, match.start(), len(match.group()))


def documents(data: bytes, path: str) -> Iterator[tuple[Text, bytes]]:
    """The documents of a stream, each with its place in it; manifests hold many that do not matter."""
    starts = [0, *(match.start() for match in _DOCUMENT.finditer(data) if match.start() > 0)]
    line = 0
    for start, end in pairwise([*starts, len(data)]):
        chunk = data[start:end]
        yield Text(chunk, path, start, line), chunk
        line += chunk.count(b"\n")
