"""Changes of stretches of a file: nothing else of it changes, not one byte."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass

import yaml

from shipway.document import parse
from shipway.errors import ConfigError
from shipway.spans import Piece

_RESOLVER = yaml.resolver.Resolver()
_TEXT = "tag:yaml.org,2002:str"
# the header of a block, and the indentation of its first line
_IN_BLOCK = re.compile(rb"(?:^|[ \t])[|>][-+0-9]*[ \t]*(?:#[^\r\n]*)?\r?\n[ \t]*\Z")


@dataclass(frozen=True, slots=True, order=True)
class Change:
    """The bytes ``start`` to ``end`` of a file become ``text``."""

    start: int
    end: int
    text: str


def apply(data: bytes, changes: Iterable[Change]) -> bytes:
    """``data`` with all changes made. Two that overlap must be the same one, else ConfigError is raised."""
    out, at = [], 0
    for change in sorted(set(changes)):
        if change.start < at:
            raise ConfigError(
                "two changes of one file overlap", help="point the references one after another"
            )
        out += [data[at : change.start], change.text.encode()]
        at = change.end
    return b"".join((*out, data[at:]))


def scalar_change(data: bytes, piece: Piece, text: str) -> Change:
    """Let a scalar say ``text``; what YAML would then read as something else than text gets quotes.

    Raises ConfigError for a scalar that is not written in one piece (escapes, folded lines).
    """
    if not piece.exact:
        raise ConfigError(
            "this value is written with escapes or over several lines",
            place=piece.place,
            help="write it on one line without escapes",
        )
    quoted = data[piece.start - 1 : piece.start] in (b"'", b'"') and piece.start > 0
    needs = not quoted and not is_text(text) and not _in_block(data, piece.start)
    return Change(piece.start, piece.end, f'"{text}"' if needs else text)


def _in_block(data: bytes, start: int) -> bool:
    """Whether a line of a block starts there, where quotes would be part of the text."""
    line = data.rfind(b"\n", 0, max(data.rfind(b"\n", 0, start), 0)) + 1
    return _IN_BLOCK.search(data[line:start]) is not None


def is_text(scalar: str) -> bool:
    """Whether a plain scalar is text to readers of YAML 1.1 (Flux, Helm) and of the core schema alike."""
    resolved: str = _RESOLVER.resolve(yaml.ScalarNode, scalar, (True, False))  # type: ignore[no-untyped-call]
    if resolved != _TEXT:
        return False
    return isinstance(parse(f"- {scalar}\n", "").sequence[0].value, str)


def unified_diff(path: str, before: bytes, after: bytes) -> str:
    """What ``git diff`` would show, without its header; ``""`` where nothing changed."""
    one, other = (data.decode("utf-8", errors="surrogateescape") for data in (before, after))
    lines = difflib.unified_diff(
        one.splitlines(keepends=True), other.splitlines(keepends=True), f"a/{path}", f"b/{path}", n=3
    )
    return "".join(
        line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines
    )
