"""The fault proxy: same seed, same faults; and nothing but what was asked for."""

from __future__ import annotations

from collections.abc import Iterator

import aiohttp
import pytest

from shipway.errors import RateLimited, Unreachable
from shipway.registry.config import RegistryConfig
from shipway.testing.faults import KINDS, FaultProxy, Injected
from shipway.testing.raw import RawRepository
from shipway.testing.registry import running_registry
from shipway.testing.scripted_registry import Bench
from shipway.values import Digest, Reference


@pytest.fixture
def shop() -> Iterator[RawRepository]:
    with running_registry() as registry:
        yield RawRepository(registry.address, "shop/api")


async def seen(proxy: FaultProxy, path: str) -> object:
    """What one bare request sees: status and body, or that the connection broke."""
    async with aiohttp.ClientSession() as session:
        try:
            url = f"http://{proxy.address}/v2/shop/api/{path}"
            async with session.get(url, allow_redirects=False) as answer:
                return answer.status, answer.headers, await answer.read()
        except aiohttp.ClientError as error:
            return type(error).__name__


async def test_the_same_seed_hits_the_same_requests(shop: RawRepository) -> None:
    digest = shop.push_blob(b"content" * 100)
    runs = []
    for seed in (1, 1, 2):
        async with FaultProxy(shop.address, seed=seed, rate=0.5, kinds=set(KINDS) - {"stall"}) as proxy:
            for _ in range(12):
                await seen(proxy, f"blobs/{digest}")
            runs.append(list(proxy.injected))
    assert runs[0] == runs[1] != runs[2]
    assert runs[0]


async def test_without_a_rate_nothing_happens(shop: RawRepository) -> None:
    digest = shop.push_blob(b"content")
    async with FaultProxy(shop.address, seed=1, rate=0) as proxy:
        status, _, body = await seen(proxy, f"blobs/{digest}")  # type: ignore[misc]
        assert (status, body, proxy.injected) == (200, b"content", [])


@pytest.mark.parametrize("kind", sorted(set(KINDS) - {"stall", "slow"}))
async def test_each_fault_shows(shop: RawRepository, kind: str) -> None:
    """What is not for a GET of a blob without login leaves it alone."""
    digest = shop.push_blob(b"content" * 100)
    async with FaultProxy(shop.address, seed=1, rate=1.0, kinds=[kind]) as proxy:
        found = await seen(proxy, f"blobs/{digest}")
        if not proxy.injected:
            assert kind in {
                "413", "corrupt-upload", "elsewhere", "expired", "lying-range", "plain-location",
                "reset-middle",
            }  # fmt: skip
            return
        # aiohttp sends a request that got lost again by itself
        assert set(proxy.injected) == {Injected(kind, "GET", f"/v2/shop/api/blobs/{digest}")}
    if isinstance(found, tuple):
        status, headers, body = found
        right = status == 200 and headers.get("Docker-Content-Digest") == str(digest) == str(Digest.of(body))
        assert not right


async def test_a_stall_ends_when_the_client_gives_up(bench: Bench, shop: RawRepository) -> None:
    async with FaultProxy(shop.address, seed=1, rate=1.0, kinds=["stall"]) as proxy:
        client = await bench.client(RegistryConfig(read_timeout=0.05, tries=2))
        with pytest.raises(Unreachable):
            await client.tags(Reference(proxy.address, "shop/api"))
    assert len(proxy.injected) == 2


async def test_a_rate_limit_is_named_even_when_a_proxy_tells_it_with_a_page(
    bench: Bench, shop: RawRepository
) -> None:
    async with FaultProxy(shop.address, seed=1, rate=1.0, kinds=["429"]) as proxy:
        client = await bench.client()
        with pytest.raises(RateLimited):
            await client.tags(Reference(proxy.address, "shop/api"))


async def test_a_login_that_reaches_the_storage_is_told(shop: RawRepository) -> None:
    async with FaultProxy(shop.address, seed=1) as proxy, aiohttp.ClientSession() as session:
        url = proxy.signed("/v2/shop/api/blobs/x")
        async with session.get(url, headers={"Authorization": "Bearer x"}) as answer:
            assert answer.status == 400
        assert proxy.leaks == ["GET /v2/shop/api/blobs/x"]
