"""Whether edits of a file change what they say and nothing else: both texts are read and compared.

What stands on lines that no edit touches must read as before, in the same order.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from shipway.checks.finding import Edit
from shipway.dockerfile.parser import parse
from shipway.dockerfile.syntax import Dockerfile
from shipway.document import Node, parse_all
from shipway.errors import ShipwayError

_DOCUMENTS = (".yaml", ".yml", ".json")


def changes_only(
    path: str, before: bytes, after: bytes, edits: Sequence[Edit], *, is_dockerfile: bool
) -> bool:
    """Whether ``after``, which is ``before`` with ``edits``, differs in what the edits touch alone.

    A Dockerfile and a YAML or JSON document are read again; of another file nothing is known but its bytes,
    which are right as they are put together.
    """
    if any(first.end > second.start for first, second in pairwise(sorted(set(edits)))):
        return False
    old, new = _touched(before, after, edits)
    if is_dockerfile:
        return _same_dockerfile(parse(before, path), parse(after, path), old, new)
    if path.endswith(_DOCUMENTS):
        return _same_document(path, (before, after), (old, new))
    return True


@dataclass(frozen=True, slots=True)
class _Touched:
    """The lines that edits touch on one side, and the lines before which whole lines were deleted."""

    lines: frozenset[int]
    cuts: frozenset[int] = frozenset()

    def meets(self, first: int, last: int) -> bool:
        """Whether something that stands on these lines is touched, or was cut within."""
        lines = range(first, last + 1)
        return not self.lines.isdisjoint(lines) or not self.cuts.isdisjoint(lines[1:])


def _touched(before: bytes, after: bytes, edits: Iterable[Edit]) -> tuple[_Touched, _Touched]:
    """What edits touch before and after them."""
    old: set[int] = set()
    new: set[int] = set()
    cuts: set[int] = set()
    shift = 0
    for edit in sorted(set(edits)):
        size = len(edit.text.encode("utf-8", errors="surrogateescape"))
        start = edit.start + shift
        whole = _is_whole_lines(before, edit)
        old.update(_lines(before, edit.start, edit.end, whole))
        new.update(_lines(after, start, start + size, whole))
        if whole and not edit.text:
            cuts.add(after.count(b"\n", 0, start) + 1)
        shift += size - (edit.end - edit.start)
    return _Touched(frozenset(old)), _Touched(frozenset(new), frozenset(cuts))


def _is_whole_lines(data: bytes, edit: Edit) -> bool:
    starts = edit.start == 0 or data[edit.start - 1 : edit.start] == b"\n"
    ends = edit.end == len(data) or edit.end == 0 or data[edit.end - 1 : edit.end] == b"\n"
    return starts and (ends or edit.start == edit.end) and (not edit.text or edit.text.endswith("\n"))


def _lines(data: bytes, start: int, end: int, whole: bool) -> range:
    first = data.count(b"\n", 0, start) + 1
    if whole:
        return range(
            first, first + data.count(b"\n", start, end) + (data[start:end][-1:] not in (b"", b"\n"))
        )
    return range(first, data.count(b"\n", 0, end) + 2)


def _same_dockerfile(before: Dockerfile, after: Dockerfile, old: _Touched, new: _Touched) -> bool:
    fatal = [sum(problem.fatal for problem in each.problems) for each in (before, after)]
    return (
        before.escape == after.escape
        and fatal[1] <= fatal[0]
        and list(_instructions(before, old)) == list(_instructions(after, new))
        and list(_comments(before, old)) == list(_comments(after, new))
        and list(_directives(before, old)) == list(_directives(after, new))
    )


def _instructions(dockerfile: Dockerfile, touched: _Touched) -> Iterator[object]:
    for each in dockerfile.instructions:
        if not touched.meets(each.line, each.end_line):
            yield each.keyword, each.original, each.heredocs


def _comments(dockerfile: Dockerfile, touched: _Touched) -> Iterator[str]:
    return (each.text for each in dockerfile.comments if each.span.line not in touched.lines)


def _directives(dockerfile: Dockerfile, touched: _Touched) -> Iterator[tuple[str, str]]:
    return ((each.name, each.value) for each in dockerfile.directives if each.place.line not in touched.lines)


def _same_document(path: str, texts: tuple[bytes, bytes], touched: tuple[_Touched, _Touched]) -> bool:
    try:
        before = parse_all(texts[0], path)
    except ShipwayError:
        return True  # a template: nobody can read it, its other lines are the same bytes
    try:
        after = parse_all(texts[1], path)
    except ShipwayError:
        return False
    old = [leaf for each in before for leaf in _leaves(each, (), touched[0])]
    return old == [leaf for each in after for leaf in _leaves(each, (), touched[1])]


def _leaves(node: Node, keys: tuple[str, ...], touched: _Touched) -> Iterator[object]:
    """The scalars on untouched lines, each with the keys that lead to it."""
    if node.is_mapping:
        for key, value in node.mapping.items():
            yield from _leaves(value, (*keys, key), touched)
    elif node.is_sequence:
        for value in node.sequence:
            yield from _leaves(value, keys, touched)
    elif touched.lines.isdisjoint(_occupied(node)):
        yield keys, node.raw, node.tag, type(node.value)


def _occupied(scalar: Node) -> range:
    """The lines of a scalar: those of a block start below its indicator."""
    breaks = scalar.raw.count("\n")
    return range(scalar.place.line, scalar.place.line + (breaks + 2 if breaks else 1))
