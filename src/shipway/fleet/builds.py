"""The Dockerfiles, contexts and builds of a fleet, each file read and each directory walked once.

Discovery, the graph, fingerprints and checks all ask the same questions of the same files; they share one
``Builds``. Directories are those of repositories on this machine, paths are relative to them.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from shipway.dockerfile.context import Context
from shipway.dockerfile.ignore import load_ignore
from shipway.dockerfile.parser import parse
from shipway.dockerfile.resolve import resolve
from shipway.dockerfile.resolved import ResolvedBuild
from shipway.dockerfile.sources import SourceReport, read_sources
from shipway.dockerfile.syntax import Dockerfile
from shipway.dockerfile.tree import ContextTree, Listings
from shipway.fleet.discover.paths import is_remote
from shipway.fleet.model import BuildInputs
from shipway.fleet.tree import NOTHING_EDITED, FileTree
from shipway.values import Platform

_Pairs = tuple[tuple[str, str], ...]
_BuildKey = tuple[Dockerfile, str | None, _Pairs, Platform, _Pairs]


class Builds:
    """Reads builds and remembers what it read; ``edited`` is as in ``FileTree``."""

    def __init__(self, edited: Mapping[Path, bytes] = NOTHING_EDITED) -> None:
        self.edited = edited
        self._listings: Listings = {}
        self._trees: dict[str, FileTree] = {}
        self._dockerfiles: dict[tuple[str, str, str | None], Dockerfile] = {}
        self._builds: dict[_BuildKey, ResolvedBuild] = {}
        self._contexts: dict[tuple[str, str, str | None], Context] = {}
        self._ruled: dict[tuple[str, str, str], Context] = {}

    def tree(self, directory: str) -> FileTree:
        """The files of a repository."""
        known = self._trees.get(directory)
        if known is None:
            known = self._trees[directory] = FileTree(Path(directory), self.edited, self._listings)
        return known

    def dockerfile(self, directory: str, inputs: BuildInputs) -> Dockerfile:
        """The parsed Dockerfile. Raises ConfigError when it is missing, HostError when it cannot be read."""
        key = (directory, inputs.dockerfile, inputs.inline)
        if key not in self._dockerfiles:
            self._dockerfiles[key] = parse(dockerfile_bytes(self.tree(directory), inputs), inputs.dockerfile)
        return self._dockerfiles[key]

    def build(
        self, directory: str, inputs: BuildInputs, platform: Platform, args: Mapping[str, str]
    ) -> ResolvedBuild:
        """The build of one platform. Raises as ``dockerfile`` does."""
        dockerfile = self.dockerfile(directory, inputs)
        key = (dockerfile, inputs.target, _pairs(args), platform, _pairs(inputs.contexts))
        if key not in self._builds:
            self._builds[key] = resolve(
                dockerfile, target=inputs.target, args=args, platform=platform, contexts=inputs.contexts
            )
        return self._builds[key]

    def sources(self, directory: str, inputs: BuildInputs, build: ResolvedBuild) -> SourceReport:
        """What the build reads of its contexts. Raises HostError when something cannot be read."""
        named = {
            name: self.context(directory, path, None)
            for name, path in inputs.contexts.items()
            if is_local(path)
        }
        main = self.main(directory, inputs) if is_local(inputs.context) else None
        return read_sources(build, main, named)

    def main(self, directory: str, inputs: BuildInputs) -> Context:
        """The main context of a build, which must be a directory."""
        own = None if inputs.inline is not None else inputs.dockerfile
        return self.context(directory, inputs.context, own)

    def context(self, directory: str, path: str, dockerfile: str | None) -> Context:
        """The directory ``path`` without what its ignore file, or that of ``dockerfile``, excludes."""
        asked = (directory, path, dockerfile)
        if asked not in self._contexts:
            rules = load_ignore(Path(directory), path, dockerfile)
            key = (directory, path, rules.path)
            if key not in self._ruled:
                self._ruled[key] = Context(ContextTree(Path(directory) / path, self._listings), rules)
            self._contexts[asked] = self._ruled[key]
        return self._contexts[asked]


def dockerfile_bytes(tree: FileTree, inputs: BuildInputs) -> bytes:
    """The exact text of the Dockerfile, inline or from its file. Raises as ``FileTree.read``."""
    if inputs.inline is not None:
        return inputs.inline.encode("utf-8", errors="surrogateescape")
    return tree.read(inputs.dockerfile)


def is_local(context: str) -> bool:
    """Whether a context is a directory of the repository, not a URL, an image, a link or nothing (``-``)."""
    return (
        context != "-"
        and "://" not in context
        and not context.startswith("target:")
        and not is_remote(context)
    )


def _pairs(mapping: Mapping[str, str]) -> _Pairs:
    return tuple(sorted(mapping.items()))
