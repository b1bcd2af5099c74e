"""Images that live in other repositories of the fleet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from shipway.errors import ConfigError
from shipway.fleet.builds import Builds
from shipway.fleet.discover.merge import Merged
from shipway.fleet.file import FleetFile, OtherRepository
from shipway.fleet.locate import find_fleet_file
from shipway.fleet.model import Declaration, Problem
from shipway.fleet.part import Part, read_part
from shipway.fleet.roots import below, prefix_of
from shipway.fleet.shapes import did_you_mean
from shipway.place import Place


def read_repository(
    other: OtherRepository, root: Path, checkouts: Mapping[str, Path], builds: Builds
) -> Part | Problem:
    """The images of another repository, every place relative to the fleet's own root.

    ``checkouts`` has the directories of repositories that come from Git; one that is not there is a Problem.
    Raises ConfigError as ``read_part`` does, and for a chosen image that the repository does not have.
    """
    directory = checkouts.get(other.name) if other.path is None else root / other.path
    if directory is None:
        return Problem(
            "repository-not-fetched",
            f"the repository {other.name} is not fetched from {other.git}",
            other.place,
        )
    if not directory.is_dir():
        where = other.path or directory
        return Problem("missing-repository", f"{other.name}: there is no directory {where}", other.place)
    prefix = prefix_of({"": str(root), other.name: str(directory)}, other.name)
    try:
        tree = builds.tree(str(directory))
        file = find_fleet_file(tree, other.config)
        part = read_part(tree, file, None, builds)
    except ConfigError as error:
        error.place = _below(prefix, error.place) if error.place else None
        raise
    return _relocated(_narrowed(part, other), file, other.name, prefix)


def _narrowed(part: Part, other: OtherRepository) -> Part:
    """The part with the images that were chosen from it, all unless some are named."""
    names = {image.name for image in part.images}
    for chosen in other.images:
        if chosen.value not in names:
            raise ConfigError(
                f"the repository `{other.name}` has no image `{chosen.value}`",
                place=chosen.place,
                help=did_you_mean(chosen.value, names),
            )
    wanted = {chosen.value for chosen in other.images} or names
    return replace(part, images=tuple(image for image in part.images if image.name in wanted))


def _relocated(part: Part, file: FleetFile | None, name: str, prefix: str) -> Part:
    problems = list(part.problems)
    if file is not None and file.repositories:
        message = f"{name}: the repositories that this fleet file names are not followed"
        problems.append(Problem("nested-repositories", message, file.repositories[0].place))
    return replace(
        part,
        images=tuple(_image_below(prefix, image) for image in part.images),
        problems=tuple(replace(problem, place=_below(prefix, problem.place)) for problem in problems),
        root=name,
    )


def _image_below(prefix: str, image: Merged) -> Merged:
    return Merged(image.name, tuple(_declaration_below(prefix, item) for item in image.declarations))


def _declaration_below(prefix: str, declaration: Declaration) -> Declaration:
    places = {key: _below(prefix, place) for key, place in declaration.places.items()}
    return replace(declaration, place=_below(prefix, declaration.place), places=places)


def _below(prefix: str, place: Place) -> Place:
    return replace(place, path=below(prefix, place.path))
