"""Copies with everything that belongs to an image, between registries, layouts and archives that are real."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from shipway.errors import InvalidValue, Mismatch, NotFound, ShipwayError
from shipway.host import SystemClock
from shipway.oci.layout import Layout
from shipway.oci.locator import Locator
from shipway.oci.manifest import OCI_CONFIG, OCI_EMPTY, OCI_INDEX, OCI_LAYER_TAR, OCI_MANIFEST
from shipway.ports import Copied
from shipway.registry.carrier import ImageCarrier
from shipway.registry.client import RegistryClient
from shipway.registry.config import RegistryConfig
from shipway.testing.distribution import running_distribution
from shipway.testing.raw import RawRepository, descriptor, encode, index
from shipway.testing.registry import running_registry
from shipway.values import Digest, Platform, Reference

AMD64, ARM64 = Platform.parse("linux/amd64"), Platform.parse("linux/arm64")
SHARED = b"the base layer" * 1000


@dataclass(frozen=True)
class World:
    """Two registries and what copies between them."""

    client: RegistryClient
    left: str
    right: str
    tmp: Path
    keeps_referrers: bool

    async def copy(
        self, source: str, destination: str, *platforms: Platform, dry_run: bool = False
    ) -> Copied:
        """One copy by a carrier of its own, which remembers nothing."""
        async with ImageCarrier(self.client, dry_run=dry_run) as carrier:
            places = Locator.parse(source), Locator.parse(destination)
            copied = await carrier.copy(*places, platforms, lambda line: None)
            await carrier.finish()
        return copied

    def repository(self, name: str = "acme/api", registry: str | None = None) -> RawRepository:
        return RawRepository(registry or self.left, name)


@pytest.fixture(params=["embedded", pytest.param("debian", marks=pytest.mark.registry)])
async def world(
    request: pytest.FixtureRequest, tmp_path: Path, require_tool: Callable[[str], str]
) -> AsyncIterator[World]:
    async with AsyncExitStack() as stack:
        servers = stack.enter_context(ExitStack())
        if request.param == "embedded":
            left, right = (servers.enter_context(running_registry()).address for _ in range(2))
        else:
            require_tool("docker-registry")
            left, right = (servers.enter_context(running_distribution(tmp_path / side)) for side in "lr")
        client = await stack.enter_async_context(RegistryClient(RegistryConfig(), SystemClock()))
        yield World(client, left, right, tmp_path, request.param == "embedded")


# --- images -----------------------------------------------------------------------------------


def push_platform(repository: RawRepository, architecture: str) -> dict[str, Any]:
    """An image of a shared layer and one of its own; the descriptor for an index."""
    config = {"os": "linux", "architecture": architecture, "rootfs": {"type": "layers", "diff_ids": []}}
    own = architecture.encode() * 500
    for data in (encode(config), SHARED, own):
        repository.push_blob(data)
    layers = [descriptor(data, OCI_LAYER_TAR) for data in (SHARED, own)]
    config_entry = descriptor(encode(config), OCI_CONFIG)
    document = {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": config_entry, "layers": layers}
    assert repository.put_manifest(Digest.of(encode(document)), document).status == 201
    platform = {"os": "linux", "architecture": architecture}
    return {**descriptor(encode(document)), "platform": platform}


def push_index(repository: RawRepository, tag: str = "1.0") -> Digest:
    document = index(push_platform(repository, "amd64"), push_platform(repository, "arm64"))
    assert repository.put_manifest(tag, document).status == 201
    return Digest.of(encode(document))


def attachment(repository: RawRepository, content: bytes, **fields: Any) -> dict[str, Any]:
    for data in (b"{}", content):
        repository.push_blob(data)
    return {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": descriptor(b"{}", OCI_EMPTY),
        "layers": [descriptor(content, "text/plain")],
        **fields,
    }


async def push_referrer(world: World, repository: RawRepository, subject: Digest, content: bytes) -> Digest:
    """An SBOM about ``subject``, listed at the fallback tag where the registry does not list it itself."""
    about = {"mediaType": OCI_INDEX, "digest": str(subject), "size": 10}
    document = attachment(repository, content, artifactType="application/vnd.example.sbom", subject=about)
    digest = Digest.of(encode(document))
    assert repository.put_manifest(digest, document).status == 201
    if not world.keeps_referrers:
        entry = {**descriptor(encode(document)), "artifactType": document["artifactType"]}
        assert repository.put_manifest(f"sha256-{subject.hex}", index(entry)).status == 201
    return digest


def push_signature(repository: RawRepository, subject: Digest) -> str:
    tag = f"sha256-{subject.hex}.sig"
    assert (
        repository.put_manifest(tag, attachment(repository, b"signed " + subject.hex.encode())).status == 201
    )
    return tag


def manifest_bytes(repository: RawRepository, at: object) -> bytes | None:
    accept = {"Accept": f"{OCI_INDEX}, {OCI_MANIFEST}"}
    answer = repository("GET", f"manifests/{at}", headers=accept)
    return answer.body if answer.status == 200 else None


def at(world: World, digest: Digest, name: str = "mirror/api") -> Reference:
    return Reference(world.right, name, digest=digest)


# --- between registries -----------------------------------------------------------------------


async def test_an_index_arrives_with_the_same_bytes(world: World) -> None:
    source, target = world.repository(), world.repository("mirror/api", world.right)
    digest = push_index(source)
    copied = await world.copy(f"{world.left}/acme/api:1.0", f"{world.right}/mirror/api:1.0")
    assert (copied.digest, copied.source_digest) == (digest, digest)
    assert manifest_bytes(target, "1.0") == manifest_bytes(source, "1.0")
    assert (copied.manifests, copied.moved, copied.there) == (3, 5, 1)


async def test_what_is_there_is_not_moved_again(world: World) -> None:
    push_index(world.repository())
    places = f"{world.left}/acme/api:1.0", f"{world.right}/mirror/api:1.0"
    first, again = await world.copy(*places), await world.copy(*places)
    assert first.bytes > 0
    assert (again.digest, again.manifests, again.moved, again.bytes) == (first.digest, 0, 0, 0)


async def test_referrers_of_an_index_and_its_images_come_along(world: World) -> None:
    source = world.repository()
    digest = push_index(source)
    child = Digest.parse(json.loads(manifest_bytes(source, "1.0") or b"")["manifests"][0]["digest"])
    sbom = await push_referrer(world, source, digest, b"sbom of all")
    of_child = await push_referrer(world, source, child, b"sbom of one")
    copied = await world.copy(f"{world.left}/acme/api:1.0", f"{world.right}/mirror/api:1.0")
    assert copied.referrers == 2
    assert [entry.digest for entry in await world.client.referrers(at(world, digest))] == [str(sbom)]
    found = await world.client.referrers(at(world, child), "application/vnd.example.sbom")
    assert [entry.digest for entry in found] == [str(of_child)]


async def test_referrers_of_referrers_come_along(world: World) -> None:
    source = world.repository()
    sbom = await push_referrer(world, source, push_index(source), b"sbom")
    signature = await push_referrer(world, source, sbom, b"signature of the sbom")
    await world.copy(f"{world.left}/acme/api:1.0", f"{world.right}/mirror/api:1.0")
    assert [entry.digest for entry in await world.client.referrers(at(world, sbom))] == [str(signature)]


async def test_cosigns_tags_come_along(world: World) -> None:
    source, target = world.repository(), world.repository("mirror/api", world.right)
    tag = push_signature(source, push_index(source))
    copied = await world.copy(f"{world.left}/acme/api:1.0", f"{world.right}/mirror/api:1.0")
    assert copied.referrers == 1
    assert manifest_bytes(target, tag) == manifest_bytes(source, tag) is not None


async def test_a_signature_made_later_is_brought_by_the_next_copy(world: World) -> None:
    source, target = world.repository(), world.repository("mirror/api", world.right)
    digest = push_index(source)
    places = f"{world.left}/acme/api:1.0", f"{world.right}/mirror/api:1.0"
    await world.copy(*places)
    tag, sbom = push_signature(source, digest), await push_referrer(world, source, digest, b"sbom")
    await world.copy(*places)
    assert manifest_bytes(target, tag) is not None
    assert [entry.digest for entry in await world.client.referrers(at(world, digest))] == [str(sbom)]


async def test_chosen_platforms_make_an_index_of_their_own(world: World) -> None:
    source, target = world.repository(), world.repository("mirror/api", world.right)
    digest = push_index(source)
    copied = await world.copy(f"{world.left}/acme/api:1.0", f"{world.right}/mirror/api:arm", ARM64)
    assert copied.source_digest == digest != copied.digest
    kept = json.loads(manifest_bytes(target, "arm") or b"")["manifests"]
    assert kept == json.loads(manifest_bytes(source, "1.0") or b"")["manifests"][1:]


async def test_all_platforms_by_name_are_the_index_itself(world: World) -> None:
    digest = push_index(world.repository())
    places = f"{world.left}/acme/api:1.0", f"{world.right}/mirror/api:1.0"
    assert (await world.copy(*places, AMD64, ARM64)).digest == digest


async def test_a_platform_that_is_not_there_is_refused_before_anything_moves(world: World) -> None:
    push_index(world.repository())
    with pytest.raises(NotFound, match="no platform linux/s390x"):
        await world.copy(
            f"{world.left}/acme/api:1.0", f"{world.right}/mirror/api:1.0", Platform.parse("linux/s390x")
        )
    assert await world.client.tags(Reference(world.right, "mirror/api")) == []


async def test_within_a_registry_nothing_moves(world: World) -> None:
    push_index(world.repository())
    copied = await world.copy(f"{world.left}/acme/api:1.0", f"{world.left}/acme/copy:1.0")
    assert (copied.moved, copied.bytes) == (0, 0)
    assert copied.mounted == 5


async def test_a_rehearsal_counts_what_would_move_and_writes_nothing(world: World) -> None:
    push_signature(world.repository(), push_index(world.repository()))
    places = f"{world.left}/acme/api:1.0", f"{world.right}/mirror/api:1.0"
    would = await world.copy(*places, dry_run=True)
    assert (would.manifests, would.moved) == (4, 7)
    assert await world.client.tags(Reference(world.right, "mirror/api")) == []
    assert not await world.client.has_blob(Reference(world.right, "mirror/api"), Digest.of(SHARED))
    assert await world.copy(*places) == would


async def test_a_damaged_source_leaves_no_tag(world: World) -> None:
    push_index(world.repository())
    layout = world.tmp / "layout"
    await world.copy(f"{world.left}/acme/api:1.0", f"oci:{layout}:1.0")
    blob = Layout(layout).blob_path(Digest.of(SHARED))
    blob.write_bytes(SHARED[:-1] + b"?")
    with pytest.raises(Mismatch, match="holds something else"):
        await world.copy(f"oci:{layout}:1.0", f"{world.right}/mirror/api:1.0")
    assert await world.client.tags(Reference(world.right, "mirror/api")) == []
    assert not await world.client.has_blob(Reference(world.right, "mirror/api"), Digest.of(SHARED))


# --- layouts and archives ---------------------------------------------------------------------


async def test_through_a_layout_and_back_all_is_as_it_was(world: World) -> None:
    source, target = world.repository(), world.repository("back/api", world.right)
    digest = push_index(source)
    tag, sbom = push_signature(source, digest), await push_referrer(world, source, digest, b"sbom")
    layout = world.tmp / "layout"
    out = await world.copy(f"{world.left}/acme/api:1.0", f"oci:{layout}:1.0")
    back = await world.copy(f"oci:{layout}:1.0", f"{world.right}/back/api:1.0")
    assert out.digest == back.digest == digest
    assert (out.referrers, back.referrers) == (2, 2)
    for at_ in ("1.0", tag, sbom):
        assert manifest_bytes(target, at_) == manifest_bytes(source, at_) is not None
    found = await world.client.referrers(at(world, digest, "back/api"))
    assert [entry.digest for entry in found] == [str(sbom)]


async def test_through_an_archive_and_back_the_index_is_as_it_was(world: World) -> None:
    source, target = world.repository(), world.repository("back/api", world.right)
    digest = push_index(source)
    push_signature(source, digest)
    archive = world.tmp / "api.tar"
    await world.copy(f"{world.left}/acme/api:1.0", f"docker-archive:{archive}:example.com/api:1.0")
    back = await world.copy(f"docker-archive:{archive}", f"{world.right}/back/api:1.0")
    assert back.digest == digest
    assert manifest_bytes(target, "1.0") == manifest_bytes(source, "1.0")


async def test_an_archive_of_one_platform_holds_its_manifest(world: World) -> None:
    source = world.repository()
    push_index(source)
    wanted = json.loads(manifest_bytes(source, "1.0") or b"")["manifests"][1]["digest"]
    archive = world.tmp / "api.tar"
    copied = await world.copy(f"{world.left}/acme/api:1.0", f"docker-archive:{archive}", ARM64)
    assert str(copied.digest) == wanted


async def test_archives_are_not_added_to(world: World) -> None:
    push_index(world.repository())
    archive = world.tmp / "api.tar"
    archive.write_bytes(b"precious")
    with pytest.raises(InvalidValue, match="exists"):
        await world.copy(f"{world.left}/acme/api:1.0", f"docker-archive:{archive}:api:1.0")
    assert archive.read_bytes() == b"precious"


async def test_what_fails_leaves_no_archive(world: World) -> None:
    with pytest.raises(ShipwayError):
        await world.copy(f"{world.left}/acme/nothing:1.0", f"docker-archive:{world.tmp / 'api.tar'}:api:1.0")
    assert sorted(path.name for path in world.tmp.iterdir() if path.is_file()) == []


async def test_a_layout_of_several_images_wants_a_name(world: World) -> None:
    push_index(world.repository())
    layout = world.tmp / "layout"
    for tag in ("1.0", "2.0"):
        await world.copy(f"{world.left}/acme/api:1.0", f"oci:{layout}:{tag}")
    with pytest.raises(InvalidValue, match="holds 2 images"):
        await world.copy(f"oci:{layout}", f"{world.right}/mirror/api:1.0")


async def test_signatures_are_no_images_of_their_own(world: World) -> None:
    push_signature(world.repository(), push_index(world.repository()))
    async with ImageCarrier(world.client) as carrier:
        assert await carrier.names(Locator.parse(f"{world.left}/acme/api")) == ["1.0"]
