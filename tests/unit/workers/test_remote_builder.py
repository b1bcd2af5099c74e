"""A builder that has workers build: what it sends, what it keeps, and what it does when a context is gone."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from shipway.errors import BuildFailed, CannotAssemble, NotFound
from shipway.fleet.model import BuildInputs, Image
from shipway.flows.handing import HandedOut, stays
from shipway.oci.manifest import OCI_CONFIG, OCI_MANIFEST, Descriptor, Manifest
from shipway.ports import Builder, BuildRequest, Built, Event, Registry
from shipway.registry.client import RegistryClient
from shipway.registry.config import RegistryConfig
from shipway.testing.clock import FixedClock
from shipway.testing.registry import running_registry
from shipway.values import Digest, Platform, Reference
from shipway.workers.parcel import Answer, Parcel, decode, encode, failure_of
from shipway.workers.pool import Job, Listener, Needs, Station, offered
from shipway.workers.remote import Handover, RemoteBuilder
from shipway.workers.shelf import Shelf

AMD64 = Platform.parse("linux/amd64")


@dataclass
class ScriptedPool:
    """Answers every parcel with ``answer``, after ``meanwhile``; remembers what came."""

    answer: Callable[[Parcel], Answer]
    meanwhile: Callable[[Parcel], Awaitable[None]] | None = None
    address: str = "tcp://scheduler:8786"
    parcels: list[Parcel] = field(default_factory=list)
    needs: list[Needs] = field(default_factory=list)

    async def stations(self) -> tuple[Station, ...]:
        return (Station("w1", offered(1, "buildah", (AMD64,))),)

    async def run(self, job: Job, listener: Listener) -> bytes:
        found = decode(job.parcel, Parcel)
        self.parcels.append(found)
        self.needs.append(job.needs)
        if self.meanwhile is not None:
            await self.meanwhile(found)
        listener.began("w1", 1)
        listener.line("built")
        return encode(self.answer(found))

    async def finish(self) -> None:
        pass


@dataclass
class Kept:
    events: list[Event] = field(default_factory=list)

    def emit(self, event: Event) -> None:
        self.events.append(event)

    def output(self, image: str, line: str) -> None:
        raise AssertionError("output goes to whoever asked for the build")


@dataclass
class World:
    registry: Registry
    address: str
    scratch: Path
    kept: Kept = field(default_factory=Kept)
    lines: list[str] = field(default_factory=list)

    @property
    def destination(self) -> Reference:
        return Reference.parse(f"{self.address}/shop/api")

    def builder(self, pool: ScriptedPool, engine: str = "auto") -> RemoteBuilder:
        shelf = Shelf(self.registry, None, self.scratch)
        return RemoteBuilder(Handover(pool, shelf, self.registry, self.kept), engine)

    async def build(self, pool: ScriptedPool, request: BuildRequest, engine: str = "auto") -> Built:
        builder = self.builder(pool, engine)
        return await builder.build(request, self.destination, self.destination, self.lines.append)


def built(parcel: Parcel) -> Answer:
    digest = Digest.of(b"image")
    image = Descriptor(OCI_MANIFEST, str(digest), 5)
    return Answer(1, Built(image, parcel.destination.with_digest(digest), "scripted"))


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    with running_registry() as server:
        client = RegistryClient(RegistryConfig(), FixedClock())
        yield World(client, server.address, tmp_path / "scratch")
        await client.close()


@pytest.fixture
def request_(tmp_path: Path) -> BuildRequest:
    context = tmp_path / "context"
    context.mkdir()
    for name in ("read", "unread"):
        (context / name).write_text(name)
    return BuildRequest("api", b"FROM scratch\nCOPY read /\n", context, AMD64)


async def test_who_builds_is_an_event_and_what_it_says_goes_to_the_log(
    world: World, request_: BuildRequest
) -> None:
    pool = ScriptedPool(built)
    done = await world.build(pool, request_, "buildah")
    assert done.at.name == world.destination.name
    facts = {"worker": "w1", "platform": "linux/amd64", "attempt": 1}
    assert world.kept.events == [Event("build.assigned", "api", facts)]
    assert world.lines == ["built"]
    assert pool.needs == [Needs(AMD64, "buildah")]


async def test_a_context_that_was_taken_away_is_put_there_again(world: World, request_: BuildRequest) -> None:
    async def take_away(parcel: Parcel) -> None:
        if len(pool.parcels) == 1:
            await world.registry.delete(parcel.contexts[""].held_by)

    def answer(parcel: Parcel) -> Answer:
        lost = Answer(0, failure=failure_of(NotFound("no such blob")))
        return built(parcel) if len(pool.parcels) > 1 else lost

    pool = ScriptedPool(answer, take_away)
    await world.build(pool, request_)
    assert len(pool.parcels) == 2
    assert await world.registry.head(pool.parcels[1].contexts[""].held_by) is not None


async def test_what_stays_lost_is_an_error(world: World, request_: BuildRequest) -> None:
    pool = ScriptedPool(lambda found: Answer(0, failure=failure_of(NotFound("no such base"))))
    with pytest.raises(NotFound, match="no such base"):
        await world.build(pool, request_)
    assert len(pool.parcels) == 2


async def test_secrets_are_refused_before_anything_is_sent(world: World, request_: BuildRequest) -> None:
    pool = ScriptedPool(built)
    with pytest.raises(BuildFailed, match="it has secrets"):
        await world.build(pool, replace(request_, secrets=("id=token,env=TOKEN",)))
    assert pool.parcels == []


async def test_caches_of_this_machine_are_left_out(world: World, request_: BuildRequest) -> None:
    pool = ScriptedPool(built)
    caches = ("type=local,src=/cache", f"type=registry,ref={world.address}/cache")
    await world.build(pool, replace(request_, cache_from=caches))
    assert pool.parcels[0].request.cache_from == caches[1:]
    assert any("type=local" in line for line in world.lines)


@pytest.mark.parametrize(("triggers", "size"), [([], 1), (["COPY . /app"], 2)], ids=["none", "some"])
async def test_a_base_with_triggers_gets_the_whole_context(
    world: World, request_: BuildRequest, tmp_path: Path, triggers: list[str], size: int
) -> None:
    repository = Reference.parse(f"{world.address}/shop/base")
    data = json.dumps({"architecture": "amd64", "os": "linux", "config": {"OnBuild": triggers}}).encode()
    blob = await world.registry.put_blob(repository, data)
    config = {"mediaType": OCI_CONFIG, "digest": blob.digest, "size": blob.size}
    body = {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": config, "layers": []}
    base = Manifest(OCI_MANIFEST, json.dumps(body).encode())
    pinned = repository.with_digest(base.digest)
    await world.registry.put_manifest(pinned, base)
    pool = ScriptedPool(built)
    await world.build(pool, replace(request_, dockerfile=f"FROM {pinned}\nCOPY read /\n".encode()))
    from shipway.workers.unpack import unpack

    await unpack(world.registry, pool.parcels[0].contexts[""], tmp_path / "out" / "0", 0)
    assert len(list((tmp_path / "out" / "0").iterdir())) == size


# --- what stays -------------------------------------------------------------------------------


INPUTS = BuildInputs("Dockerfile", ".")


@pytest.mark.parametrize(
    ("inputs", "why"),
    [
        (INPUTS, None),
        (replace(INPUTS, secrets=("id=a,env=A",)), "its build secrets"),
        (replace(INPUTS, ssh=("default",)), "its SSH agent"),
        (replace(INPUTS, args={"A": "1"}, secret_args=frozenset({"A"})), "its secret build args"),
        (replace(INPUTS, secret_args=frozenset({"A"})), None),
        (replace(INPUTS, contexts={"x": "oci-layout://x"}), "the image layout that it reads"),
    ],
    ids=["plain", "secret", "ssh", "arg", "no such arg", "layout"],
)
def test_what_stays_on_this_machine(inputs: BuildInputs, why: str | None) -> None:
    assert stays(inputs) == why


@dataclass
class Here:
    """Builders of this machine: ``asked`` are the images that they were asked for."""

    local: Builder
    asked: list[str] = field(default_factory=list)

    async def native(self) -> Platform:
        raise AssertionError("no engine of this machine is needed to tell")

    async def builder(self, image: Image, platform: Platform) -> Builder:
        self.asked.append(image.name)
        return self.local

    async def finish(self) -> None:
        pass


@dataclass
class Remote:
    world: World

    def builder(self, engine: str) -> Builder:
        return self.world.builder(ScriptedPool(built), engine)

    async def finish(self) -> None:
        pass


async def test_images_with_secrets_are_built_here_and_the_rest_by_workers(world: World) -> None:
    here = Here(world.builder(ScriptedPool(built)))
    builders = HandedOut(Remote(world), here, {"api": "assemble"}, AMD64, world.kept)
    remote = await builders.builder(Image("api", INPUTS), AMD64)
    await builders.builder(Image("sealed", replace(INPUTS, secrets=("id=a,env=A",))), AMD64)
    assert here.asked == ["sealed"]
    assert isinstance(remote, RemoteBuilder)
    assert world.kept.events == [Event("build.stays", "sealed", {"why": "its build secrets"})]
    assert await builders.native() == AMD64


async def test_what_cannot_be_assembled_goes_to_an_engine_unless_that_is_insisted_on(world: World) -> None:
    refusal = CannotAssemble("it runs something")
    here = Here(world.builder(ScriptedPool(built)))
    builders = HandedOut(Remote(world), here, {}, AMD64, world.kept)
    assert isinstance(await builders.instead(Image("api", INPUTS), AMD64, refusal), RemoteBuilder)
    insisting = HandedOut(Remote(world), here, {}, AMD64, world.kept, insists=True)
    with pytest.raises(CannotAssemble):
        await insisting.instead(Image("api", INPUTS), AMD64, refusal)
    assert here.asked == []
