"""The bases of every build as declared, each once a Dockerfile, with the image of the fleet that it is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase

from shipway.checks.facts import DeclaredBuild, Facts
from shipway.dockerfile.reach import SCRATCH
from shipway.dockerfile.resolved import BaseInput, ResolveProblem
from shipway.fleet.matching import parsed_reference
from shipway.fleet.model import Image
from shipway.place import Place
from shipway.values import Reference


@dataclass(frozen=True, slots=True)
class UsedBase:
    """An image that builds need from outside their Dockerfile.

    ``build`` is the first build that needs it, ``users`` the images that do. ``image`` is the image of the
    fleet that it is, None for an external one. ``literal``: the Dockerfile says the very reference, without
    variables. ``place`` and ``end`` are where it stands.
    """

    build: DeclaredBuild
    users: tuple[str, ...]
    input: BaseInput
    reference: Reference
    image: Image | None
    place: Place
    end: Place | None
    literal: bool

    @property
    def user(self) -> str | None:
        """The only image that needs it; None when several do."""
        return self.users[0] if len(self.users) == 1 else None


def used_bases(facts: Facts) -> Iterator[UsedBase]:
    """Every base of every build but ``scratch``, in the order of the declarations; each place once for each
    reference that stands there in some build."""
    found: dict[tuple[object, ...], list[tuple[DeclaredBuild, BaseInput]]] = {}
    for build in facts.declared:
        for each in build.build.bases:
            if each.reference != SCRATCH:
                key = (build.path, build.inputs.inline, each.line, each.via, each.reference)
                found.setdefault(key, []).append((build, each))
    for uses in found.values():
        reference = parsed_reference(uses[0][1].reference)
        if reference is not None:
            users = tuple(dict.fromkeys(build.image.name for build, _ in uses))
            yield _used(facts, *uses[0], users, reference)


def _used(
    facts: Facts, build: DeclaredBuild, base: BaseInput, users: tuple[str, ...], reference: Reference
) -> UsedBase:
    span = base.span
    place = facts.place(build, base.line)
    end = None
    if span is not None and base.context is None:
        place = facts.place(build, span.line, span.column)
        end = facts.place(build, span.line, span.column + span.end - span.start)
    text = build.build.dockerfile.text[span.start : span.end] if span else ""
    image = facts.fleet.image(name) if (name := _image_of(build.image, reference)) else None
    return UsedBase(build, users, base, reference, image, place, end, text == base.reference)


def _image_of(image: Image, reference: Reference) -> str | None:
    """The image of the fleet that the graph takes the reference for."""
    text = str(reference)
    return next((each.image for each in image.bases if each.image and each.reference == text), None)


def is_listed(name: str, patterns: Iterable[str]) -> bool:
    """Whether ``registry/repository`` is named by one of ``patterns``: in full, by a registry or path above
    it, or with ``*`` for any text."""
    return any(fnmatchcase(name, each) or fnmatchcase(name, f"{each.rstrip('/')}/*") for each in patterns)


def is_malformed(text: str) -> bool:
    """Whether a literal text where a reference belongs is none."""
    return bool(text) and "$" not in text and parsed_reference(text) is None


def concerns_reference(problem: ResolveProblem) -> bool:
    """Whether what keeps a build from starting is a reference: SW209 and SW211 tell those."""
    if problem.reason == "bad-base":
        return bool(problem.source)
    return problem.reason == "bad-stage" and is_malformed(problem.source)
