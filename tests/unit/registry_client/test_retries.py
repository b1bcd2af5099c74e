"""What passes by itself is waited for, within bounds and visibly; nothing else is."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from aiohttp import web

from shipway.errors import Denied, RateLimited, Unreachable
from shipway.oci.manifest import OCI_MANIFEST, Manifest
from shipway.registry.config import RegistryConfig
from shipway.testing.scripted_registry import Bench
from shipway.values import Reference

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def at(address: str, name: str = "acme/api:1") -> Reference:
    return Reference.parse(f"{address}/{name}")


def failing(times: int, answer: Callable[[web.Request], web.Response]) -> Handler:
    """Give ``answer`` the first ``times``, then a list of tags."""
    count = 0

    async def handle(request: web.Request) -> web.Response:
        nonlocal count
        count += 1
        return answer(request) if count <= times else web.json_response({"tags": ["1"]})

    return handle


def reset(request: web.Request) -> web.Response:
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504, 522])
async def test_a_status_that_passes_is_tried_again(bench: Bench, status: int) -> None:
    server = await bench.serve(failing(2, lambda request: web.Response(status=status)))
    assert await (await bench.client()).tags(at(server.address)) == ["1"]
    assert len(server.seen) == 3
    assert [event.data["reason"] for event in bench.events] == [f"HTTP {status}"] * 2
    assert bench.kinds == ["registry.retry"] * 2


async def test_a_reset_connection_is_tried_again(bench: Bench) -> None:
    server = await bench.serve(failing(2, reset))
    assert await (await bench.client()).tags(at(server.address)) == ["1"]
    assert bench.kinds == ["registry.retry"] * 2


async def test_an_answer_that_is_cut_short_is_tried_again(bench: Bench) -> None:
    async def handle(request: web.Request) -> web.StreamResponse:
        if len(server.seen) == 2:
            return web.json_response({"tags": ["1"]})
        response = web.StreamResponse(headers={"Content-Length": "1000"})
        await response.prepare(request)
        await response.write(b'{"tags": [')
        reset(request)
        return response

    server = await bench.serve(handle)
    assert await (await bench.client()).tags(at(server.address)) == ["1"]
    assert bench.events[0].data["reason"] == "ClientPayloadError"


@pytest.mark.parametrize(
    ("value", "wait"),
    [("3", 3.0), ("1.5ms", 0.0015), ("86400", 60.0), ("Fri, 01 May 2026 12:00:09 GMT", 9.0)],
)
async def test_retry_after_is_obeyed_within_a_minute(bench: Bench, value: str, wait: float) -> None:
    server = await bench.serve(
        failing(1, lambda request: web.Response(status=429, headers={"Retry-After": value}))
    )
    await (await bench.client()).tags(at(server.address))
    assert bench.waits == [pytest.approx(wait)]


async def test_after_five_tries_it_is_an_error(bench: Bench) -> None:
    server = await bench.serve(failing(99, lambda request: web.Response(status=503)))
    with pytest.raises(Unreachable, match="HTTP 503"):
        await (await bench.client()).tags(at(server.address))
    assert len(server.seen) == 5
    server = await bench.serve(failing(99, reset))
    with pytest.raises(Unreachable, match="was lost"):
        await (await bench.client()).tags(at(server.address))
    server = await bench.serve(failing(99, lambda request: web.Response(status=429)))
    with pytest.raises(RateLimited):
        await (await bench.client()).tags(at(server.address))


async def test_githubs_hidden_rate_limit_is_waited_for(bench: Bench) -> None:
    hidden = web.Response
    server = await bench.serve(
        failing(1, lambda request: hidden(status=403, text="You have exceeded a secondary rate limit"))
    )
    assert await (await bench.client()).tags(at(server.address)) == ["1"]


async def test_a_refusal_is_not_tried_again(bench: Bench) -> None:
    server = await bench.serve(failing(99, lambda request: web.Response(status=403)))
    with pytest.raises(Denied):
        await (await bench.client()).tags(at(server.address))
    assert len(server.seen) == 1


async def test_a_manifest_is_put_again_with_its_body(bench: Bench) -> None:
    manifest = Manifest(OCI_MANIFEST, b'{"schemaVersion":2}')

    async def handle(request: web.Request) -> web.Response:
        return web.Response(status=503 if len(server.seen) < 3 else 201)

    server = await bench.serve(handle)
    await (await bench.client()).put_manifest(at(server.address), manifest)
    assert [seen.body for seen in server.seen] == [manifest.data] * 3


async def test_a_delete_whose_answer_was_lost_is_done(bench: Bench) -> None:
    async def handle(request: web.Request) -> web.Response:
        return reset(request) if len(server.seen) == 1 else web.Response(status=404)

    server = await bench.serve(handle)
    await (await bench.client()).delete(at(server.address))
    assert len(server.seen) == 2


async def test_an_endless_error_is_read_only_in_part(bench: Bench) -> None:
    async def endless(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(status=403)
        await response.prepare(request)
        while True:
            await response.write(b"x" * 10_000)

    server = await bench.serve(endless)
    async with asyncio.timeout(20):
        with pytest.raises(Denied) as caught:
            await (await bench.client()).tags(at(server.address))
    assert len(caught.value.message) < 500


async def test_no_cookie_is_ever_sent_back(bench: Bench) -> None:
    async def handle(request: web.Request) -> web.Response:
        return web.json_response({"tags": []}, headers={"Set-Cookie": "sid=1; Path=/"})

    # a name, since no client keeps cookies of addresses
    server = await bench.serve(handle, "localhost")
    client = await bench.client()
    for _ in range(2):
        await client.tags(at(server.address))
    assert all("Cookie" not in seen.headers for seen in server.seen)


async def test_nothing_compressed_is_asked_for(bench: Bench) -> None:
    server = await bench.serve(failing(0, reset))
    await (await bench.client(RegistryConfig(user_agent="shipway/9"))).tags(at(server.address))
    assert server.seen[0].headers["Accept-Encoding"] == "identity"
    assert server.seen[0].headers["User-Agent"] == "shipway/9"
