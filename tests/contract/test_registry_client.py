"""One set of scenarios for everything that claims to be a registry: two real servers, and the fake."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, ExitStack, aclosing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import msgspec
import pytest

from shipway.errors import Denied, InvalidValue, Mismatch, NotFound, Unreachable
from shipway.host import SystemClock
from shipway.oci.manifest import (
    DOCKER_CONFIG,
    DOCKER_MANIFEST,
    OCI_CONFIG,
    OCI_INDEX,
    OCI_LAYER_TAR,
    OCI_MANIFEST,
    Descriptor,
    Manifest,
    index_of,
)
from shipway.ports import Registry
from shipway.registry.client import RegistryClient
from shipway.registry.config import RegistryConfig
from shipway.testing.memory_registry import MemoryRegistry
from shipway.testing.registry import running_registry
from shipway.values import Digest, Platform, Reference

AMD64, ARM64 = Platform.parse("linux/amd64"), Platform.parse("linux/arm64")


# --- the servers ------------------------------------------------------------------------------


@contextmanager
def debian_registry(directory: Path) -> Iterator[str]:
    """Debian's docker-registry (distribution 2.8.2) on a free loopback port; its address."""
    if shutil.which("docker-registry") is None:
        if os.environ.get("CI"):
            pytest.fail("docker-registry is not installed: apt-get install docker-registry")
        pytest.skip("docker-registry is not installed")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    directory.mkdir(parents=True)
    settings = {
        "version": 0.1,
        "log": {"level": "error"},
        "storage": {"filesystem": {"rootdirectory": str(directory)}, "delete": {"enabled": True}},
        "http": {"addr": address},
    }
    file = directory / "config.yml"
    file.write_bytes(msgspec.json.encode(settings))
    with subprocess.Popen(
        ["docker-registry", "serve", str(file)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        try:
            wait_for(address)
            yield address
        finally:
            process.kill()


def wait_for(address: str) -> None:
    host, _, port = address.rpartition(":")
    deadline = time.monotonic() + 20
    while True:
        try:
            socket.create_connection((host, int(port)), 1).close()
            return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)


@dataclass(frozen=True, slots=True)
class World:
    """A client and two registries that it can reach."""

    client: Registry
    left: str
    right: str
    deletes_tags: bool = True

    def at(self, name: str, registry: str | None = None) -> Reference:
        return Reference.parse(f"{registry or self.left}/{name}")

    @property
    def real(self) -> RegistryClient:
        """The client with what the port does not ask for; skips for the fake."""
        if not isinstance(self.client, RegistryClient):
            pytest.skip("not part of the port")
        return self.client


@pytest.fixture(params=["memory", "embedded", pytest.param("debian", marks=pytest.mark.registry)])
async def world(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[World]:
    async with AsyncExitStack() as stack:
        if request.param == "memory":
            yield World(MemoryRegistry(), "one.example", "two.example")
            return
        servers = stack.enter_context(ExitStack())
        if request.param == "embedded":
            left, right = (servers.enter_context(running_registry()).address for _ in range(2))
        else:
            left, right = (servers.enter_context(debian_registry(tmp_path / side)) for side in "lr")
        client = await stack.enter_async_context(RegistryClient(RegistryConfig(), SystemClock()))
        yield World(client, left, right, deletes_tags=request.param != "debian")


# --- images to work with ----------------------------------------------------------------------


async def push_image(
    world: World, reference: Reference, text: str = "hello", *, docker: bool = False
) -> Manifest:
    """An image of a config and a layer at ``reference``."""
    config = await world.client.put_blob(reference, b'{"text":"%s"}' % text.encode())
    layer = await world.client.put_blob(reference, text.encode() * 1000)
    media_type = DOCKER_MANIFEST if docker else OCI_MANIFEST
    body = {
        "schemaVersion": 2,
        "mediaType": media_type,
        "config": entry(config, DOCKER_CONFIG if docker else OCI_CONFIG),
        "layers": [entry(layer, OCI_LAYER_TAR)],
    }
    # blanks that no encoder would write: the bytes have to survive
    manifest = Manifest(media_type, b"  " + msgspec.json.encode(body) + b"\n")
    await world.client.put_manifest(reference, manifest)
    return manifest


async def push_index(world: World, reference: Reference) -> Manifest:
    children = []
    for platform in (AMD64, ARM64):
        child = await push_image(world, reference.without_version(), str(platform))
        children.append((child.descriptor, platform))
    index = index_of(children)
    await world.client.put_manifest(reference, index)
    return index


def entry(descriptor: Descriptor, media_type: str) -> dict[str, object]:
    return {"mediaType": media_type, "digest": descriptor.digest, "size": descriptor.size}


# --- reading and writing ----------------------------------------------------------------------


async def test_a_registry_answers_a_ping(world: World) -> None:
    await world.client.ping(world.left)


async def test_a_host_that_does_not_listen_is_unreachable(world: World) -> None:
    if isinstance(world.client, MemoryRegistry):
        world.client.unreachable.add("127.0.0.1:1")
    with pytest.raises(Unreachable, match=r"127\.0\.0\.1:1 refused the connection"):
        await world.client.ping("127.0.0.1:1")


async def test_what_is_not_there_is_said_to_be_missing(world: World) -> None:
    nothing = world.at("acme/nothing:1")
    assert await world.client.head(nothing) is None
    assert await world.client.tags(nothing) == []
    assert not await world.client.has_blob(nothing, Digest.of(b"nothing"))
    with pytest.raises(NotFound):
        await world.client.manifest(nothing)
    with pytest.raises(NotFound):
        await world.client.blob(nothing, Descriptor("", str(Digest.of(b"nothing")), 7))


async def test_a_manifest_comes_back_byte_for_byte(world: World) -> None:
    reference = world.at("acme/api:1.0")
    pushed = await push_image(world, reference)
    found = await world.client.manifest(reference)
    assert (found.media_type, found.data) == (pushed.media_type, pushed.data)
    assert await world.client.head(reference) == pushed.descriptor
    assert await world.client.head(reference.with_digest(pushed.digest)) == pushed.descriptor
    assert (await world.client.manifest(reference.with_digest(pushed.digest))).data == pushed.data


async def test_docker_manifests_keep_their_type(world: World) -> None:
    reference = world.at("acme/docker:1.0")
    pushed = await push_image(world, reference, docker=True)
    assert (await world.client.manifest(reference)).media_type == DOCKER_MANIFEST
    assert await world.client.head(reference) == pushed.descriptor


async def test_a_tag_moves_and_the_old_digest_stays(world: World) -> None:
    reference = world.at("acme/api:latest")
    old = await push_image(world, reference, "old")
    new = await push_image(world, reference, "new")
    assert await world.client.head(reference) == new.descriptor
    assert await world.client.head(reference.with_digest(old.digest)) == old.descriptor
    assert await world.client.tags(reference) == ["latest"]


async def test_a_manifest_put_by_digest_gets_no_tag(world: World) -> None:
    reference = world.at("acme/untagged")
    pushed = await push_image(world, reference)
    assert await world.client.head(reference.with_digest(pushed.digest)) == pushed.descriptor
    assert await world.client.tags(reference) == []


async def test_a_manifest_is_not_put_at_another_digest(world: World) -> None:
    reference = world.at("acme/api")
    manifest = await push_image(world, reference)
    with pytest.raises(Mismatch):
        await world.client.put_manifest(reference.with_digest(Digest.of(b"other")), manifest)


async def test_a_manifest_whose_blob_is_missing_is_refused(world: World) -> None:
    pushed = await push_image(world, world.at("acme/api:1"))
    elsewhere = world.at("acme/elsewhere:1")
    with pytest.raises(NotFound):
        await world.client.put_manifest(elsewhere, pushed)
    assert await world.client.head(elsewhere) is None


@pytest.mark.parametrize("data", [b"", b"x", b"0123456789abcdef" * 200_000], ids=["empty", "one", "3MB"])
async def test_a_blob_comes_back_whole(world: World, data: bytes) -> None:
    repository = world.at("acme/blobs")
    descriptor = await world.client.put_blob(repository, data)
    assert (descriptor.digest, descriptor.size) == (str(Digest.of(data)), len(data))
    assert await world.client.put_blob(repository, data) == descriptor
    assert await world.client.has_blob(repository, descriptor.parsed_digest)
    assert await world.client.blob(repository, descriptor) == data
    assert b"".join([piece async for piece in world.client.stream_blob(repository, descriptor)]) == data


@pytest.mark.parametrize("wrong", [-1, 1])
async def test_a_blob_of_another_size_is_a_mismatch(world: World, wrong: int) -> None:
    repository = world.at("acme/blobs")
    descriptor = await world.client.put_blob(repository, b"0123456789")
    lying = msgspec.structs.replace(descriptor, size=descriptor.size + wrong)
    with pytest.raises(Mismatch):
        await world.client.blob(repository, lying)


async def test_a_stream_can_be_left_early(world: World) -> None:
    repository = world.at("acme/blobs")
    descriptor = await world.client.put_blob(repository, bytes(5_000_000))
    async with aclosing(world.client.stream_blob(repository, descriptor)) as pieces:  # type: ignore[type-var]
        async for _ in pieces:
            break
    assert await world.client.has_blob(repository, descriptor.parsed_digest)


async def test_a_blob_too_large_to_be_held_is_not_read(world: World) -> None:
    large = Descriptor("", str(Digest.of(b"")), 9 << 20)
    with pytest.raises(InvalidValue):
        await world.client.blob(world.at("acme/blobs"), large)


# --- copies -----------------------------------------------------------------------------------


async def test_an_image_is_copied_to_another_registry(world: World) -> None:
    source, destination = world.at("acme/api:1"), world.at("mirror/api:prod", world.right)
    pushed = await push_image(world, source)
    assert await world.client.copy(source, destination) == pushed.descriptor
    assert (await world.client.manifest(destination)).data == pushed.data
    for blob in pushed.blobs:
        assert await world.client.blob(destination, blob) == await world.client.blob(source, blob)


async def test_an_image_is_copied_within_a_registry(world: World) -> None:
    source, destination = world.at("acme/api:1"), world.at("acme/promoted:1")
    pushed = await push_image(world, source)
    assert await world.client.copy(source, destination) == pushed.descriptor
    assert await world.client.has_blob(destination, pushed.blobs[1].parsed_digest)


async def test_an_index_is_copied_with_all_its_platforms(world: World) -> None:
    source, destination = world.at("acme/multi:1"), world.at("mirror/multi:1", world.right)
    index = await push_index(world, source)
    assert await world.client.copy(source, destination) == index.descriptor
    for child in index.children:
        there = await world.client.manifest(destination.with_digest(child.parsed_digest))
        for blob in there.blobs:
            assert await world.client.has_blob(destination, blob.parsed_digest)


async def test_an_index_of_indexes_is_copied(world: World) -> None:
    source, destination = world.at("acme/nested:1"), world.at("mirror/nested:1", world.right)
    inner = await push_index(world, world.at("acme/nested"))
    outer = index_of([(inner.descriptor, AMD64)])
    await world.client.put_manifest(source, outer)
    assert (await world.client.copy(source, destination)).digest == str(outer.digest)
    for child in inner.children:
        assert await world.client.head(destination.with_digest(child.parsed_digest)) is not None


async def test_a_copy_restores_a_platform_that_the_destination_lost(world: World) -> None:
    source, destination = world.at("acme/multi:1"), world.at("mirror/multi:1", world.right)
    index = await push_index(world, source)
    await world.client.copy(source, destination)
    lost = destination.with_digest(index.children[0].parsed_digest)
    await world.client.delete(lost)
    await world.client.copy(source, destination)
    assert await world.client.head(lost) is not None


async def test_a_blob_that_was_collected_meanwhile_is_sent_again(world: World) -> None:
    source, destination = world.at("acme/api:1"), world.at("mirror/api:1", world.right)
    pushed = await push_image(world, source)
    await world.real.copy(source, destination)
    await world.client.delete(destination.with_digest(pushed.digest))
    async with aiohttp.ClientSession() as session:
        for blob in pushed.blobs:
            url = f"http://{world.right}/v2/mirror/api/blobs/{blob.digest}"
            assert (await session.delete(url)).status == 202
    with contextlib.suppress(NotFound):
        # the client remembers the blobs that it put there; once it is refused it looks again
        await world.client.copy(source, destination)
    assert await world.client.copy(source, destination) == pushed.descriptor
    assert await world.client.blob(destination, pushed.blobs[1])


async def test_a_copy_without_a_tag_leaves_none(world: World) -> None:
    source, destination = world.at("acme/api:1"), world.at("mirror/api", world.right)
    pushed = await push_image(world, source)
    assert (await world.client.copy(source, destination)).digest == str(pushed.digest)
    assert await world.client.tags(destination) == []
    assert await world.client.head(destination.with_digest(pushed.digest)) is not None


async def test_a_copy_moves_a_tag_that_was_on_something_else(world: World) -> None:
    source, destination = world.at("acme/api:1"), world.at("acme/api:stable")
    await push_image(world, destination, "old")
    pushed = await push_image(world, source, "new")
    await world.client.copy(source, destination)
    assert await world.client.head(destination) == pushed.descriptor


async def test_a_copy_can_be_repeated(world: World) -> None:
    source, destination = world.at("acme/api:1"), world.at("mirror/api:1", world.right)
    await push_image(world, source)
    first = await world.client.copy(source, destination)
    assert await world.client.copy(source, destination) == first


async def test_many_images_with_a_shared_base_are_copied_at_once(world: World) -> None:
    sources = [world.at(f"acme/service{number}:1") for number in range(6)]
    pushed = [await push_image(world, source, f"text {number % 2}") for number, source in enumerate(sources)]
    copies = [
        world.client.copy(source, world.at(f"{source.repository}:1", world.right)) for source in sources
    ]
    found = await asyncio.gather(*copies)
    assert [descriptor.digest for descriptor in found] == [str(manifest.digest) for manifest in pushed]


async def test_a_copy_of_nothing_is_an_error(world: World) -> None:
    with pytest.raises(NotFound):
        await world.client.copy(world.at("acme/nothing:1"), world.at("mirror/nothing:1", world.right))


async def test_a_blob_moves_once(world: World) -> None:
    source, destination = world.at("acme/blobs"), world.at("mirror/blobs", world.right)
    descriptor = await world.client.put_blob(source, b"layer" * 1000)
    assert await world.client.copy_blob(source, descriptor, destination)
    assert not await world.client.copy_blob(source, descriptor, destination)
    assert await world.client.blob(destination, descriptor) == b"layer" * 1000


async def test_a_blob_within_a_registry_is_mounted_and_does_not_move(world: World) -> None:
    source, destination = world.at("acme/blobs"), world.at("acme/others")
    descriptor = await world.client.put_blob(source, b"layer" * 1000)
    assert not await world.client.copy_blob(source, descriptor, destination)
    assert await world.client.blob(destination, descriptor) == b"layer" * 1000


async def test_a_mount_from_a_repository_without_the_blob_is_no_mount(world: World) -> None:
    descriptor = Descriptor("", str(Digest.of(b"unknown")), 7)
    assert not await world.real.mount(world.at("acme/others"), descriptor, "acme/blobs")


# --- lists and deletes ------------------------------------------------------------------------


async def test_more_tags_than_fit_on_a_page_are_listed_once_each(world: World) -> None:
    repository = world.at("acme/many")
    manifest = await push_image(world, repository)
    limit = asyncio.Semaphore(8)
    wanted = sorted(f"v{number}" for number in range(1050))

    async def put(tag: str) -> None:
        async with limit:
            await world.client.put_manifest(repository.with_tag(tag), manifest)

    await asyncio.gather(*map(put, wanted))
    assert await world.client.tags(repository) == wanted


async def test_the_catalog_names_every_repository(world: World) -> None:
    for name in ("acme/b", "acme/a", "other"):
        await push_image(world, world.at(f"{name}:1"))
    assert await world.real.catalog(world.left) == ["acme/a", "acme/b", "other"]


async def test_what_refers_to_an_image_is_found(world: World) -> None:
    subject = await push_image(world, world.at("acme/api:1"))
    reference = world.at("acme/api").with_digest(subject.digest)
    assert await world.real.referrers(reference) == []
    config = await world.client.put_blob(reference, b"{}")
    body = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "artifactType": "application/vnd.example.sbom",
        "config": entry(config, "application/vnd.oci.empty.v1+json"),
        "layers": [entry(config, "application/vnd.oci.empty.v1+json")],
        "subject": entry(subject.descriptor, OCI_MANIFEST),
    }
    referrer = Manifest(OCI_MANIFEST, msgspec.json.encode(body))
    await world.client.put_manifest(reference.without_version(), referrer)
    if not await world.real.referrers(reference):
        # a registry without the API keeps the list at the fallback tag, which its pushers write
        listed = {**entry(referrer.descriptor, OCI_MANIFEST), "artifactType": body["artifactType"]}
        index = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [listed]}
        fallback = reference.with_tag(f"sha256-{subject.digest.hex}")
        await world.client.put_manifest(fallback, Manifest(OCI_INDEX, msgspec.json.encode(index)))
    found = await world.real.referrers(reference, "application/vnd.example.sbom")
    assert [descriptor.digest for descriptor in found] == [str(referrer.digest)]
    assert await world.real.referrers(reference, "application/vnd.example.other") == []


