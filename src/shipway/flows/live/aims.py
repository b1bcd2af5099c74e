"""What there is to look at: destinations and bases by registry, as the files tell."""

from __future__ import annotations

from dataclasses import dataclass

from shipway.checks.facts import Facts
from shipway.checks.rules.sw206_base_platform import WantedBase, wanted_bases
from shipway.fleet.model import Image
from shipway.place import Place
from shipway.planning.destination import EMBEDDED, destination
from shipway.values import Reference


@dataclass(frozen=True, slots=True)
class Goal:
    """A repository that ``image`` is delivered to; ``tag`` is one that will be written, where that is known
    before a build."""

    image: Image
    repository: Reference
    place: Place

    @property
    def tagged(self) -> Reference | None:
        tag = self.image.tag
        if tag is None or "{" in tag:
            return None
        return self.repository.with_tag(tag)


@dataclass(frozen=True, slots=True)
class Port:
    """A registry, what goes there, and what comes from there."""

    registry: str
    place: Place
    goals: tuple[Goal, ...] = ()
    bases: tuple[WantedBase, ...] = ()


def ports_of(facts: Facts) -> tuple[Port, ...]:
    """Every registry that a fleet needs, once. Images of the fleet that are bases come from their own
    builds, and what has no destination goes to the embedded registry; neither needs one."""
    goals = _goals(facts)
    bases = [each for each in wanted_bases(facts) if each.base.image is None]
    names = [goal.repository.registry for goal in goals] + [each.base.reference.registry for each in bases]
    ports = []
    for name in dict.fromkeys(names):
        there = tuple(goal for goal in goals if goal.repository.registry == name)
        from_there = tuple(each for each in bases if each.base.reference.registry == name)
        place = there[0].place if there else from_there[0].base.place
        ports.append(Port(name, place, there, from_there))
    return tuple(ports)


def _goals(facts: Facts) -> list[Goal]:
    """Each repository once."""
    goals: dict[Reference, Goal] = {}
    for image in facts.fleet.images:
        repository = destination(image)
        if repository.registry != EMBEDDED:
            goals.setdefault(repository, Goal(image, repository, place_of(facts, image, "repository")))
    return list(goals.values())


def place_of(facts: Facts, image: Image | None = None, field: str = "") -> Place:
    """Where ``field`` of ``image`` is declared; the fleet file where there is no image."""
    if image is not None and image.declarations:
        return image.declarations[0].place_of(field)
    if facts.fleet.source is not None:
        return Place(facts.fleet.source)
    declared = (each.place.path for other in facts.fleet.images for each in other.declarations)
    return Place(next(declared, "."))
