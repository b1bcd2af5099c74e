"""Who ships a fleet, and how each is told: one explicit table."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from benchmarks.registry.processes import shipway
from benchmarks.ship.engines import BUILDER
from benchmarks.ship.fleets import Fleet, shell, words

OURS = "shipway"
JOBS = 2
Words = Sequence[str]
Command = Callable[[Fleet], Words]


@dataclass(frozen=True)
class Contender:
    """``engine`` is what must be there, None for nothing; ``command`` ships a fleet, ``first`` does it where
    nothing was ever shipped, when that takes another command. A ``slow`` one runs in one round only."""

    engine: str | None
    command: Command
    first: Command | None = None
    slow: bool = False


def ours(engine: str, *options: str) -> Command:
    """``shipway ship`` as anybody would call it, with everything read back."""

    def command(fleet: Fleet) -> Words:
        state = fleet.beside / "state"
        always = [shipway(), "ship", "-C", str(fleet.root), "--state", str(state), "--quiet"]
        return [*always, "--engine", engine, "--jobs", str(JOBS), *options]

    return command


def _bake(*groups: str, builder: Sequence[str] = ()) -> Command:
    """Bake of some groups, one after the other, by BuildKit of the daemon or by ``builder``."""

    def command(fleet: Fleet) -> Words:
        call = ["docker", "buildx", "bake", *builder, "--file", str(fleet.bake_file()), "--push"]
        return shell(" && ".join(words([*call, group]) for group in groups))

    return command


def _loop(each: str, at_once: int) -> Command:
    return lambda fleet: fleet.script(each, at_once)


_DOCKER = 'docker build --quiet --tag "$1" "$2" && docker push --quiet "$1"'
_BUILDAH = (
    'buildah build --layers --quiet --tls-verify=false --tag "$1" "$2"'
    ' && buildah push --quiet --tls-verify=false "$1" "docker://$1"'
)

_APART = ("--builder", BUILDER)

PEERS: Mapping[str, Contender] = {
    "bake": Contender("docker", _bake("default"), _bake("base", "services")),
    "bake, BuildKit alone": Contender(
        "buildkit", _bake("default", builder=_APART), _bake("base", "services", builder=_APART)
    ),
    "docker loop": Contender("docker", _loop(_DOCKER, 1), slow=True),
    "docker loop, 2 at once": Contender("docker", _loop(_DOCKER, JOBS)),
    "buildah loop": Contender("buildah", _loop(_BUILDAH, 1), slow=True),
    "buildah loop, 2 at once": Contender("buildah", _loop(_BUILDAH, JOBS)),
}
