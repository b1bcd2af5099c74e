"""The plan: for every image whether it is built, why, in which wave, and as which reference."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

import msgspec

from shipway.fleet.model import Fleet, Image
from shipway.fleet.settings.image import DEFAULT_TAG
from shipway.planning.destination import destination
from shipway.planning.inputs import Inputs, changes
from shipway.planning.tags import SCHEME_OUTSIDE_GIT, TagFacts, TagScheme
from shipway.values import Digest, Platform, Reference

Action = Literal["build", "reuse"]
SCHEMA = "shipway.plan/1"
FORCED = ("forced",)
"""Why an image is built that would stand as delivered."""


class Step(msgspec.Struct, frozen=True):
    """One image in the plan.

    ``reference`` is where it will be, or for ``reuse`` the delivered one with its digest. ``tags`` are the
    tags that name it at the end, the first one first. ``needs`` are the images of the fleet it builds on.
    ``digest`` is the delivered digest that stands for it, for ``reuse``. ``engine`` is what builds it:
    ``assemble``, an engine by name, or ``auto`` for the one that is found; ``engine_because`` tells why it is
    not assembled. ``stand_in`` marks an image that runs in place of a service without code.
    """

    image: str
    action: Action
    why: tuple[str, ...]
    reference: str
    fingerprint: str
    tags: tuple[str, ...] = ()
    platforms: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    digest: str | None = None
    engine: str | None = None
    engine_because: str | None = None
    stand_in: bool = False

    @property
    def repository(self) -> Reference:
        """The repository it is delivered to."""
        return Reference.parse(self.reference).without_version()


class Blocker(msgspec.Struct, frozen=True):
    """Something that would fail the build for sure, seen before it; ``image`` is None for the whole fleet."""

    image: str | None
    message: str
    path: str
    line: int
    cause: str | None = None
    help: str | None = None


class Origin(msgspec.Struct, frozen=True):
    """An image outside of the fleet, asked of its registry: ``digest`` is what ``reference`` names now,
    ``moved`` are the images whose last delivery was built on another one."""

    reference: str
    digest: str
    moved: tuple[str, ...] = ()


class Plan(msgspec.Struct, frozen=True):
    """What ``ship`` executes. Steps of one wave do not depend on each other. ``origins`` are the images
    outside of the fleet that were asked for."""

    waves: tuple[tuple[Step, ...], ...]
    blockers: tuple[Blocker, ...] = ()
    notes: tuple[str, ...] = ()
    origins: tuple[Origin, ...] = ()
    schema: str = SCHEMA

    @property
    def steps(self) -> tuple[Step, ...]:
        return tuple(step for wave in self.waves for step in wave)


@dataclass(frozen=True, slots=True)
class Delivered:
    """What the ledger and the registry know of an image.

    ``fingerprint`` and ``inputs`` are those of its last delivery; ``standing`` is the digest delivered for
    exactly today's inputs that the registry still holds, with the reference it was delivered as.
    ``lost`` tells that such a delivery was made, but the registry no longer holds it; ``found`` that the
    ledger knows nothing of it, and the registry told of it.
    """

    fingerprint: str | None = None
    inputs: Inputs | None = None
    standing: Digest | None = None
    reference: str | None = None
    lost: bool = False
    found: bool = False


NEVER = Delivered()


@dataclass(frozen=True, slots=True)
class Choices:
    """What the user asked for: every image or ``selection``, the tag and registry that override the
    fleet's, and the images (or all, as ``*``) built even when nothing changed.

    ``engine`` is what shall build, ``auto`` to leave it to the fleet file and to what each image needs.
    ``since`` is a revision: only images that changed after it, and what builds on them. ``refresh_bases``
    has the images outside of the fleet looked up again. ``lookup`` has registries asked for deliveries that
    the ledger does not know. With ``only`` nothing but ``selection`` may be built; ``bases`` are digests by
    image that somebody handed on: what is built stands on exactly these.
    """

    selection: frozenset[str] = frozenset()
    force: frozenset[str] = frozenset()
    tag: str | None = None
    registry: str | None = None
    since: str | None = None
    refresh_bases: bool = False
    lookup: bool = True
    engine: str = "auto"
    only: bool = False
    bases: Mapping[str, str] = field(default_factory=dict)


def make_plan(
    fleet: Fleet,
    waves: Iterable[Iterable[str]],
    inputs: Mapping[str, Inputs],
    delivered: Mapping[str, Delivered],
    facts: TagFacts,
    choices: Choices,
) -> Plan:
    """Decide every step. ``waves`` are the names wanted and the bases they need, in build order."""
    images = {image.name: image for image in fleet.images}
    return Plan(
        tuple(
            tuple(
                _step(images[name], inputs[name], delivered.get(name, NEVER), facts, choices) for name in wave
            )
            for wave in waves
        )
    )


def _step(image: Image, inputs: Inputs, known: Delivered, facts: TagFacts, choices: Choices) -> Step:
    repository = destination(image, choices.registry)
    scheme = scheme_of(image, facts, choices)
    why = _why(image.name, inputs, known, choices.force)
    needs = tuple(dict.fromkeys(base.image for base in image.bases if base.image))
    platforms = tuple(str(platform) for platform in image.inputs.platforms)
    if why or known.standing is None or known.reference is None:
        tags = (scheme.render(facts, image.version), *secondary_tags(image, facts))
        reference = str(repository.with_tag(tags[0]))
        return Step(image.name, "build", why, reference, inputs.fingerprint, tags, platforms, needs)
    first, tags = standing_tags(image, facts, choices, known.reference)
    return Step(
        image.name,
        "reuse",
        ("the registry has it with this fingerprint",)
        if known.found
        else ("unchanged since it was delivered",),
        f"{repository.with_tag(first) if first else repository}@{known.standing}",
        inputs.fingerprint,
        tags,
        platforms,
        needs,
        str(known.standing),
    )


def _why(name: str, inputs: Inputs, known: Delivered, force: frozenset[str]) -> tuple[str, ...]:
    """Why the image is built; empty when its delivered digest stands for it."""
    if force & {name, "*"}:
        return FORCED
    if known.standing is not None:
        return ()
    if known.lost:
        return ("the registry no longer has the delivered image",)
    if known.fingerprint is None:
        return ("never delivered",)
    return changes(known.inputs, inputs)


def standing_tags(
    image: Image, facts: TagFacts, choices: Choices, reference: str
) -> tuple[str | None, tuple[str, ...]]:
    """The first tag and all tags of an image that stands as it was delivered, as ``reference``."""
    scheme = scheme_of(image, facts, choices)
    first = scheme.render(facts, image.version) if scheme.is_stable else Reference.parse(reference).tag
    return first, (*((first,) if first else ()), *secondary_tags(image, facts))


def scheme_of(image: Image, facts: TagFacts, choices: Choices) -> TagScheme:
    """What the first tag of an image is made from. Raises ConfigError."""
    return TagScheme.parse(choices.tag or image.tag or _default_scheme(facts))


def secondary_tags(image: Image, facts: TagFacts) -> tuple[str, ...]:
    """The other tags of an image. Raises ConfigError for one that needs what is not known here."""
    return tuple(TagScheme.parse(tag).render(facts, image.version) for tag in image.tags)


def _default_scheme(facts: TagFacts) -> str:
    return DEFAULT_TAG if facts.commit and facts.branch else SCHEME_OUTSIDE_GIT


def wanted_platforms(image: Image, native: Platform) -> tuple[Platform, ...]:
    """The platforms to build: those declared, else the engine's own."""
    return image.inputs.platforms or (native,)
