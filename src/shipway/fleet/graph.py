"""Which image is built before which: the order of the fleet, told by the bases of its images."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise

from shipway.errors import CycleError, UsageError
from shipway.fleet.model import Base, Fleet, Image
from shipway.fleet.roots import below, prefix_of
from shipway.fleet.shapes import did_you_mean
from shipway.place import Place


def needs(image: Image) -> tuple[str, ...]:
    """The images of the fleet that ``image`` builds on, each once, in the order of its Dockerfile."""
    return tuple(dict.fromkeys(base.image for base in image.bases if base.image is not None))


def build_order(fleet: Fleet) -> list[str]:
    """Every image after the ones it needs, those that need nothing first.

    Raises CycleError, which names every edge, when there is no such order.
    """
    waiting = {image.name: len(needs(image)) for image in fleet.images}
    users = _users(fleet)
    ready = [name for name, count in waiting.items() if count == 0]
    for name in ready:
        for user in users[name]:
            waiting[user] -= 1
            if waiting[user] == 0:
                ready.append(user)
    if len(ready) < len(waiting):
        raise _cycle_error(fleet, frozenset(waiting) - frozenset(ready))
    return ready


def waves(fleet: Fleet, selection: Iterable[str] | None = None) -> list[list[str]]:
    """The images of ``selection`` (default: all) in levels: each needs only images of earlier ones.

    Images outside the selection still order those inside it. Within a wave the order is that of
    declaration. Raises CycleError, and UsageError for an unknown name.
    """
    chosen = frozenset(image.name for image in fleet.images) if selection is None else known(fleet, selection)
    images = {image.name: image for image in fleet.images}
    level: dict[str, int] = {}
    for name in build_order(fleet):
        level[name] = max((level[base] + (base in chosen) for base in needs(images[name])), default=0)
    result: dict[int, list[str]] = defaultdict(list)
    for name in images:
        if name in chosen:
            result[level[name]].append(name)
    return [result[number] for number in sorted(result)]


def closure(fleet: Fleet, names: Iterable[str]) -> tuple[str, ...]:
    """``names`` and everything they build on, in the order of declaration. Raises UsageError."""
    return _reached(fleet, names, {image.name: needs(image) for image in fleet.images})


def dependents(fleet: Fleet, names: Iterable[str]) -> tuple[str, ...]:
    """``names`` and everything that builds on them, in the order of declaration. Raises UsageError."""
    return _reached(fleet, names, _users(fleet))


def known(fleet: Fleet, names: Iterable[str]) -> frozenset[str]:
    """``names`` as a set. Raises UsageError for one that is not in the fleet."""
    present = [image.name for image in fleet.images]
    wanted = frozenset(names)
    for name in sorted(wanted.difference(present)):
        raise UsageError(f"there is no image `{name}` in the fleet", help=did_you_mean(name, present))
    return wanted


def _users(fleet: Fleet) -> dict[str, list[str]]:
    users: dict[str, list[str]] = {image.name: [] for image in fleet.images}
    for image in fleet.images:
        for base in needs(image):
            users[base].append(image.name)
    return users


def _reached(fleet: Fleet, names: Iterable[str], edges: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    reached = set(known(fleet, names))
    frontier = list(reached)
    while frontier:
        for name in edges[frontier.pop()]:
            if name not in reached:
                reached.add(name)
                frontier.append(name)
    return tuple(image.name for image in fleet.images if image.name in reached)


# --- cycles -------------------------------------------------------------------------------------


def _cycle_error(fleet: Fleet, stuck: frozenset[str]) -> CycleError:
    """The error for one cycle among ``stuck``, images that wait for each other or for ones that do."""
    images = {image.name: image for image in fleet.images}
    name = next(image.name for image in fleet.images if image.name in stuck)
    path: list[str] = []
    while name not in path:
        path.append(name)
        name = next(base for base in needs(images[name]) if base in stuck)
    cycle = [*path[path.index(name) :], name]
    edges = [_edge(fleet, images[user], base) for user, base in pairwise(cycle)]
    text = "".join(f" -> {base.image} ({place})" for base, place in edges)
    return CycleError(
        f"images build from each other: {cycle[0]}{text}",
        place=edges[0][1],
        help="let one of them build from an image outside of the circle",
    )


def _edge(fleet: Fleet, image: Image, name: str) -> tuple[Base, Place]:
    """The base of ``image`` that is ``name``, and where the Dockerfile asks for it."""
    base = next(base for base in image.bases if base.image == name)
    return base, Place(below(prefix_of(fleet.roots, image.root), image.inputs.dockerfile), base.line)
