"""Byte-exact replacement of image references in a Dockerfile's text."""

from __future__ import annotations

import re
from collections.abc import Sequence

from shipway.dockerfile import scan
from shipway.dockerfile.parser import parse
from shipway.dockerfile.syntax import Dockerfile, Instruction, Span
from shipway.errors import DockerfileError
from shipway.place import Place

_REFERENCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/@\[\]+-]*\Z")


def pin(data: bytes, replacements: Sequence[tuple[Span | None, str]], path: str = "Dockerfile") -> bytes:
    """``data`` with each span replaced by its reference; every other byte stays as it is.

    The spans are those of ``BaseInput``; the same one may come twice with the same text. Raises
    DockerfileError when a reference cannot be replaced in place, and when the result would not read as the
    same file with only these references changed.
    """
    wanted = _wanted(replacements, path)
    if not wanted:
        return data
    text = data.decode("utf-8", errors="surrogateescape")
    parts, position = [], 0
    for span, reference in wanted:
        if span.start < position:
            raise DockerfileError("two replacements overlap", place=Place(path, span.line, span.column))
        parts += [text[position : span.start], reference]
        position = span.end
    pinned = "".join([*parts, text[position:]]).encode("utf-8", errors="surrogateescape")
    _verify(parse(data, path), parse(pinned, path), wanted)
    return pinned


def _wanted(replacements: Sequence[tuple[Span | None, str]], path: str) -> list[tuple[Span, str]]:
    found: dict[Span, str] = {}
    for span, reference in replacements:
        if span is None:
            raise DockerfileError(
                f"the reference that should become {reference} cannot be replaced in place",
                place=Place(path),
                cause="quotes within a flag, or a line continuation, cut through it",
                help="write the reference as one plain word, or name a stage with FROM and read from that",
            )
        if not _REFERENCE.match(reference):
            raise DockerfileError(
                f"{reference!r} is no literal image reference", place=Place(path, span.line)
            )
        if found.setdefault(span, reference) != reference:
            raise DockerfileError(
                f"one reference should become both {found[span]} and {reference}",
                place=Place(path, span.line, span.column),
            )
    return sorted(found.items(), key=lambda item: item[0].start)


def _verify(before: Dockerfile, after: Dockerfile, wanted: Sequence[tuple[Span, str]]) -> None:
    expected = [_expected(before, each, wanted) for each in before.instructions]
    actual = [_logical(each) for each in after.instructions]
    if expected != actual or len(before.comments) != len(after.comments):
        span = wanted[0][0]
        raise DockerfileError(
            "the pinned file would not read as the same file with other references",
            place=Place(before.path, span.line, span.column),
        )


def _logical(instruction: Instruction) -> tuple[str, str, tuple[object, ...]]:
    return instruction.keyword, instruction.original, instruction.heredocs


def _expected(
    dockerfile: Dockerfile, instruction: Instruction, wanted: Sequence[tuple[Span, str]]
) -> tuple[str, str, tuple[object, ...]]:
    """The logical line with its references replaced, put together from the physical lines."""
    inside = [(s, text) for s, text in wanted if instruction.line <= s.line <= instruction.end_line]
    if not inside:
        return _logical(instruction)
    parts = []
    for start, end in scan.segments(dockerfile, instruction):
        position = start
        for span, text in inside:
            if start <= span.start and span.end <= end:
                parts += [dockerfile.text[position : span.start], text]
                position = span.end
        parts.append(dockerfile.text[position:end])
    return instruction.keyword, "".join(parts), instruction.heredocs
