"""The reader of Dockerfiles that stand alone: what builds them is told by nothing but where they lie."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from shipway.dockerfile.outcome import SourceOutcome
from shipway.dockerfile.resolve import LINUX_AMD64
from shipway.dockerfile.resolved import ResolvedBuild
from shipway.errors import ShipwayError
from shipway.fleet.builds import Builds
from shipway.fleet.discover.notes import Notes
from shipway.fleet.discover.reader import Reader
from shipway.fleet.model import BuildInputs, Declaration, DeclarationKind, Reading
from shipway.fleet.tree import FileTree, directory_of
from shipway.place import Place

_BEFORE = re.compile(r"(?:Dockerfile|Containerfile)(?:[.-](?P<suffix>.+))?\Z")
_AFTER = re.compile(r"(?P<suffix>.+)\.(?:[Dd]ockerfile|[Cc]ontainerfile)\Z")
# Ignore files, templates that become a Dockerfile, policies of buildx, notes and leftovers.
_OTHERS = re.compile(
    r"\.(?:dockerignore|containerignore|j2|jinja2?|tmpl|tpl|template|in|erb|rego|md|txt|bak|orig|rej|swp)\Z"
)
# Directories that say what kind of thing is in them, not what it is called.
_GENERIC = frozenset({"src", "docker", ".docker", "dockerfiles", "build", "container", "containers"})


@dataclass(frozen=True, slots=True)
class DockerfileReader:
    """Reads every Dockerfile as an image.

    ``api.Dockerfile`` is called ``api``, any other after its directory and suffix (``api/Dockerfile.dev`` is
    ``api-dev``), in the root by the suffix alone or after the root. The context is the first directory in
    which everything that is copied can be found: the Dockerfile's own, the root, then those between. Where
    there is none it is the first of those that lack least, and a Problem ``context-unknown`` says so.
    """

    kind: DeclarationKind = "dockerfile"

    def finds(self, tree: FileTree) -> list[str]:
        return list(filter(self.accepts, tree.mentioning("dockerfile", "containerfile")))

    def accepts(self, path: str) -> bool:
        return _suffix(posixpath.basename(path)) is not None

    def read(self, paths: Sequence[str], tree: FileTree) -> Reading:
        return read_dockerfiles(paths, tree, Builds())


def read_dockerfiles(paths: Sequence[str], tree: FileTree, builds: Builds) -> Reading:
    """The images of ``paths``, read through ``builds`` so that nobody has to read them again."""
    notes = Notes()
    declarations = tuple(_declarations(dict.fromkeys(paths), tree, _Contexts(tree, builds, notes), notes))
    return Reading(declarations, tuple(notes.problems))


def _declarations(
    paths: Iterable[str], tree: FileTree, contexts: _Contexts, notes: Notes
) -> Iterator[Declaration]:
    for path in paths:
        place = Place(path, 1)
        try:
            inputs = BuildInputs(path, contexts.of(path))
        except ShipwayError as error:
            notes.unreadable(error, place)
        else:
            yield Declaration("dockerfile", _name(path, tree), place, inputs)


def _suffix(name: str) -> str | None:
    """What a file's name has beside ``Dockerfile``, empty for nothing; None for the name of another file."""
    match = None if _OTHERS.search(name) else _BEFORE.match(name) or _AFTER.match(name)
    return None if match is None else match["suffix"] or ""


def _name(path: str, tree: FileTree) -> str:
    *directories, file = path.split("/")
    if match := _AFTER.match(file):
        return match["suffix"]
    suffix = _suffix(file)
    named = [part.lstrip(".") for part in directories if part not in _GENERIC]
    if not named:
        return suffix or tree.root.resolve().name.lower() or "app"
    return f"{named[-1]}-{suffix}" if suffix else named[-1]


class _Contexts:
    """Finds the context of Dockerfiles."""

    def __init__(self, tree: FileTree, builds: Builds, notes: Notes) -> None:
        self._directory = str(tree.root)
        self._builds = builds
        self._notes = notes

    def of(self, path: str) -> str:
        """The context of the Dockerfile at ``path``."""
        own = directory_of(path)
        build = self._builds.build(self._directory, BuildInputs(path, own), LINUX_AMD64, {})
        lacking: dict[str, list[SourceOutcome]] = {}
        for context in _candidates(own):
            lacking[context] = self._missing(build, BuildInputs(path, context))
            if not lacking[context]:
                return context
        best = min(lacking, key=lambda context: len(lacking[context]))
        first = lacking[best][0].read
        self._notes.add(
            "context-unknown",
            f"no directory from {own} up to the root holds all that is copied; {best} lacks {first.source}",
            Place(path, first.line),
        )
        return best

    def _missing(self, build: ResolvedBuild, inputs: BuildInputs) -> list[SourceOutcome]:
        """The sources that are not in the context, as far as files can tell."""
        report = self._builds.sources(self._directory, inputs, build)
        return [
            each
            for each in report.outcomes
            if each.failed and each.certain and each.read.origin.kind == "main"
        ]


def _candidates(directory: str) -> Iterator[str]:
    """``directory``, the root, and the directories between them, the nearest first."""
    yield directory
    if directory == ".":
        return
    yield "."
    while (directory := directory_of(directory)) != ".":
        yield directory


DOCKERFILES: Reader = DockerfileReader()
