"""What is measured: each row prepares registries and says, for each contender, what to run."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

from benchmarks.registry import images
from benchmarks.registry.contenders import Peer
from benchmarks.registry.processes import CommandFailed, Runner, shipway
from benchmarks.registry.rounds import Attempt
from benchmarks.registry.servers import Kind, fresh, serving
from shipway.values import Reference

OURS = "shipway"
_BOTH, _FOUR = (1, 4), (4,)
_SCALE_TAGS = 10_000
_PRUNED, _KEPT = 1000, 5


@dataclass(frozen=True)
class World:
    """Where it happens: scratch space, the kind of registry, and who takes part beside Shipway."""

    scratch: Path
    kind: Kind
    peers: Sequence[Peer]
    runner: Runner

    def directory(self, name: str) -> Path:
        return self.scratch / name

    def loops(
        self, lines: Callable[[Peer], Sequence[Sequence[str]]], ways: Sequence[int] = _BOTH
    ) -> Mapping[str, Sequence[str]]:
        """Each peer called once a line, so many processes at a time as ``ways`` say, each way on its own."""
        return {
            peer.name if at_once == 1 else f"{peer.name}, {at_once} at once": self.runner.loop(
                peer.program, lines(peer), at_once
            )
            for peer in self.peers
            for at_once in ways
        }


@dataclass(frozen=True)
class Row:
    """One line of the table. ``goal``: how often as fast as the fastest peer, or seconds if ``absolute``.
    At most ``most`` rounds are run: some rows take minutes, and memory needs no median."""

    name: str
    title: str
    goal: float
    attempts: Callable[[World], AbstractContextManager[Mapping[str, Attempt]]]
    absolute: bool = False
    most: int = 100


def _placed(
    registry: str, count: int, repositories: int, sizes: Sequence[int] = images.SMALL_BASE
) -> list[tuple[Reference, images.Image]]:
    return [
        (Reference.parse(f"{registry}/fleet/app-{number % repositories:02}:1.{number // repositories}"), made)
        for number, made in enumerate(images.shared_base(count, sizes))
    ]


def _pairs(source: str, target: str, count: int) -> list[tuple[str, str]]:
    names = [f"fleet/app-{number:02}:1.0" for number in range(count)]
    return [(f"{source}/{name}", f"{target}/{name}") for name in names]


# --- copies -----------------------------------------------------------------------------------------


def _copy_commands(
    world: World, source: str, target: str, ways: Sequence[int] = _BOTH
) -> dict[str, Sequence[str]]:
    pairs = _pairs(source, target, 50)
    ours = [shipway(), "copy", "--quiet", *(one for one, _ in pairs), f"{target}/fleet/"]
    commands = {
        OURS: ours,
        **world.loops(lambda peer: [peer.tool.copy(one, other) for one, other in pairs], ways),
    }
    for peer in world.peers:
        if peer.name == "skopeo":
            commands["skopeo sync"] = _sync(world, peer, source, target, pairs)
    return commands


def _sync(
    world: World, peer: Peer, source: str, target: str, pairs: Sequence[tuple[str, str]]
) -> Sequence[str]:
    """skopeo's own way to copy many images in one process."""
    wanted = {one.partition("/")[2].partition(":")[0]: ["1.0"] for one, _ in pairs}
    file = world.directory("sync.yaml")
    file.write_text(json.dumps({source: {"tls-verify": False, "images": wanted}}))
    options = ["--src", "yaml", "--dest", "docker", "--dest-tls-verify=false"]
    return [peer.program, "sync", *options, str(file), f"{target}/fleet"]


def _copied(
    sizes: Sequence[int], ways: Sequence[int] = _BOTH
) -> Callable[[World], AbstractContextManager[Mapping[str, Attempt]]]:
    @contextmanager
    def row(world: World) -> Iterator[Mapping[str, Attempt]]:
        with fresh(world.kind, world.directory("source")) as source:
            images.push(_placed(source, 50, 50, sizes))
            yield _copies(world, source, ways)

    return row


def _copies(world: World, source: str, ways: Sequence[int]) -> Mapping[str, Attempt]:
    """Attempts that each copy to an empty registry."""

    def attempt(name: str) -> Attempt:
        @contextmanager
        def stage() -> Iterator[Sequence[str]]:
            with fresh(world.kind, world.directory("target")) as target:
                yield _copy_commands(world, source, target, ways)[name]

        return stage

    return {name: attempt(name) for name in _copy_commands(world, source, source, ways)}


@contextmanager
def _copied_again(world: World) -> Iterator[Mapping[str, Attempt]]:
    with (
        fresh(world.kind, world.directory("source")) as source,
        fresh(world.kind, world.directory("target")) as target,
    ):
        for registry in (source, target):
            images.push(_placed(registry, 50, 50))
        yield _repeated(lambda: _copy_commands(world, source, target))


def _repeated(commands: Callable[[], Mapping[str, Sequence[str]]]) -> Mapping[str, Attempt]:
    """Attempts that leave everything as it was."""
    return {name: lambda name=name: nullcontext(commands()[name]) for name in commands()}  # type: ignore[misc]


# --- many small things ------------------------------------------------------------------------------


