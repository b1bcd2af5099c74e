"""Registries that move: one host, address or prefix becomes another wherever a file names it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from shipway.document import Node, parse_all
from shipway.errors import ConfigError, InvalidValue, UsageError
from shipway.gitops.edits.change import Change, apply
from shipway.gitops.edits.files import (
    Edits,
    PlaceEdit,
    Unreadable,
    assignments,
    each_file,
    is_env_file,
    read_places,
)
from shipway.gitops.edits.places import ImagePlace
from shipway.spans import Piece, Text, documents, part
from shipway.values import Reference

# what may stand before a registry, and behind a prefix of repositories
_BEFORE = r"(?:(?<=://)|(?<![\w.:/@-]))"
_BEHIND_HOST = r"(?=/|[^\w.:@-]|:(?!\d)|\Z)"
_BEHIND_PATH = r"(?=[/:@]|[^\w.-]|\Z)"


@dataclass(frozen=True)
class Move:
    """``old`` and ``new`` are HOST[:PORT][/PREFIX]."""

    old: str
    new: str

    @classmethod
    def parse(cls, text: str) -> Move:
        """``OLD=NEW``. Raises UsageError."""
        old, equals, new = (part.rstrip("/") for part in text.partition("="))
        if not equals or not old or not new:
            raise UsageError(f"{text!r} is no move", help="write OLD=NEW, such as 10.0.0.5:5000=ghcr.io/acme")
        for prefix in (old, new):
            host = prefix.partition("/")[0]
            try:
                parsed = Reference.parse(f"{prefix}/x")
            except InvalidValue as error:
                raise UsageError(f"{prefix!r} is no registry: {error.message}", cause=error.cause) from None
            if parsed.registry != host or parsed.tag is not None:
                raise UsageError(
                    f"{prefix!r} is no registry", help="write a host, HOST:PORT or HOST/PREFIX, without a tag"
                )
        if old == new:
            raise UsageError(f"{old} would stay where it is")
        return cls(old, new)

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        return re.compile(_BEFORE + re.escape(self.old) + (_BEHIND_PATH if "/" in self.old else _BEHIND_HOST))

    def moved(self, text: str) -> str:
        """``text`` with every mention of the old place replaced."""
        return self.pattern.sub(lambda _: self.new, text)

    def changes(self, piece: Piece) -> list[Change]:
        """The changes by which a stretch of a file names the new place."""
        found = (part(piece, match.start(), len(self.old)) for match in self.pattern.finditer(piece.text))
        return [Change(each.start, each.end, self.new) for each in found]


def rewrite(files: Mapping[str, bytes], move: Move) -> Edits:
    """The edits by which ``files`` name the new place. Comments stay, and so does all that is not the old
    place itself: a host that only begins with its name, another port of it."""
    return each_file(sorted(files.items()), lambda path, data: _edit(path, data, move))


def _edit(path: str, data: bytes, move: Move) -> tuple[bytes, list[PlaceEdit], list[str]]:
    changes: list[Change] = []
    told: dict[int, PlaceEdit] = {}
    left = []
    for field, piece, made in _wanted(path, data, move):
        if piece.start in told or not made:
            continue
        if piece.exact:
            changes += made
            after = apply(piece.text.encode(), (_within(change, piece) for change in made)).decode()
            told[piece.start] = PlaceEdit(path, piece.place.line, field, "", move.old, piece.text, after)
        else:
            left.append(f"{path}:{piece.place.line} is left alone: its text goes over several lines")
    return apply(data, changes), [told[start] for start in sorted(told)], left


def _within(change: Change, piece: Piece) -> Change:
    return Change(change.start - piece.start, change.end - piece.start, change.text)


def _wanted(path: str, data: bytes, move: Move) -> Iterator[tuple[str, Piece, list[Change]]]:
    """The values to change: its field, where it stands, and how."""
    if is_env_file(path):
        yield from ((key, piece, move.changes(piece)) for key, piece in assignments(path, data))
        return
    for place in read_places(path, data):
        yield from ((place.field, piece, [change]) for piece, change in _in_parts(place, move))
    try:
        for text, _ in documents(data, path):
            for root in parse_all(text.text, path):
                for field, piece in _Scalars(text).of(root, ""):
                    yield field, piece, move.changes(piece)
    except ConfigError as error:
        raise Unreadable(str(error)) from None


def _in_parts(place: ImagePlace, move: Move) -> Iterator[tuple[Piece, Change]]:
    """A registry and a repository in values of their own, which no prefix with a path is found in."""
    if place.registry is None or place.repository is None or "/" not in move.old:
        return
    full = f"{place.registry.text}/{place.repository.text}"
    moved = move.moved(full)
    if moved != full:
        host, _, rest = moved.partition("/")
        yield place.registry, Change(place.registry.start, place.registry.end, host)
        yield place.repository, Change(place.repository.start, place.repository.end, rest)


@dataclass(frozen=True, slots=True)
class _Scalars:
    """Every scalar of a document, each where it is written, keys of mappings included."""

    text: Text

    def of(self, root: Node, field: str) -> Iterator[tuple[str, Piece]]:
        seen: set[int] = set()
        pending = [(root, field)]
        while pending:
            node, field = pending.pop()
            if id(node) in seen:
                continue
            seen.add(id(node))
            for key, value in node.mapping.items():
                below = f"{field}.{key}" if field else key
                yield below, self._key(node, key)
                pending.append((value, below))
            pending += [(item, f"{field}[{index}]") for index, item in enumerate(node.sequence)]
            if node.text is not None:
                yield from ((field, piece) for piece in self.text.lines(node))

    def _key(self, node: Node, key: str) -> Piece:
        start = self.text.offset(node.key_place(key))
        return self.text.piece(start + (self.text.text[start : start + 1] in ("'", '"')), key)
