"""Let every place of a repository that names an image name another tag or digest of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from shipway.errors import ConfigError
from shipway.gitops.edits.change import apply
from shipway.gitops.edits.files import Edits, PlaceEdit, each_file, read_places
from shipway.gitops.edits.owners import Owners
from shipway.gitops.edits.places import ImagePlace
from shipway.gitops.edits.point import point
from shipway.place import Place
from shipway.values import Reference


@dataclass(frozen=True, slots=True)
class Target:
    """What places of an image shall name: its repository with tag and digest."""

    image: str
    reference: Reference


def retarget(files: Mapping[str, bytes], targets: Sequence[Target], owners: Owners) -> Edits:
    """The edits by which all places in ``files`` name ``targets``.

    A reference without tag and digest is left alone where another place of the same image has one: it is
    what Kustomize or a chart puts the tag to. Raises ConfigError or NotMet as ``point`` does.
    """
    versioned = {target.image for target in targets if _is_versioned_somewhere(files, target, owners)}
    plan = _Plan(targets, owners, frozenset(versioned))
    edits = each_file(sorted(files.items()), plan.edit)
    names = [target.reference.repository.encode() for target in targets]
    relevant = tuple(
        note for note in edits.notes if any(name in files[note.partition(" is left")[0]] for name in names)
    )
    return Edits(edits.files, edits.places, relevant)


def places_of_target(
    files: Mapping[str, bytes], target: Target, owners: Owners
) -> Iterator[tuple[str, ImagePlace]]:
    """Every place of the image in files that can be parsed."""
    for path, data in files.items():
        try:
            found = read_places(path, data)
        except ConfigError:
            continue
        yield from ((path, place) for place in found if _is_about(place, target, owners))


def _is_versioned_somewhere(files: Mapping[str, bytes], target: Target, owners: Owners) -> bool:
    return any(not _is_bare(place) for _, place in places_of_target(files, target, owners))


def _is_about(place: ImagePlace, target: Target, owners: Owners) -> bool:
    """By its name, else by the policy whose marker it has."""
    if place.name:
        return place.names(target.reference)
    return place.marker is not None and owners.owns(place.marker, target.reference)


def _is_bare(place: ImagePlace) -> bool:
    return place.whole is not None and place.whole.text == place.name


@dataclass(frozen=True, slots=True)
class _Plan:
    targets: Sequence[Target]
    owners: Owners
    versioned: frozenset[str]

    def edit(self, path: str, data: bytes) -> tuple[bytes, list[PlaceEdit], tuple[str, ...]]:
        found = read_places(path, data)
        chosen = [(index, target) for index, place in enumerate(found) if (target := self._target(place))]
        after = apply(
            data, [change for at, target in chosen for change in point(data, found[at], target.reference)]
        )
        now = read_places(path, after) if after != data else found
        if len(now) != len(found):
            raise ConfigError("the edit would change what the file says", place=Place(path))
        return after, [_told(found[at], now[at], target) for at, target in chosen], ()

    def _target(self, place: ImagePlace) -> Target | None:
        for target in self.targets:
            if _is_about(place, target, self.owners):
                return None if _is_bare(place) and target.image in self.versioned else target
        return None


def _told(place: ImagePlace, now: ImagePlace, target: Target) -> PlaceEdit:
    return PlaceEdit(
        place.path, place.line, place.field, place.object, target.image, written(place), written(now)
    )


def written(place: ImagePlace) -> str:
    """What stands at a place, as one text."""
    if place.whole is not None:
        return place.whole.text
    tag = f":{place.tag.text}" if place.tag is not None and place.tag.text else ""
    digest = f"@{place.digest.text}" if place.digest is not None and place.digest.text else ""
    return f"{place.name}{tag}{digest}"
