"""What a stage holds, as far as its own COPYs tell.

A stage FROM scratch that only copies is known to the last file; after a RUN, or on an image from outside,
anything may be there and nothing is said.
"""

from __future__ import annotations

import posixpath
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from shipway.dockerfile.context import Context
from shipway.dockerfile.outcome import SourceOutcome
from shipway.dockerfile.patterns import has_wildcard
from shipway.dockerfile.resolved import CopyStep, ResolvedStage, RunStep, Step
from shipway.dockerfile.tree import Kind


@dataclass(slots=True)
class StageTree:
    """The files of a stage; a Tree."""

    directories: dict[str, dict[str, Kind]] = field(default_factory=lambda: {"": {}})
    targets: dict[str, str] = field(default_factory=dict)

    def entries(self, directory: str) -> Mapping[str, Kind]:
        return self.directories.get(directory, {})

    def link(self, path: str) -> str:
        return self.targets[path]

    def copy(self) -> StageTree:
        """The same files, to be changed independently."""
        return StageTree({path: dict(names) for path, names in self.directories.items()}, dict(self.targets))

    def make_directory(self, path: str) -> None:
        """Add a directory and its parents."""
        parent = ""
        for name in path.split("/") if path else ():
            here = f"{parent}/{name}" if parent else name
            if here not in self.directories:
                self.directories[here] = {}
                self.directories[parent][name] = "dir"
            parent = here

    def add(self, path: str, kind: Kind, target: str = "") -> None:
        """Add a file or link with its parent directories."""
        parent, _, name = path.rpartition("/")
        self.make_directory(parent)
        self.directories[parent][name] = kind
        if kind == "link":
            self.targets[path] = target


@dataclass(frozen=True, slots=True)
class Traced:
    """A source with its outcome and the files it was looked for in; None where those are unknown."""

    outcome: SourceOutcome
    context: Context | None


def starting_tree(stage: ResolvedStage, trees: Mapping[int, StageTree | None]) -> StageTree | None:
    """What a stage holds before its first step; None when nobody can tell."""
    if stage.scratch:
        return StageTree()
    base = trees.get(stage.base) if stage.base is not None else None
    return base.copy() if base is not None else None


def copy_into(tree: StageTree, step: Step, sources: Sequence[Traced]) -> StageTree | None:
    """``tree`` after ``step``; None when nobody can tell any more."""
    if isinstance(step, RunStep):
        return None
    path = step.destination if isinstance(step, CopyStep) else step.path
    if path is None or any(_is_unknown(each) for each in sources):
        return None
    destination = path.strip("/")
    if not _is_plain(tree, destination):
        return None
    if not isinstance(step, CopyStep):
        tree.make_directory(destination)
        return tree
    for each in sources:
        if not _copy(tree, step, each, destination, path.endswith("/")):
            return None
    for name in step.heredocs:
        tree.add(_file_path(tree, destination, name, path.endswith("/")), "file")
    return tree


def _is_plain(tree: StageTree, destination: str) -> bool:
    """Whether a destination leads through directories only; where it does not, engines differ or fail."""
    parts = destination.split("/")
    parents = ("/".join(parts[:depth]) for depth in range(1, len(parts)))
    if any(each not in tree.directories and _kind(tree, each) is not None for each in parents):
        return False
    return _kind(tree, destination) != "link"


def _kind(tree: StageTree, path: str) -> Kind | None:
    parent, _, name = path.rpartition("/")
    return tree.entries(parent).get(name)


def _is_unknown(source: Traced) -> bool:
    return source.context is None or source.outcome.failed or not source.outcome.certain


def _copy(tree: StageTree, step: CopyStep, source: Traced, destination: str, slash: bool) -> bool:
    """Copy one source; False when its result is unknown: ADD may unpack a file."""
    context = source.context
    if context is None:
        return False
    if step.parents:
        tree.make_directory(destination)
        for path in source.outcome.files:
            _place(tree, context, path, posixpath.join(destination, path))
        return not any("/./" in read.source for read in step.reads)
    is_glob = has_wildcard(source.outcome.read.expanded or "")
    if is_glob and any(context.kind(each) == "link" for each in source.outcome.files):
        return False  # a matched link arrives under its own name, which the outcome does not keep
    for path in source.outcome.matched:
        if context.kind(path) == "dir":
            tree.make_directory(destination)
            start = len(path) + 1 if path else 0
            inside = set(source.outcome.files)
            for each in context.below(path):
                if each in inside:
                    _place(tree, context, each, posixpath.join(destination, each[start:]))
        elif step.is_add:
            return False
        else:
            name = _name(source, path)
            tree.add(_file_path(tree, destination, name, slash), "file")
    return True


def _name(source: Traced, path: str) -> str:
    """The name under which a file arrives: that of the link when it was named through one."""
    written = posixpath.normpath(source.outcome.read.expanded or "").rpartition("/")[2]
    return (
        written
        if len(source.outcome.files) > 1 and source.outcome.matched == (path,)
        else path.rpartition("/")[2]
    )


def _file_path(tree: StageTree, destination: str, name: str, slash: bool) -> str:
    into = slash or not destination or destination in tree.directories
    return posixpath.join(destination, name) if into else destination


def _place(tree: StageTree, context: Context, path: str, destination: str) -> None:
    if path.endswith("/"):
        tree.make_directory(destination.rstrip("/"))
    elif context.kind(path) == "link":
        tree.add(destination, "link", context.tree.link(path))
    else:
        tree.add(destination, "file")
