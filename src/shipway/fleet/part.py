"""The images of one repository: what its fleet file lists and what its other files declare."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from shipway.errors import ConfigError
from shipway.fleet.builds import Builds
from shipway.fleet.discover.dockerfiles import DOCKERFILES, read_dockerfiles
from shipway.fleet.discover.merge import Merged, disagreements, merge
from shipway.fleet.discover.paths import is_remote, missing_paths
from shipway.fleet.discover.reader import Reader
from shipway.fleet.discover.table import READERS, reader_of
from shipway.fleet.file import FleetFile, declare, has_inputs
from shipway.fleet.model import BuildInputs, Declaration, Problem, Reading
from shipway.fleet.shapes import Located, did_you_mean
from shipway.fleet.tree import FileTree

_ONCE = frozenset({"missing-dockerfile", "missing-context"})


@dataclass(frozen=True, slots=True)
class Part:
    """The images of one repository before settings are applied; ``root`` is its name in the fleet."""

    tree: FileTree
    file: FleetFile | None
    images: tuple[Merged, ...]
    problems: tuple[Problem, ...]
    root: str = ""


def read_part(
    tree: FileTree, file: FleetFile | None, limit: Sequence[Located[str]] | None, builds: Builds
) -> Part:
    """The images of the repository, and every problem met.

    ``limit`` are the files to look into, None for what the fleet file says. Raises ConfigError for a file
    of ``limit`` that is missing or of no known kind, and for an image that nothing tells how to build.
    """
    reading = _discover(tree, _limited(file) if limit is None else limit, builds, bare=not _is_complete(file))
    declared = [] if file is None else _declared(file, reading, tree)
    images = merge([*declared, *reading.declarations], tree.is_file)
    problems = list(reading.problems)
    if file is not None and file.images is not None:
        images = tuple(
            replace(image, name=image.first.name) for image in images if image.first.kind == "shipway"
        )
        problems = _relevant(problems, images)
        problems += [problem for one in declared for problem in _missing(one, tree)]
    problems += [problem for image in images for problem in disagreements(image)]
    return Part(tree, file, images, tuple(_distinct(problems)))


def _limited(file: FleetFile | None) -> Sequence[Located[str]] | None:
    """The files to look into, None for all."""
    if file is None or file.discover is True:
        return None
    return () if file.discover is False else file.discover


def _is_complete(file: FleetFile | None) -> bool:
    """Whether the fleet file lists its images and what to build for each: a bare Dockerfile adds nothing."""
    return file is not None and file.images is not None and all(map(has_inputs, file.images.values()))


def _discover(tree: FileTree, limit: Sequence[Located[str]] | None, builds: Builds, *, bare: bool) -> Reading:
    """What the files declare; with ``bare`` also the Dockerfiles that none of them builds."""
    declarations: list[Declaration] = []
    problems: list[Problem] = []
    for reader, files in _assigned(tree, limit):
        if reader is DOCKERFILES:
            reading = read_dockerfiles(_unbuilt(files, declarations) if bare else [], tree, builds)
        else:
            reading = reader.read(files, tree)
        declarations.extend(reading.declarations)
        problems.extend(reading.problems)
    return Reading(tuple(declarations), tuple(problems))


def _unbuilt(files: Iterable[str], declarations: Iterable[Declaration]) -> list[str]:
    built = {each.inputs.dockerfile for each in declarations if not is_remote(each.inputs.context)}
    return [path for path in files if path not in built]


def _assigned(tree: FileTree, limit: Sequence[Located[str]] | None) -> Iterator[tuple[Reader, list[str]]]:
    """The readers in the order of the table, and the files each one is to read."""
    if limit is None:
        yield from ((reader, reader.finds(tree)) for reader in READERS)
        return
    chosen: dict[int, list[str]] = defaultdict(list)
    for item in limit:
        if not tree.is_file(item.value):
            raise ConfigError(f"there is no file {item.value}", place=item.place)
        chosen[READERS.index(reader_of(item.value, item.place))].append(item.value)
    yield from ((READERS[index], files) for index, files in sorted(chosen.items()))


def _declared(file: FleetFile, reading: Reading, tree: FileTree) -> list[Declaration]:
    """The images that the fleet file lists; those without inputs refine a discovered one."""
    images = file.images or {}
    known: dict[str, BuildInputs] = {}
    if not all(has_inputs(section) for section in images.values()):
        known = {image.name: image.first.inputs for image in merge(reading.declarations, tree.is_file)}
    for name, section in images.items():
        if not has_inputs(section) and name not in known:
            raise ConfigError(
                f"nothing tells what to build for the image `{name}`",
                place=section.place,
                cause="it has neither `context` nor `dockerfile`, and no other file declares it",
                help=did_you_mean(name, known, "write context: and its directory"),
            )
    return [
        declare(name, section, file.directory, None if has_inputs(section) else known[name])
        for name, section in images.items()
    ]


def _missing(declaration: Declaration, tree: FileTree) -> Iterator[Problem]:
    context, dockerfile = declaration.place_of("context"), declaration.place_of("dockerfile")
    return missing_paths(declaration.inputs, tree, context, dockerfile)


def _relevant(problems: Iterable[Problem], images: Iterable[Merged]) -> list[Problem]:
    """Problems of the files that declare the images; other files do not concern a fleet with a list."""
    files = {declaration.place.path for image in images for declaration in image.declarations}
    return [problem for problem in problems if problem.place.path in files]


def _distinct(problems: Iterable[Problem]) -> list[Problem]:
    """Each problem once; what is missing once, however many declarations name it."""
    seen: dict[object, Problem] = {}
    for problem in problems:
        seen.setdefault((problem.kind, problem.message) if problem.kind in _ONCE else problem, problem)
    return list(seen.values())
