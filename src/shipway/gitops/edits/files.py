"""Which files hold references, and edits of whole files with what they change."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

from shipway.errors import ConfigError
from shipway.gitops.edits.change import unified_diff
from shipway.gitops.edits.places import ImagePlace, find_places, name_of
from shipway.spans import Piece, Text

_SUFFIXES = frozenset({".yaml", ".yml", ".json"})
_ASSIGNMENT = re.compile(
    r"""^[ \t]*(?:export[ \t]+)?(?P<key>[A-Za-z_][\w.-]*)=(["']?)(?P<value>[^\s"'#]+)""", re.M
)


def is_manifest(path: str) -> bool:
    """Whether Flux, Kustomize, Compose or CI systems read a file of this name as YAML or JSON."""
    name = PurePosixPath(path)
    return name.suffix in _SUFFIXES or name.name == "Kustomization"


def is_env_file(path: str) -> bool:
    """Whether it is a file of assignments, as Compose and shells read them."""
    name = PurePosixPath(path).name
    return name == ".env" or name.startswith(".env.") or name.endswith(".env")


def places_of(path: str, data: bytes) -> tuple[ImagePlace, ...]:
    """The references of a file of either kind. Raises ConfigError for YAML that cannot be parsed."""
    return tuple(_assigned(path, data)) if is_env_file(path) else find_places(data, path)


def assignments(path: str, data: bytes) -> Iterator[tuple[str, Piece]]:
    """The variables of a file of assignments, each with its value."""
    text = Text(data, path)
    for match in _ASSIGNMENT.finditer(text.text):
        yield match["key"], text.piece(match.start("value"), match["value"])


def _assigned(path: str, data: bytes) -> Iterator[ImagePlace]:
    for key, piece in assignments(path, data):
        # a bare word is a value like any other
        if name := name_of(piece.text) if {"/", ":", "@"} & set(piece.text) else "":
            yield ImagePlace(path, piece.place.line, key, name=name, whole=piece)


@dataclass(frozen=True, slots=True)
class PlaceEdit:
    """A value that becomes another one; equal where it is what it should be already. ``image`` is the name
    of the image, or repository, that it is about."""

    path: str
    line: int
    field: str
    object: str
    image: str
    before: str
    after: str

    @property
    def key(self) -> tuple[str, str, str, str]:
        """What stays when lines above it come and go."""
        return self.path, self.object, self.field, self.image


@dataclass(frozen=True, slots=True)
class FileEdit:
    """A file and what it becomes."""

    path: str
    before: bytes
    after: bytes

    @property
    def diff(self) -> str:
        return unified_diff(self.path, self.before, self.after)


@dataclass(frozen=True, slots=True)
class Edits:
    """Everything that changes in a repository: ``files`` that do, ``places`` in them and those that name
    what is wanted already, and what was left out and why."""

    files: tuple[FileEdit, ...] = ()
    places: tuple[PlaceEdit, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def changed(self) -> tuple[PlaceEdit, ...]:
        return tuple(place for place in self.places if place.before != place.after)

    def then(self, other: Edits) -> Edits:
        """Both, where ``other`` starts from what these leave."""
        first = {file.path: file for file in self.files}
        for file in other.files:
            before = first[file.path].before if file.path in first else file.before
            first[file.path] = replace(file, before=before)
        files = tuple(first[path] for path in sorted(first))
        return Edits(files, (*self.places, *other.places), (*self.notes, *other.notes))


def each_file(
    files: Iterable[tuple[str, bytes]],
    edit: Callable[[str, bytes], tuple[bytes, Iterable[PlaceEdit], Iterable[str]]],
) -> Edits:
    """``edit`` for every file; a file that cannot be parsed is left alone and noted."""
    changed: list[FileEdit] = []
    places: list[PlaceEdit] = []
    notes: list[str] = []
    for path, data in files:
        try:
            after, found, left = edit(path, data)
        except Unreadable as error:
            notes.append(f"{path} is left alone: {error.message}")
            continue
        places += found
        notes += left
        if after != data:
            changed.append(FileEdit(path, data, after))
    return Edits(tuple(changed), tuple(places), tuple(notes))


class Unreadable(ConfigError):
    """A file that is not what its name says: a template, mostly."""


def read_places(path: str, data: bytes) -> tuple[ImagePlace, ...]:
    """``places_of``. Raises Unreadable for what cannot be parsed."""
    try:
        return places_of(path, data)
    except ConfigError as error:
        why = "it is a template" if b"{{" in data else str(error)
        raise Unreadable(why) from None
