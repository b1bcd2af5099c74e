"""What every image builds on: the references of its Dockerfile, matched with the images of the fleet."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from shipway.dockerfile.resolve import LINUX_AMD64
from shipway.dockerfile.resolved import BaseInput, ResolvedBuild
from shipway.errors import ShipwayError
from shipway.fleet.builds import Builds
from shipway.fleet.discover.paths import is_remote
from shipway.fleet.matching import Matched, Matcher
from shipway.fleet.model import BuildInputs, Fleet, Image, Problem
from shipway.fleet.roots import below, prefix_of
from shipway.place import Place


def link(fleet: Fleet, builds: Builds) -> Fleet:
    """The fleet with ``bases`` filled in, and what the Dockerfiles have against being built as problems.

    An image whose Dockerfile cannot be read gets no bases. Reads the files below ``fleet.roots``.
    """
    shelf = _Shelf(fleet, builds)
    found = {image.name: shelf.builds(image) for image in fleet.images}
    inputs = {image.name: _distinct(found[image.name]) or _linked(image) for image in fleet.images}
    matcher = Matcher(fleet, inputs)
    matched = {
        image.name: [matcher.base(image, each) for each in inputs[image.name]] for image in fleet.images
    }
    images = tuple(
        replace(image, bases=tuple(each.base for each in matched[image.name])) for image in fleet.images
    )
    problems = [*fleet.problems, *shelf.problems]
    for image in images:
        path = shelf.path(image)
        problems += _build_problems(path, found[image.name])
        problems += _assumptions(path, matched[image.name])
    return replace(fleet, images=images, problems=tuple(dict.fromkeys(problems)))


def _linked(image: Image) -> tuple[BaseInput, ...]:
    """The named contexts of an image whose Dockerfile is elsewhere: that it has them is all that is known."""
    if not is_remote(image.inputs.context):
        return ()
    line = image.declarations[0].place_of("contexts").line
    found = image.inputs.contexts.items()
    return tuple(BaseInput(value, "context", line, 0, None, name) for name, value in found if ":" in value)


def _build_problems(path: str, builds: Iterable[ResolvedBuild]) -> Iterator[Problem]:
    for build in builds:
        for problem in build.problems:
            yield Problem(problem.reason, problem.message, replace(problem.place, path=path))


def _assumptions(path: str, matched: Iterable[Matched]) -> Iterator[Problem]:
    for each in matched:
        if each.assumed:
            base = each.base
            message = (
                f"{base.reference} is taken for the image {base.image}: no file tells where that one goes"
            )
            yield Problem("assumed-base", message, Place(path, base.line))


class _Shelf:
    """The builds of a fleet's images, and what keeps them from being read."""

    def __init__(self, fleet: Fleet, builds: Builds) -> None:
        self._roots = fleet.roots
        self._builds = builds
        self._prefixes = {name: prefix_of(fleet.roots, name) for name in fleet.roots}
        self.problems: list[Problem] = []

    def path(self, image: Image) -> str:
        """The path of the Dockerfile relative to the fleet's own root."""
        return below(self._prefixes[image.root], image.inputs.dockerfile)

    def builds(self, image: Image) -> tuple[ResolvedBuild, ...]:
        """One build per platform; none where the Dockerfile is not here."""
        inputs, directory = image.inputs, self._roots[image.root]
        if inputs.inline is None and not self._is_here(directory, inputs):
            return ()
        args = {name: value for name, value in inputs.args.items() if value is not None}
        platforms = inputs.platforms or (LINUX_AMD64,)
        try:
            return tuple(self._builds.build(directory, inputs, platform, args) for platform in platforms)
        except ShipwayError as error:
            self.problems.append(Problem("unreadable-file", error.message, Place(self.path(image))))
            return ()

    def _is_here(self, directory: str, inputs: BuildInputs) -> bool:
        return not is_remote(inputs.context) and self._builds.tree(directory).is_file(inputs.dockerfile)


def _distinct(builds: Iterable[ResolvedBuild]) -> tuple[BaseInput, ...]:
    """The bases of all platforms, each once, in the order of the file."""
    found: dict[tuple[str, str, int], BaseInput] = {}
    for build in builds:
        for base in build.bases:
            found.setdefault((base.reference, base.via, base.line), base)
    return tuple(sorted(found.values(), key=lambda base: base.line))