async def test_a_delete_by_digest_takes_its_tags_along(world: World) -> None:
    reference = world.at("acme/api:1")
    pushed = await push_image(world, reference)
    await world.client.put_manifest(reference.with_tag("2"), pushed)
    await push_image(world, reference.with_tag("other"), "other")
    await world.client.delete(reference.with_digest(pushed.digest))
    assert await world.client.head(reference) is None
    assert await world.client.tags(reference) == ["other"]


async def test_a_delete_by_tag_never_takes_more_than_the_tag(world: World) -> None:
    reference = world.at("acme/api:1")
    pushed = await push_image(world, reference)
    await world.client.put_manifest(reference.with_tag("2"), pushed)
    if world.deletes_tags:
        await world.client.delete(reference)
        assert await world.client.tags(reference) == ["2"]
    else:
        with pytest.raises(Denied, match="cannot delete"):
            await world.client.delete(reference)
        assert await world.client.tags(reference) == ["1", "2"]
    assert await world.client.head(reference.with_tag("2")) == pushed.descriptor


async def test_deleting_what_is_not_there_is_an_error(world: World) -> None:
    await push_image(world, world.at("acme/api:1"))
    with pytest.raises(NotFound):
        await world.client.delete(world.at("acme/api").with_digest(Digest.of(b"nothing")))
