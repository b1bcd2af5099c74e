"""Manifests that a proxy changes on their way to a tag, where the registry cannot notice."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from shipway.errors import Mismatch
from shipway.oci.manifest import Manifest
from shipway.testing.faults import FaultProxy
from shipway.testing.raw import RawRepository, encode
from shipway.testing.registry import running_registry
from shipway.testing.scripted_registry import Bench
from shipway.values import Reference


@pytest.fixture
def shop() -> Iterator[RawRepository]:
    with running_registry() as registry:
        yield RawRepository(registry.address, "shop/api")


@pytest.fixture
async def image(shop: RawRepository) -> AsyncIterator[Manifest]:
    document = shop.image(b"layer", annotations={"padding": "x" * 2000})
    yield Manifest(document["mediaType"], encode(document))


async def put(bench: Bench, proxy: FaultProxy, image: Manifest) -> None:
    client = await bench.client()
    await client.put_manifest(Reference(proxy.address, "shop/api", "1.0"), image)


async def test_it_is_put_again_until_it_arrives_as_it_is(
    bench: Bench, shop: RawRepository, image: Manifest
) -> None:
    async with FaultProxy(shop.address, seed=1, rate=1.0, most=2, kinds=["corrupt-upload"]) as proxy:
        await put(bench, proxy, image)
    assert shop("GET", "manifests/1.0").body == image.data
    assert bench.kinds == ["registry.manifest_changed"] * 2


async def test_a_tag_on_what_nobody_pushed_is_taken_back(
    bench: Bench, shop: RawRepository, image: Manifest
) -> None:
    async with FaultProxy(shop.address, seed=1, rate=1.0, kinds=["corrupt-upload"]) as proxy:
        with pytest.raises(Mismatch, match="stored it as"):
            await put(bench, proxy, image)
    assert shop("GET", "manifests/1.0").status == 404


async def test_a_tag_that_is_right_stays_whatever_the_registry_says(
    bench: Bench, shop: RawRepository, image: Manifest
) -> None:
    async with FaultProxy(shop.address, seed=1, rate=1.0, most=3, kinds=["wrong-digest"]) as proxy:
        with pytest.raises(Mismatch, match="stored it as"):
            await put(bench, proxy, image)
    assert shop("GET", "manifests/1.0").body == image.data
