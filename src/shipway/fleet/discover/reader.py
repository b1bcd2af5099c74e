"""What every reader of declarations can do; one module or package a format."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from shipway.fleet.model import DeclarationKind, Reading
from shipway.fleet.tree import FileTree


class Reader(Protocol):
    """Reads the image declarations of one kind of file.

    A file that cannot be parsed becomes a Problem of kind ``unreadable-file`` with its place, and the
    other files are still read.
    """

    @property
    def kind(self) -> DeclarationKind:
        """The kind that every declaration of this reader carries."""

    def finds(self, tree: FileTree) -> list[str]:
        """The files of ``tree`` that are read by default, in the order they are read."""

    def accepts(self, path: str) -> bool:
        """Whether ``path`` looks, by its name, like a file of this kind."""

    def read(self, paths: Sequence[str], tree: FileTree) -> Reading:
        """The declarations of ``paths`` in order, and every problem met."""
