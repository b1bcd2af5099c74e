"""What is measured: each row has fleets made and says, for each contender, what to run."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import count
from pathlib import Path

from benchmarks import trees
from benchmarks.registry.processes import CommandFailed, Runner
from benchmarks.registry.rounds import Attempt
from benchmarks.registry.servers import Kind, fresh
from benchmarks.ship.contenders import OURS, PEERS, Contender, ours
from benchmarks.ship.engines import Engines
from benchmarks.ship.fleets import Fleet

_BUSYBOX = Path("/bin/busybox")
_BAKES = ("bake", "bake, BuildKit alone")
Trees = Callable[[Path, str], None]


@dataclass(frozen=True)
class World:
    """Where it happens: scratch space, the kind of registry, the engines."""

    scratch: Path
    kind: Kind
    engines: Engines
    runner: Runner


@dataclass(frozen=True)
class Row:
    """One line of the table, of ``images`` images.

    ``goals``: how often as fast as the fastest contender whose name begins so. ``peers`` take part beside
    ``ours``. At most ``most`` rounds are run: some rows take minutes. With ``per_image_of`` the cost of an
    image is compared with that row's: it may be ``per_image`` times as much.
    """

    name: str
    title: str
    images: int
    goals: Mapping[str, float]
    stages: Callable[[Row, World, Mapping[str, Contender]], AbstractContextManager[Mapping[str, Attempt]]]
    ours: Mapping[str, Contender]
    peers: Sequence[str] = ()
    most: int = 100
    kind: Kind | None = None
    per_image_of: str | None = None
    per_image: float = 1.5

    def everybody(self) -> dict[str, Contender]:
        """All contenders, ours first."""
        return {**self.ours, **{name: PEERS[name] for name in self.peers}}

    @contextmanager
    def attempts(self, world: World) -> Iterator[Mapping[str, Attempt]]:
        """A stage for each contender. Raises CommandFailed when ours cannot take part."""
        there = {None, *world.engines.versions}
        taking_part = {name: each for name, each in self.everybody().items() if each.engine in there}
        if OURS not in taking_part:
            raise CommandFailed(f"there is no {self.ours[OURS].engine} here")
        with self.stages(self, world, taking_part) as attempts:
            yield attempts


# --- fleets -----------------------------------------------------------------------------------------


def _stepped(images: int) -> Trees:
    return lambda root, registry: trees.stepped(root, images - 1, registry, _BUSYBOX)


def _runless(images: int) -> Trees:
    return lambda root, registry: trees.runless(root, images - 1, registry)


def _slug(name: str) -> str:
    return name.replace(", ", "-").replace(" ", "-").lower()


# --- nothing shipped before -------------------------------------------------------------------------


@contextmanager
def _cold(
    trees_of: Callable[[int], Trees], row: Row, world: World, contenders: Mapping[str, Contender]
) -> Iterator[Mapping[str, Attempt]]:
    """An empty registry, an engine that has forgotten everything, a fleet never seen."""

    def attempt(contender: Contender, images: int = row.images) -> Attempt:
        @contextmanager
        def stage() -> Iterator[Sequence[str]]:
            place = world.scratch / "cold"
            if contender.engine is not None:
                world.engines.forget(contender.engine)
            with fresh(row.kind or world.kind, world.scratch / "registry") as address:
                fleet = Fleet(place / "fleet", f"{address}/fleet")
                trees_of(images)(fleet.root, fleet.registry)
                try:
                    yield (contender.first or contender.command)(fleet)
                finally:
                    shutil.rmtree(place)

        return stage

    # the first run of all compiles what it imports, which it does not where Shipway is installed
    with attempt(contenders[OURS], 2)() as argv:
        world.runner.run(argv)
    yield {name: attempt(contender) for name, contender in contenders.items()}


# --- everything shipped before ----------------------------------------------------------------------


@contextmanager
def _shipped(
    trees_of: Callable[[int], Trees],
    row: Row,
    world: World,
    contenders: Mapping[str, Contender],
    *,
    changed: bool,
) -> Iterator[Mapping[str, Attempt]]:
    """A fleet for each contender, shipped once; then nothing changed, or one service."""
    changes = count(1)
    place = world.scratch / "warm"

    def attempt(contender: Contender, fleet: Fleet) -> Attempt:
        @contextmanager
        def stage() -> Iterator[Sequence[str]]:
            if changed:
                fleet.change(next(changes))
            yield contender.command(fleet)

        return stage

    with fresh(row.kind or world.kind, world.scratch / "registry") as address:
        attempts = {}
        try:
            for name, contender in contenders.items():
                fleet = Fleet(place / _slug(name), f"{address}/{_slug(name)}")
                trees_of(row.images)(fleet.root, fleet.registry)
                world.runner.run((contender.first or contender.command)(fleet))
                attempts[name] = attempt(contender, fleet)
            yield attempts
        finally:
            shutil.rmtree(place)


def _with_evidence(engine: str, needed: str | None) -> dict[str, Contender]:
    """Shipway as it is by default, and without evidence, which nobody else leaves either."""
    return {
        OURS: Contender(needed, ours(engine)),
        f"{OURS} --no-evidence": Contender(needed, ours(engine, "--no-evidence")),
    }


_COLD, _COLD_RUNLESS = partial(_cold, _stepped), partial(_cold, _runless)
_WARM, _CHANGED = partial(_shipped, _stepped, changed=False), partial(_shipped, _stepped, changed=True)
_WARM_RUNLESS = partial(_shipped, _runless, changed=False)
_CHANGED_RUNLESS = partial(_shipped, _runless, changed=True)
_DOCKER, _BUILDAH = _with_evidence("docker", "docker"), _with_evidence("buildah", "buildah")
_ASSEMBLE = _with_evidence("auto", None)
_ALONE = {OURS: _ASSEMBLE[OURS]}
_LOOPS = ("docker loop", "buildah loop")

# with 200 images at once bake loses its connections to the daemon: there it has a BuildKit alone
ROWS = (
    Row("scale-100", "100 images assembled", 100, {}, _COLD_RUNLESS, _ALONE, kind="embedded"),
    Row(
        "scale-1000", "1,000 images assembled", 1000, {}, _COLD_RUNLESS, _ALONE,
        kind="embedded", most=1, per_image_of="scale-100",
    ),
    Row(
        "assembled", "20 images without RUN, cold", 20, {"bake": 6, "buildah": 30}, _COLD_RUNLESS, _ASSEMBLE,
        (*_BAKES, *_LOOPS),
    ),
    Row(
        "cold", "20 images with RUN, cold, docker", 20, {"docker loop, 2 at once": 0.95}, _COLD, _DOCKER,
        (*_BAKES, "docker loop", "docker loop, 2 at once"),
    ),
    Row(
        "cold-buildah", "the same, buildah", 20, {"buildah loop, 2 at once": 0.95}, _COLD, _BUILDAH,
        ("buildah loop", "buildah loop, 2 at once"), most=2,
    ),
    Row("warm", "20 images, nothing changed", 20, {"bake": 4}, _WARM, _DOCKER, (*_BAKES, *_LOOPS)),
    Row("changed", "20 images, one changed", 20, {"bake": 2}, _CHANGED, _DOCKER, (*_BAKES, *_LOOPS)),
    Row(
        "warm-200", "200 images without RUN, nothing changed", 200, {"bake": 10}, _WARM_RUNLESS, _ALONE,
        _BAKES[1:],
    ),
    Row(
        "changed-200", "200 images without RUN, one changed", 200, {"bake": 5}, _CHANGED_RUNLESS, _ALONE,
        _BAKES[1:],
    ),
)  # fmt: skip
