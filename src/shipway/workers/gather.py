"""What of its contexts a build reads: the part that has to travel.

The whole context, less what its ignore file excludes, travels where nobody can tell: where variables come
from the image below or from the machine that builds, and where a base defers instructions to its children.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from shipway.assemble.layer import Entries
from shipway.assemble.nodes import Modes, Node, local_node
from shipway.dockerfile.context import Context
from shipway.dockerfile.ignore import load_ignore, parse_ignore
from shipway.dockerfile.parser import parse
from shipway.dockerfile.reach import SCRATCH
from shipway.dockerfile.resolve import resolve
from shipway.dockerfile.resolved import BaseInput, ResolvedBuild
from shipway.dockerfile.sources import SourceReport, read_sources
from shipway.dockerfile.tree import ContextTree
from shipway.fleet.builds import is_local
from shipway.planning.reading import unseen
from shipway.ports import BuildRequest
from shipway.workers.parcel import MAIN

# predefined args that the machine that builds decides (Dockerfile reference, § Automatic platform ARGs)
_OF_THE_BUILDER = re.compile(rb"BUILD(?:PLATFORM|OS|ARCH|VARIANT)")


@dataclass(frozen=True, slots=True)
class Contents:
    """The contexts of a build that are directories here, by name, and the build that reads them."""

    request: BuildRequest
    build: ResolvedBuild
    contexts: dict[str, tuple[Path, Context]]

    @property
    def bases(self) -> tuple[BaseInput, ...]:
        """The images that stages build on: one of them may defer instructions to this build."""
        return tuple(
            base for base in self.build.bases if base.via == "from" and base.reference not in (SCRATCH, "")
        )

    def entries(self, *, whole: bool) -> Iterator[tuple[str, Entries]]:
        """Each context with what of it is read; with ``whole`` with all that is not ignored."""
        named = {name: context for name, (_, context) in self.contexts.items()}
        report = read_sources(self.build, named.pop(MAIN, None), named)
        whole = whole or bool(_OF_THE_BUILDER.search(self.request.dockerfile))
        modes = Modes.like(self.request.dockerfile_mode)
        for name, (root, context) in self.contexts.items():
            everything = whole or _is_unseen(report, name)
            paths = context.below("") if everything else report.files(name or None)
            yield name, tuple(_with_parents(root, paths, modes))


def contents(request: BuildRequest) -> Contents:
    """Look at what a request is built from. Raises DockerfileError for what no engine accepts."""
    build = resolve(
        parse(request.dockerfile, request.name),
        target=request.target,
        args=request.args,
        platform=request.platform,
        contexts=request.contexts,
    ).require_valid()
    found: dict[str, tuple[Path, Context]] = {}
    if request.context is not None:
        rules = parse_ignore(request.ignore or b"", "the ignore file").require_valid()
        found[MAIN] = (request.context, Context(ContextTree(request.context), rules))
    for name, value in request.contexts.items():
        if is_local(value):
            path = Path(value)
            found[name] = (path, Context(ContextTree(path), load_ignore(path, ".").require_valid()))
    return Contents(request, build, found)


def _is_unseen(report: SourceReport, name: str) -> bool:
    """Whether something is read of a context that nobody can name without the image below."""
    wanted = ("main", "") if name == MAIN else ("context", name)
    return any(
        unseen(each.read) and (each.read.origin.kind, each.read.origin.name) == wanted
        for each in report.outcomes
    )


def _with_parents(root: Path, paths: Iterable[str], modes: Modes) -> Iterator[tuple[str, Node]]:
    """Each path after the directories above it; devices, pipes and sockets are no part of a context."""
    seen: set[str] = set()
    for path in sorted(path.rstrip("/") for path in paths):
        parts = path.split("/")
        for length in range(1, len(parts) + 1):
            partial = "/".join(parts[:length])
            if partial and partial not in seen:
                seen.add(partial)
                node = local_node(f"{root}/{partial}", modes)
                if node is not None and node.kind != "other":
                    yield partial, node
