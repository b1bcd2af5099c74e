"""Where COPY and ADD read from: a context of this machine, another stage, or here-documents."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

from shipway.assemble.nodes import Inline, Modes, Node, local_node
from shipway.assemble.root import Root
from shipway.dockerfile.context import Context
from shipway.dockerfile.sources import Named, named_by
from shipway.dockerfile.tree import ContextTree
from shipway.errors import CannotAssemble, InvalidValue

_CAPABILITIES = "security.capability"


class Source(Protocol):
    """Files to copy from; paths are relative to its root and free of links."""

    def named(self, source: str) -> tuple[Named, ...]:
        """What a word of an instruction names. Raises CannotAssemble when it is not there."""

    def node(self, path: str) -> Node:
        """What stands at a path. Raises CannotAssemble for nothing, and for special files."""

    def children(self, path: str) -> Iterator[str]:
        """The names in a directory, sorted, without what is ignored."""


@dataclass(frozen=True, slots=True)
class ContextSource:
    """A directory of this machine without what its ignore file excludes; all of it belongs to root, as
    BuildKit transfers it."""

    context: Context
    directory: str
    modes: Modes

    def named(self, source: str) -> tuple[Named, ...]:
        return _named(self.context, source)

    def node(self, path: str) -> Node:
        full = f"{self.directory}/{path}" if path else self.directory
        node = local_node(full, self.modes)
        if node is None:
            raise CannotAssemble(f"{path} went away while it was read")
        if node.kind == "other":
            raise CannotAssemble(f"{path} is a device, a pipe or a socket")
        if node.kind == "file" and _has_capabilities(full):
            raise CannotAssemble(f"{path} has file capabilities")
        return node

    def children(self, path: str) -> Iterator[str]:
        rules = self.context.ignore
        level = rules.level(path)
        prefix = f"{path}/" if path else ""
        for name, kind in sorted(self.context.tree.entries(path).items(), key=_bytes):
            child = prefix + name
            ignored = bool(rules) and rules.step(level, child).ignored
            if not ignored or (kind == "dir" and self.context.has(child)):
                yield name


@dataclass(frozen=True, slots=True)
class StageSource:
    """Another stage of the same Dockerfile."""

    root: Root
    name: str

    def named(self, source: str) -> tuple[Named, ...]:
        return _named(Context(self.root), source)

    def node(self, path: str) -> Node:
        node = self.root.get(path)
        if node is None or node.kind == "other" or (node.kind == "file" and node.content is None):
            raise CannotAssemble(f"/{path} of stage {self.name} comes from its base image")
        return node

    def children(self, path: str) -> Iterator[str]:
        yield from sorted(self.root.entries(path), key=os.fsencode)


@dataclass(frozen=True, slots=True)
class Documents:
    """The here-documents of one instruction, by name."""

    texts: Mapping[str, bytes]

    def named(self, source: str) -> tuple[Named, ...]:
        return (Named(source, "file", source.rpartition("/")[2]),)

    def node(self, path: str) -> Node:
        return Node("file", 0o644, content=Inline(self.texts[path]))

    def children(self, path: str) -> Iterator[str]:  # noqa: ARG002 - there are files only
        yield from ()


def context_source(context: Context, modes: Modes) -> ContextSource:
    """The files of a context that is a directory here."""
    tree = context.tree
    if not isinstance(tree, ContextTree):
        raise CannotAssemble("the context is no directory of this machine")
    return ContextSource(context, os.fspath(tree.root), modes)


def _named(context: Context, source: str) -> tuple[Named, ...]:
    try:
        return named_by(context, source)
    except InvalidValue as error:
        raise CannotAssemble(f"there is nothing to copy: {error.message}") from None


def _has_capabilities(path: str) -> bool:
    try:
        return bool(os.getxattr(path, _CAPABILITIES, follow_symlinks=False))
    except (OSError, AttributeError):  # none, or a system that has none
        return False


def _bytes(entry: tuple[str, object]) -> bytes:
    return os.fsencode(entry[0])
