"""The bases of every build as declared, each once a Dockerfile, with the image of the fleet that it is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase

from shipway.checks.facts import DeclaredBuild, Facts
from shipway.dockerfile.reach import SCRATCH
from shipway.dockerfile.resolved import BaseInput
from shipway.fleet.matching import parsed_reference
from shipway.fleet.model import Image
from shipway.place import Place
from shipway.values import Reference


@dataclass(frozen=True, slots=True)
class UsedBase:
    """An image that a build needs from outside its Dockerfile.

    ``image`` is the image of the fleet that it is, None for an external one. ``literal``: the Dockerfile
    says the very reference, without variables. ``place`` and ``end`` are where it stands.
    """

    build: DeclaredBuild
    input: BaseInput
    reference: Reference
    image: Image | None
    place: Place
    end: Place | None
    literal: bool


def used_bases(facts: Facts) -> Iterator[UsedBase]:
    """Every base of every build but ``scratch``, in the order of the declarations; those that platforms or
    declarations share come once an image."""
    seen: set[tuple[object, ...]] = set()
    for build in facts.declared:
        for each in build.build.bases:
            reference = parsed_reference(each.reference)
            key = (build.image.name, build.path, each.line, each.via, each.reference)
            if each.reference == SCRATCH or reference is None or key in seen:
                continue
            seen.add(key)
            yield _used(facts, build, each, reference)


def _used(facts: Facts, build: DeclaredBuild, base: BaseInput, reference: Reference) -> UsedBase:
    span = base.span
    place = facts.place(build, base.line, span.column if span else 0)
    if span:
        place = facts.place(build, span.line, span.column)
    end = facts.place(build, span.line, span.column + span.end - span.start) if span else None
    text = build.build.dockerfile.text[span.start : span.end] if span else ""
    image = facts.fleet.image(name) if (name := _image_of(build.image, reference)) else None
    return UsedBase(build, base, reference, image, place, end, text == base.reference)


def _image_of(image: Image, reference: Reference) -> str | None:
    """The image of the fleet that the graph takes the reference for."""
    text = str(reference)
    return next((each.image for each in image.bases if each.image and each.reference == text), None)


def is_listed(name: str, patterns: Iterable[str]) -> bool:
    """Whether ``registry/repository`` is named by one of ``patterns``: in full, by a registry or path above
    it, or with ``*`` for any text."""
    return any(fnmatchcase(name, each) or fnmatchcase(name, f"{each.rstrip('/')}/*") for each in patterns)
