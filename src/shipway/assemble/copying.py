"""COPY and ADD of files, as BuildKit copies them (tonistiigi/fsutil, copy.Copy and what it calls)."""

from __future__ import annotations

import posixpath
from collections.abc import Callable
from dataclasses import dataclass

from shipway.assemble.nodes import DIRECTORY_MODE
from shipway.assemble.root import Root
from shipway.assemble.sources import Source
from shipway.dockerfile.patterns import matcher
from shipway.dockerfile.sources import Named
from shipway.errors import CannotAssemble

Owner = tuple[int, int]
_Matches = Callable[[str], bool]


@dataclass(frozen=True, slots=True)
class Options:
    """``owner`` and ``mode`` are those of --chown and --chmod. ``include`` selects paths (--parents), and
    ``exclude`` leaves some out, both relative to the directory that is copied."""

    owner: Owner | None = None
    mode: int | None = None
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()


def copy(root: Root, source: Source, named: Named, destination: str, options: Options) -> None:
    """Copy one named thing to ``destination`` (absolute, with its trailing slash or ``/.``).

    Raises CannotAssemble where BuildKit fails, or its releases differ.
    """
    directory, _, last = destination.rpartition("/")
    above = destination if last in ("", ".") else directory
    _make(root, root.real(above), options)
    target = root.real(destination)
    there = root.get(target)
    if named.kind == "dir":
        _make(root, target, options)
    elif there is not None and there.kind == "dir":
        target = f"{target}/{named.name}" if target else named.name
    _Copier(root, source, options).copy(named.path, "", target, overwrite=False)


def _make(root: Root, path: str, options: Options) -> None:
    """Make the directories that a destination needs. With --chmod newer releases of BuildKit give them its
    mode, older ones do not."""
    made = root.make_directories(path, options.owner)
    if made and options.mode not in (None, DIRECTORY_MODE):
        raise CannotAssemble(
            f"/{path} is not there, and engines differ about the mode that --chmod={options.mode:o} gives it"
        )


def _matcher(patterns: tuple[str, ...]) -> _Matches | None:
    if not patterns:
        return None
    try:
        return matcher(patterns).matches
    except ValueError as error:
        raise CannotAssemble(f"a pattern is malformed: {error}") from None


@dataclass(slots=True)
class _Parent:
    """A directory on the way, which is made once something in it is copied."""

    source: str
    target: str
    made: bool


class _Copier:
    def __init__(self, root: Root, source: Source, options: Options) -> None:
        self._root = root
        self._source = source
        self._options = options
        self._include = _matcher(options.include)
        self._exclude = _matcher(options.exclude)
        self._has_exceptions = any(each.startswith("!") for each in options.exclude)
        self._parents: list[_Parent] = []

    def copy(self, path: str, below: str, target: str, *, overwrite: bool) -> None:
        """``below`` is the path relative to what was named, empty for that itself."""
        excluded = bool(below) and self._exclude is not None and self._exclude(below)
        included = not excluded and (not below or self._include is None or self._include(below))
        node = self._source.node(path)
        if node.kind == "dir":
            self._copy_directory(path, below, target, included, excluded, overwrite)
            return
        if not included:
            return
        self._make_parents(overwrite)
        there = self._root.get(target)
        if there is not None and there.kind == "dir":
            raise CannotAssemble(f"the directory /{target} cannot be replaced by a file")
        self._root.put(target, node.owned(self._options.owner).with_mode(self._options.mode))

    def _copy_directory(
        self, path: str, below: str, target: str, included: bool, excluded: bool, overwrite: bool
    ) -> None:
        if included:
            self._make_parents(overwrite)
            self._place(path, target, overwrite)
        if excluded and not self._has_exceptions:
            return
        self._parents.append(_Parent(path, target, included))
        for name in self._source.children(path):
            self.copy(
                posixpath.join(path, name),
                posixpath.join(below, name),
                posixpath.join(target, name),
                overwrite=True,
            )
        self._parents.pop()

    def _make_parents(self, overwrite: bool) -> None:
        for parent in self._parents:
            if not parent.made:
                self._place(parent.source, parent.target, overwrite=False, mode_only=overwrite)
                parent.made = True

    def _place(self, path: str, target: str, overwrite: bool, *, mode_only: bool = False) -> None:
        """Make a directory like its source. One that is there keeps what it is, but takes over owner and mode
        where it is to be overwritten; a parent that is made late takes over the plain mode alone."""
        node, there = self._source.node(path), self._root.get(target)
        if there is not None and there.kind != "dir":
            raise CannotAssemble(f"/{target} is no directory, and one shall be copied over it")
        if there is None or overwrite:
            self._root.put(target, node.owned(self._options.owner).with_mode(self._options.mode))
        elif mode_only and target:
            self._root.put(target, there.with_mode(node.mode))
