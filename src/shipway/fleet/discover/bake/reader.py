"""The reader of bake files: which files belong together, and from where their paths count."""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Literal

from shipway.errors import ConfigError, ShipwayError
from shipway.fleet.discover.bake.declarations import Rooted, declare, is_remote, lacks_dockerfile, location
from shipway.fleet.discover.bake.hcljson import BLOCK_KINDS, parse_json_body
from shipway.fleet.discover.bake.parser import parse_body
from shipway.fleet.discover.bake.syntax import Body
from shipway.fleet.discover.bake.targets import Targets
from shipway.fleet.discover.reader import Reader
from shipway.fleet.model import Declaration, Problem, Reading
from shipway.fleet.tree import FileTree, directory_of, join
from shipway.place import Place

# buildx reads these together and in this order, after the Compose files.
_TOGETHER = ("docker-bake.json", "docker-bake.hcl", "docker-bake.override.json", "docker-bake.override.hcl")
_COMPOSE = ("compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml")
_NAMED = re.compile(r"[^/]*bake[^/]*\.(?:hcl|json)\Z", re.IGNORECASE)
_BLOCK = re.compile(r'^[ \t]*"?(?:target|group)"?[ \t]*["{]', re.MULTILINE)
_FOREIGN = frozenset({"vendor", "third_party"})


class BakeReader:
    """Reads ``docker-bake.hcl``, ``docker-bake.json``, their overrides, and files called like them.

    Values come from the files alone, never from an environment. A variable without a default is
    meant to be given when the build runs: what is built from it is left out and is a Problem.

    Contexts count from the directory in which bake runs, which no file tells: it is the one from the
    file's own directory up to the root in which the most Dockerfiles exist, the nearest of several.
    """

    kind: Literal["bake"] = "bake"

    def finds(self, tree: FileTree) -> list[str]:
        """Every bake file; those in directories of foreign code (``vendor``) are left alone, and so are
        files that only have ``bake`` in their name."""
        candidates = [
            path for path in tree.mentioning("bake") if self.accepts(path) and not _is_foreign(path)
        ]
        return [path for path in candidates if posixpath.basename(path) in _TOGETHER or _is_bake(path, tree)]

    def accepts(self, path: str) -> bool:
        """Whether a path is called like a bake file."""
        return _NAMED.match(posixpath.basename(path)) is not None

    def read(self, paths: Sequence[str], tree: FileTree) -> Reading:
        """The images that the files declare. Files that bake reads together are merged."""
        declarations: list[Declaration] = []
        problems: list[Problem] = []
        for together in _sets(paths):
            reading = read_together(together, tree)
            declarations += reading.declarations
            problems += reading.problems
        return Reading(tuple(declarations), tuple(dict.fromkeys(problems)))


BAKE: Reader = BakeReader()


def _is_foreign(path: str) -> bool:
    return not _FOREIGN.isdisjoint(path.split("/")[:-1])


def _is_bake(path: str, tree: FileTree) -> bool:
    try:
        text = tree.read_text(path)
    except ShipwayError:
        return False
    if not path.endswith(".json"):
        return _BLOCK.search(text) is not None
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        return False
    return isinstance(content, dict) and any(isinstance(content.get(kind), dict) for kind in BLOCK_KINDS)


def _sets(paths: Sequence[str]) -> list[list[str]]:
    """The files that are read together: the default names of one directory; any other file alone."""
    sets: dict[str, list[str]] = {}
    for path in paths:
        together = posixpath.basename(path) in _TOGETHER
        sets.setdefault(directory_of(path) if together else f"{path}/", []).append(path)
    return [sorted(found, key=_rank) for found in sets.values()]


def _rank(path: str) -> int:
    name = posixpath.basename(path)
    return _TOGETHER.index(name) if name in _TOGETHER else 0


def read_together(paths: Sequence[str], tree: FileTree, directory: str | None = None) -> Reading:
    """The images of files that are merged in this order, as ``buildx bake -f … -f …`` does.

    ``directory`` is where bake runs, relative to the root; without it, it is found as BakeReader does.
    """
    try:
        return _read_together(paths, tree, directory)
    except RecursionError:
        nested = Problem("unreadable-file", "the file is nested too deeply", Place(paths[0]))
        return Reading(problems=(nested,))


def _read_together(paths: Sequence[str], tree: FileTree, directory: str | None) -> Reading:
    bodies: list[Body] = []
    problems: list[Problem] = []
    for path in paths:
        try:
            bodies.append(_parse(path, tree))
        except ShipwayError as error:
            problems.append(Problem("unreadable-file", error.message, error.place or Place(path)))
    targets = Targets(bodies)
    problems += targets.problems
    complete = not problems and not _reads_compose(paths[0], tree)
    names = targets.images()
    if directory is None:
        directory = _working_directory(directory_of(paths[0]), targets, names, tree)
    rooted = Rooted(directory)
    declarations: list[Declaration] = []
    for name in names:
        declared = declare(name, targets.place(name), targets.resolved(name), rooted)
        problems += declared.problems
        if declared.declaration is not None:
            declarations.append(declared.declaration)
            problems += _missing_dockerfile(name, targets, rooted, tree)
    if complete:
        problems += _unknown_names(names, targets)
    return Reading(tuple(declarations), tuple(problems))


def _parse(path: str, tree: FileTree) -> Body:
    text = tree.read_text(path)
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise ConfigError("the file is not UTF-8 text", place=Place(path), help="save it as UTF-8")
    return parse_json_body(text, path) if path.endswith(".json") else parse_body(text, path)


def _working_directory(directory: str, targets: Targets, names: Iterable[str], tree: FileTree) -> str:
    candidates = [directory]
    while candidates[-1] != ".":
        candidates.append(directory_of(candidates[-1]))
    settings = [targets.resolved(name) for name in names]

    def missing(candidate: str) -> int:
        return sum(lacks_dockerfile(one, Rooted(candidate), tree) for one in settings)

    return min(candidates, key=missing)


def _missing_dockerfile(name: str, targets: Targets, rooted: Rooted, tree: FileTree) -> Iterator[Problem]:
    settings = targets.resolved(name)
    if lacks_dockerfile(settings, rooted, tree):
        context, dockerfile = location(settings, rooted)
        place = settings.places.get("dockerfile", settings.places.get("context", targets.place(name)))
        message = f"the target {name} builds from {dockerfile}, which does not exist"
        if not is_remote(context) and not tree.is_dir(context):
            message += f"; neither does its context {context}"
        yield Problem("missing-dockerfile", message, place)


def _reads_compose(path: str, tree: FileTree) -> bool:
    """Whether bake also reads a Compose file there, whose services are targets too."""
    directory = directory_of(path)
    return posixpath.basename(path) in _TOGETHER and any(tree.is_file(join(directory, n)) for n in _COMPOSE)


def _unknown_names(names: Iterable[str], targets: Targets) -> Iterator[Problem]:
    """Groups, parents and links that name no target of the files."""
    known = set(targets.names)
    for label, group in targets.groups.items():
        for member in targets.members(label):
            if member not in known:
                yield _unknown(f"the group {label}", member, group.place)
    for name in names:
        settings = targets.resolved(name)
        for parent in targets.own(name).list("inherits"):
            if parent not in known:
                yield _unknown(f"the target {name}", parent, settings.places["inherits"])
        for link in targets.links(name):
            if link not in known:
                yield _unknown(f"the target {name}", link, settings.places["contexts"])


def _unknown(who: str, name: str, place: Place) -> Problem:
    return Problem("unknown-target", f"{who} refers to {name}, which none of the files defines", place)
