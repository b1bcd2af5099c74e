"""Every kind of file that declares images, and its reader."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module

from shipway.errors import ConfigError
from shipway.fleet.discover.dockerfiles import DOCKERFILES
from shipway.fleet.discover.reader import Reader
from shipway.fleet.model import DeclarationKind, Reading
from shipway.fleet.tree import FileTree
from shipway.place import Place


@dataclass(frozen=True)
class _WhereMentioned:
    """A reader that is imported when a repository has a path with ``word`` in it: all of them together take
    longer to import than a fleet of their own takes to read, and most fleets need one or none."""

    kind: DeclarationKind
    word: str
    module: str
    name: str

    def finds(self, tree: FileTree) -> list[str]:
        """See ``Reader``, like every method here."""
        return self._reader.finds(tree) if tree.mentioning(self.word) else []

    def accepts(self, path: str) -> bool:
        return self._reader.accepts(path)

    def read(self, paths: Sequence[str], tree: FileTree) -> Reading:
        return self._reader.read(paths, tree) if paths else Reading()

    @cached_property
    def _reader(self) -> Reader:
        reader: Reader = getattr(import_module(f"shipway.fleet.discover.{self.module}"), self.name)
        return reader


# Bare Dockerfiles come last: only those that no other file builds are read.
READERS: tuple[Reader, ...] = (
    _WhereMentioned("bake", "bake", "bake.reader", "BAKE"),
    _WhereMentioned("compose", "compose", "compose.reader", "COMPOSE"),
    _WhereMentioned("compose", "compose", "compose.reader", "COMPOSE_NAMED"),
    _WhereMentioned("skaffold", "skaffold", "skaffold", "SKAFFOLD"),
    _WhereMentioned("workflow", ".github/", "workflows.reader", "WORKFLOWS"),
    DOCKERFILES,
)


def reader_of(path: str, place: Place) -> Reader:
    """The reader of a file that somebody names. Raises ConfigError, at ``place``, when there is none."""
    for reader in READERS:
        if reader.accepts(path):
            return reader
    raise ConfigError(
        f"{path} is of no kind that declares images",
        place=place,
        cause="by its name it is no Compose, bake, Skaffold or workflow file, and no Dockerfile",
    )
