"""From a directory to its fleet: the fleet file, what other files declare, and other repositories."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath
from types import MappingProxyType

from shipway.errors import ConfigError
from shipway.fleet.bases import link
from shipway.fleet.builds import Builds
from shipway.fleet.discover.naming import free_name
from shipway.fleet.file import FleetFile, OtherRepository
from shipway.fleet.locate import FLEET_FILES, find_fleet_file, read_file, relative_to_root
from shipway.fleet.model import BasePolicy, CheckSettings, Fleet, Image, Problem, Signing
from shipway.fleet.part import Part, read_part
from shipway.fleet.repositories import read_repository
from shipway.fleet.settings.image import ENGINE, REGISTRY_KEY
from shipway.fleet.settings.section import Section
from shipway.fleet.settings.signing import COSIGN_TAGS, KEY, PRIVATE_KEY, SIGNING
from shipway.fleet.settings.sources import ATOMIC
from shipway.fleet.settle import EnvFiles, Layer, settle
from shipway.fleet.shapes import Located, did_you_mean
from shipway.fleet.tree import FileTree
from shipway.place import Place

NO_CHECKOUTS: Mapping[str, Path] = MappingProxyType({})


def load_fleet(
    root: Path,
    *,
    config: str | None = None,
    sources: Sequence[str] = (),
    checkouts: Mapping[str, Path] = NO_CHECKOUTS,
    builds: Builds | None = None,
) -> Fleet:
    """The fleet of the repository at ``root``, its images with their bases.

    ``config`` is the fleet file, by default the ``shipway.yaml``, ``.yml`` or ``.json`` of the root if there.
    ``sources`` limits discovery to these files, and then no fleet file is read unless it is one of them.
    Both are relative to ``root``. ``checkouts`` maps the repositories that the fleet file takes from Git
    to directories that hold them (see ``repositories_of``); one that is not there is a Problem.
    Raises ConfigError for a file that is missing or of no known kind, and a fleet file that is not valid.
    """
    builds = builds or Builds()
    tree = builds.tree(str(root))
    if not sources:
        file = find_fleet_file(tree, config)
        return _assemble(
            read_part(tree, file, None, builds), file.repositories if file else (), checkouts, builds
        )
    chosen = [relative_to_root(source, tree) for source in sources]
    own = next((path for path in chosen if PurePosixPath(path).name in FLEET_FILES), None)
    limit = [Located(path, Place(path)) for path in chosen if path != own]
    own_file = read_file(tree, own) if own else None
    return _assemble(read_part(tree, own_file, limit, builds), (), checkouts, builds)


def discover_fleet(root: Path, sources: Sequence[str] = ()) -> Fleet:
    """The fleet as files other than the fleet file tell it: all of them, or ``sources`` alone.

    Raises ConfigError for a source that is missing or of no known kind.
    """
    builds = Builds()
    tree = builds.tree(str(root))
    limit = [Located(path, Place(path)) for path in (relative_to_root(source, tree) for source in sources)]
    return _assemble(read_part(tree, None, limit or None, builds), (), NO_CHECKOUTS, builds)


def repositories_of(root: Path, config: str | None = None) -> tuple[OtherRepository, ...]:
    """The other repositories that the fleet file names, so that a caller can fetch those of Git."""
    file = find_fleet_file(FileTree(root), config)
    return file.repositories if file else ()


def _assemble(
    own: Part, others: Sequence[OtherRepository], checkouts: Mapping[str, Path], builds: Builds
) -> Fleet:
    parts, problems = [own], list(own.problems)
    for other in others:
        part = read_repository(other, own.tree.root, checkouts, builds)
        if isinstance(part, Problem):
            problems.append(part)
        else:
            parts.append(part)
            problems.extend(part.problems)
    env_files = EnvFiles()
    images = tuple(_settled(parts, env_files))
    if own.file is not None:
        _check_members(own.file, images)
    problems += [*env_files.problems, *_same_destination(images)]
    registry = own.file.shared.get(REGISTRY_KEY) if own.file else None
    source = own.file.path if own.file else None
    roots = MappingProxyType({part.root: str(part.tree.root) for part in parts})
    registries = own.file.registries if own.file else {}
    bases = own.file.bases if own.file else BasePolicy()
    checks = own.file.checks if own.file else CheckSettings()
    fleet = Fleet(images, tuple(problems), roots, registry, source, registries, bases, checks, _engine(own))
    builders = own.file.builders if own.file else ()
    gitops = own.file.gitops if own.file else ()
    own_settings = replace(
        fleet, atomic=_atomic(own), builders=builders, signing=_signing(own), gitops=gitops
    )
    return link(own_settings, builds)


def _engine(own: Part) -> str | None:
    """The engine that the fleet file names for all images."""
    named = own.file.shared.get(ENGINE) if own.file else None
    return None if named in ("auto", "assemble") else named


def _signing(own: Part) -> Signing:
    """What the fleet file says about signatures."""
    section = own.file.shared.get(SIGNING) if own.file else None
    if section is None:
        return Signing()
    return Signing(section.get(KEY), section.get(PRIVATE_KEY), section.get(COSIGN_TAGS) is not False)


def _atomic(own: Part) -> frozenset[str]:
    """The groups whose tags move together."""
    groups = own.file.groups if own.file else {}
    return frozenset(name for name, section in groups.items() if section.get(ATOMIC))


def _settled(parts: Sequence[Part], env_files: EnvFiles) -> Iterator[Image]:
    """The images of all parts, with names of their own and the settings of every fleet file over them."""
    names: set[str] = set()
    own = parts[0]
    for part in parts:
        for found in part.images:
            name = found.name if found.name not in names else free_name(f"{part.root}-{found.name}", names)
            names.add(name)
            group, layers = _layers(part, found.name)
            if part is not own:
                outer_group, outer = _layers(own, name)
                group, layers = outer_group or group, (*outer[:-1], *layers, *outer[-1:])
            yield replace(settle(replace(found, name=name), layers, env_files), root=part.root, group=group)


def _layers(part: Part, name: str) -> tuple[str | None, tuple[Layer, ...]]:
    """The group of an image, and the sections of its fleet file that concern it, the nearest one first."""
    file = part.file
    if file is None:
        return None, ()
    membership = file.membership.get(name)
    group = membership.value if membership else None
    sections: list[Section | None] = [(file.images or {}).get(name), file.groups[group] if group else None]
    found = (*filter(None, sections), file.shared)
    return group, tuple(Layer(section, part.tree, file.directory) for section in found)


def _check_members(file: FleetFile, images: Iterable[Image]) -> None:
    names = {image.name for image in images}
    for name, group in file.membership.items():
        if name not in names:
            raise ConfigError(
                f"the group `{group.value}` names an image `{name}` that is not in the fleet",
                place=group.place,
                help=did_you_mean(name, names),
            )


def _same_destination(images: Iterable[Image]) -> Iterator[Problem]:
    """A problem for each image that would overwrite what another one delivers."""
    users: dict[tuple[str, str | None], list[Image]] = defaultdict(list)
    for image in images:
        if image.repository is not None:
            users[image.repository, image.tag].append(image)
    for (repository, tag), alike in users.items():
        where = repository if tag is None else f"{repository}:{tag}"
        for image in alike[1:]:
            first, place = alike[0], image.declarations[0].place
            yield Problem(
                "same-destination",
                f"{image.name} ({place}) and {first.name} ({first.declarations[0].place}) are both {where}",
                place,
            )
