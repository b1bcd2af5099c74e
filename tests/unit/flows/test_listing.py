"""What a registry holds, and what of a fleet is missing there."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from shipway.errors import Denied, RegistryError, Unreachable
from shipway.flows.listing import Listing, Wanted, list_registry
from shipway.oci.manifest import OCI_CONFIG, OCI_LAYER_TAR, OCI_MANIFEST, Descriptor, Manifest, index_of
from shipway.report.listing_report import age, listing_text
from shipway.testing.memory_registry import MemoryRegistry
from shipway.values import Digest, Platform, Reference

HOST = "registry.example"
NOW = datetime(2026, 11, 21, 9, tzinfo=UTC)


async def push(
    registry: MemoryRegistry, reference: str, *, architecture: str = "amd64", created: str | None = None
) -> Manifest:
    at = Reference.parse(f"{HOST}/{reference}")
    config = {"os": "linux", "architecture": architecture, "created": created or "2026-11-20T09:00:00Z"}
    body = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": entry(await registry.put_blob(at, json.dumps(config).encode()), OCI_CONFIG),
        "layers": [entry(await registry.put_blob(at, b"layer" * 1000), OCI_LAYER_TAR)],
    }
    manifest = Manifest(OCI_MANIFEST, msgspec.json.encode(body))
    await registry.put_manifest(at, manifest)
    return manifest


def entry(descriptor: Descriptor, media_type: str) -> Descriptor:
    return msgspec.structs.replace(descriptor, media_type=media_type)


async def listed(
    registry: MemoryRegistry, *wanted: Wanted, place: str = HOST, fleet_only: bool = False
) -> Listing:
    return await list_registry(registry, place, lambda all_: wanted, fleet_only=fleet_only)


def want(name: str, tag: str | None = "1", digest: Digest | None = None) -> Wanted:
    reference = Reference(HOST, f"acme/{name}", tag)
    return Wanted(name, reference, digest)


async def test_a_tag_is_shown_with_digest_platform_size_and_time() -> None:
    registry = MemoryRegistry()
    manifest = await push(registry, "acme/api:1", created="2026-11-20T09:00:00.123456789Z")
    (found,) = (await listed(registry)).entries
    assert (found.repository, found.tag, found.digest) == (f"{HOST}/acme/api", "1", str(manifest.digest))
    assert found.platforms == ("linux/amd64",)
    assert found.size == sum(blob.size for blob in manifest.blobs)
    assert found.created == datetime(2026, 11, 20, 9, 0, 0, 123456, UTC)


async def test_an_index_shows_all_its_platforms_and_the_newest_time() -> None:
    registry = MemoryRegistry()
    one = await push(registry, "acme/api:one", created="2026-01-01T00:00:00Z")
    two = await push(registry, "acme/api:two", architecture="arm64", created="2026-02-01T00:00:00Z")
    platforms = (Platform.parse("linux/amd64"), Platform.parse("linux/arm64"))
    index = index_of([(one.descriptor, platforms[0]), (two.descriptor, platforms[1])])
    await registry.put_manifest(Reference.parse(f"{HOST}/acme/api:1"), index)
    found = next(entry for entry in (await listed(registry)).entries if entry.tag == "1")
    assert found.platforms == ("linux/amd64", "linux/arm64")
    assert found.size == sum(blob.size for manifest in (one, two) for blob in manifest.blobs)
    assert found.created == datetime(2026, 2, 1, tzinfo=UTC)


@pytest.mark.parametrize("created", ["1970-01-01T00:00:00Z", "yesterday", ""])
async def test_a_time_that_tells_nothing_is_none(created: str) -> None:
    registry = MemoryRegistry()
    await push(registry, "acme/api:1", created=created or "0001-01-01T00:00:00Z")
    assert (await listed(registry)).entries[0].created is None


async def test_a_prefix_limits_what_is_shown() -> None:
    registry = MemoryRegistry()
    for name in ("acme/api:1", "acme-other/api:1", "acme:1"):
        await push(registry, name)
    repositories = [entry.repository for entry in (await listed(registry, place=f"{HOST}/acme")).entries]
    assert repositories == [f"{HOST}/acme", f"{HOST}/acme/api"]


async def test_signatures_are_no_images() -> None:
    registry = MemoryRegistry()
    manifest = await push(registry, "acme/api:1")
    await push(registry, f"acme/api:sha256-{manifest.digest.hex}.sig")
    await push(registry, f"acme/api:sha256-{manifest.digest.hex}")
    assert [entry.tag for entry in (await listed(registry)).entries] == ["1"]


@pytest.mark.parametrize("status", [401, 403, 404])
async def test_where_there_is_no_catalog_the_fleet_names_the_repositories(status: int) -> None:
    registry = MemoryRegistry()
    await push(registry, "acme/api:1")
    await push(registry, "acme/unknown:1")
    registry.fail("catalog", error=lambda: Denied("no catalog", status=status))
    listing = await listed(registry, want("api"))
    assert (listing.source, [entry.image for entry in listing.entries]) == ("fleet", ["api"])


@pytest.mark.parametrize(
    ("fleet_only", "catalog", "reads"), [(False, True, False), (True, True, True), (False, False, True)]
)
async def test_the_files_of_a_fleet_are_read_only_where_they_are_needed(
    fleet_only: bool, catalog: bool, reads: bool
) -> None:
    registry = MemoryRegistry()
    if not catalog:
        registry.fail("catalog", error=lambda: Denied("no catalog", status=404))
    asked: list[bool] = []

    def wanted(all_: bool) -> Sequence[Wanted]:
        asked.append(all_)
        return ()

    await list_registry(registry, HOST, wanted, fleet_only=fleet_only)
    assert asked == [reads]


async def test_a_registry_that_cannot_be_reached_is_an_error() -> None:
    registry = MemoryRegistry()
    registry.unreachable.add(HOST)
    with pytest.raises(Unreachable):
        await listed(registry, want("api"))


@pytest.mark.parametrize(
    ("wanted", "why"),
    [
        (want("gone", digest=Digest.of(b"x")), ["no-such-tag"]),
        (want("api", "2", digest=Digest.of(b"x")), ["no-such-tag"]),
        (want("api", digest=Digest.of(b"x")), ["another-digest"]),
        (want("new"), ["never-delivered"]),
        (want("new", None), ["never-delivered"]),
        (want("api"), []),
        (want("api", None), []),
    ],
)
async def test_what_the_fleet_lacks_is_told(wanted: Wanted, why: Sequence[str]) -> None:
    registry = MemoryRegistry()
    await push(registry, "acme/api:1")
    assert [each.why for each in (await listed(registry, wanted)).missing] == why


async def test_what_stands_as_delivered_is_not_missing() -> None:
    registry = MemoryRegistry()
    manifest = await push(registry, "acme/api:1")
    assert (await listed(registry, want("api", digest=manifest.digest))).missing == ()


async def test_images_elsewhere_are_not_missing_here() -> None:
    other = Wanted("web", Reference("other.example", "acme/web", "1"))
    assert (await listed(MemoryRegistry(), other)).missing == ()


async def test_one_unreadable_tag_does_not_hide_the_others() -> None:
    registry = MemoryRegistry()
    await push(registry, "acme/api:1")
    await push(registry, "acme/web:1")
    broken: Callable[[], RegistryError] = lambda: Denied("not for you", status=403)  # noqa: E731
    registry.fail("manifest", error=broken)
    listing = await listed(registry, want("api", digest=Digest.of(b"x")))
    assert sorted(entry.problem or "" for entry in listing.entries) == ["", "not for you"]


async def test_the_text_names_tag_age_and_what_is_missing() -> None:
    registry = MemoryRegistry()
    await push(registry, "acme/api:1")
    text = listing_text(await listed(registry, want("gone")), NOW)
    assert "acme/api" in text
    assert "24 h" in text
    assert "gone: registry.example/acme/gone:1 was never delivered" in text


@pytest.mark.parametrize(
    ("minutes", "text"), [(-5, "0 min"), (59, "59 min"), (60, "1 h"), (47 * 60, "47 h"), (48 * 60, "2 d")]
)
def test_an_age_is_told_in_its_largest_unit(minutes: int, text: str) -> None:
    assert age(timedelta(minutes=minutes)) == text
