"""What a ship needs from the world, and what it knows while it goes on."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

from shipway.errors import CannotAssemble
from shipway.fleet.model import Fleet, Image
from shipway.flows.prove import Prover
from shipway.planning.inputs import Inputs
from shipway.planning.plan import Plan, Step
from shipway.ports import Builder, BuildRequest, Clock, Event, Events, Ledger, Registry
from shipway.values import Platform, Reference


class Staging(Protocol):
    """The registry on loopback that engines push to; it starts when it is first needed."""

    def locate(self, destination: Reference) -> Reference:
        """Where the engine pushes what is bound for the repository ``destination``."""

    def real(self, reference: Reference) -> Reference:
        """The reference with an address that can be reached, for images that stay embedded."""


class Recipes(Protocol):
    """Turns an image and its pinned bases into what an engine needs."""

    def request(
        self, image: Image, platform: Platform, pins: Mapping[str, Reference], labels: Mapping[str, str]
    ) -> BuildRequest:
        """``pins`` maps base references, as they stand after expansion, to what the engine shall use."""


class Builders(Protocol):
    """Everything that can build, and the choice among it; asked only when something is built."""

    async def native(self) -> Platform:
        """The platform of images that declare none."""

    async def builder(self, image: Image, platform: Platform) -> Builder:
        """Who builds this platform of this image. Raises EngineMissing when nobody can."""

    async def finish(self) -> None:
        """Nothing more will be built: tell everyone who was chosen."""


Instead: TypeAlias = Callable[[Image, Platform, CannotAssemble], Awaitable[Builder]]


@dataclass(frozen=True, slots=True)
class Yard:
    """The world of a ship. Without ``prover`` images are delivered without evidence. ``instead`` tells who
    builds what could not be assembled, or raises that refusal."""

    builders: Builders
    registry: Registry
    staging: Staging
    recipes: Recipes
    ledger: Ledger
    clock: Clock
    events: Events
    prover: Prover | None = None
    instead: Instead | None = None

    def emit(self, kind: str, image: str | None = None, **data: object) -> None:
        self.events.emit(Event(kind, image, data))


@dataclass(frozen=True, slots=True)
class Voyage:
    """One execution of a plan: run number, plan, fleet, the inputs of every image, the git commit.

    With ``seeks_parts`` even an image of one platform is looked for where other machines leave it. ``named``
    are, by image, the tags that were seen to name what stands for it while the plan was made.
    """

    run: int
    plan: Plan
    fleet: Fleet
    inputs: Mapping[str, Inputs]
    commit: str | None = None
    seeks_parts: bool = False
    named: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def step(self, image: str) -> Step:
        return next(step for step in self.plan.steps if step.image == image)

    def image(self, name: str) -> Image:
        return next(image for image in self.fleet.images if image.name == name)