def _inspected(
    lines: Callable[[Peer, str], Sequence[Sequence[str]]], ways: Sequence[int]
) -> Callable[[World], AbstractContextManager[Mapping[str, Attempt]]]:
    """All that ``registry ls`` shows, beside what ``lines`` make each peer do for an image."""

    @contextmanager
    def row(world: World) -> Iterator[Mapping[str, Attempt]]:
        with fresh(world.kind, world.directory("source")) as registry:
            placed = _placed(registry, 500, 50)
            images.push(placed)
            names = [str(reference) for reference, _ in placed]
            ours = {OURS: [shipway(), "registry", "ls", registry, "--json"]}
            others = lambda peer: [line for name in names for line in lines(peer, name)]  # noqa: E731
            yield _repeated(lambda: {**ours, **world.loops(others, ways)})

    return row


@contextmanager
def _pruned(world: World) -> Iterator[Mapping[str, Attempt]]:
    template = world.directory("template")
    made = [images.image(images.base(images.SMALL_BASE)[2:], number) for number in range(_PRUNED + _KEPT)]
    with serving(world.kind, template) as registry:
        images.push(
            (Reference.parse(f"{registry}/fleet/app:{_tag(number, one)}"), one)
            for number, one in enumerate(made)
        )
    digests = [str(one.manifest.digest) for one in made[:_PRUNED]]

    def attempt(name: str) -> Attempt:
        @contextmanager
        def stage() -> Iterator[Sequence[str]]:
            with fresh(world.kind, world.directory("target"), template) as registry:
                yield _prune_commands(world, f"{registry}/fleet/app", digests)[name]

        return stage

    yield {name: attempt(name) for name in _prune_commands(world, "127.0.0.1:1/fleet/app", digests)}


def _tag(number: int, made: images.Image) -> str:
    """A tag as pipelines write it, whose order by spelling means nothing."""
    return f"main-{made.manifest.digest.hex[:7]}-{images.created(number):%Y%m%d%H%M%S}"


def _prune_commands(world: World, repository: str, digests: Sequence[str]) -> dict[str, Sequence[str]]:
    ours = [shipway(), "prune", repository, "--keep", str(_KEPT), "--quiet"]
    lines = [f"{repository}@{digest}" for digest in digests]
    return {OURS: ours, **world.loops(lambda peer: [peer.tool.delete(line) for line in lines], _FOUR)}


@contextmanager
def _listed(world: World) -> Iterator[Mapping[str, Attempt]]:
    with fresh(world.kind, world.directory("source")) as registry:
        repository = f"{registry}/fleet/app"
        tags = [f"main-{number:05}" for number in range(_SCALE_TAGS)]
        images.tag_all(Reference.parse(repository), images.image(images.base(images.SMALL_BASE)[2:]), tags)
        commands: dict[str, Sequence[str]] = {OURS: [shipway(), "registry", "tags", repository]}
        for peer in world.peers:
            commands[peer.name] = [peer.program, *peer.tool.tags(repository)]
        yield _repeated(lambda: commands)


# --- large blobs ------------------------------------------------------------------------------------


def _pushed(
    layers: int, size: int, *, alone: bool = False
) -> Callable[[World], AbstractContextManager[Mapping[str, Attempt]]]:
    """A layout pushed to an empty registry, by Shipway ``alone`` or by everyone."""

    @contextmanager
    def row(world: World) -> Iterator[Mapping[str, Attempt]]:
        layout = world.directory("layout")
        _apart(images.write_layout, layout, "1.0", [size] * layers)

        def commands(target: str) -> dict[str, Sequence[str]]:
            found: dict[str, Sequence[str]] = {
                OURS: [shipway(), "copy", "--quiet", f"oci:{layout}:1.0", target]
            }
            for peer in [] if alone else world.peers:
                found[peer.name] = [peer.program, *peer.tool.push(layout, "1.0", target)]
            return found

        def attempt(name: str) -> Attempt:
            @contextmanager
            def stage() -> Iterator[Sequence[str]]:
                with fresh(world.kind, world.directory("target")) as registry:
                    yield commands(f"{registry}/fleet/large:1.0")[name]

            return stage

        try:
            yield {name: attempt(name) for name in commands("")}
        finally:
            shutil.rmtree(layout)

    return row


def _apart(work: Callable[..., None], *given: object) -> None:
    """Do it in another process: what runs later starts with the memory that this one ever had."""
    process = get_context("spawn").Process(target=work, args=given)
    process.start()
    process.join()
    if process.exitcode:
        raise CommandFailed(f"{work.__name__} ended with {process.exitcode}")


# those of memory come first: later this process has more itself, which hides what a command has
ROWS = (
    Row("memory-100m", "100 MB", 1, _pushed(10, 10_000_000, alone=True), most=1),
    Row("memory-1g", "1 GB", 1, _pushed(10, 100_000_000, alone=True), most=1),
    Row("memory-4g", "4 GB in 10 layers pushed", 1, _pushed(10, 400_000_000, alone=True), most=1),
    Row("push", "1 GB in 10 layers pushed", 1, _pushed(10, 100_000_000)),
    Row("tags", "10,000 tags listed", 0.2, _listed, absolute=True),
    Row("copy", "50 images, shared base of 44 MiB, copied", 2.5, _copied(images.BASE)),
    Row("copy-small", "the same, base of 8 MiB", 2.5, _copied(images.SMALL_BASE, _FOUR), most=2),
    Row("copy-again", "the same again, nothing to do", 2.5, _copied_again),
    Row(
        "inspect",
        "500 images inspected",
        10,
        _inspected(lambda peer, image: peer.tool.inspect(image), _FOUR),
        most=2,
    ),
    Row(
        "manifests",
        "the same, manifests alone for the others",
        10,
        _inspected(lambda peer, image: [peer.tool.manifest(image)], _BOTH),
        most=2,
    ),
    Row("prune", "1,000 tags deleted", 3, _pruned, most=1),
)
