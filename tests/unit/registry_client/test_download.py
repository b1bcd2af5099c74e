"""Downloads that break, lie, or lead elsewhere."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest
from aiohttp import web

from shipway.errors import InvalidValue, Mismatch, NotFound, RegistryError, Unreachable
from shipway.oci.manifest import OCI_INDEX, OCI_MANIFEST, Descriptor
from shipway.registry.client import RegistryClient
from shipway.registry.config import RegistryConfig
from shipway.registry.credentials import Credential
from shipway.testing.scripted_registry import Bench, ScriptedServer
from shipway.values import Digest, Reference

DATA = bytes(range(256)) * 12_000
BLOB = Descriptor("", str(Digest.of(DATA)), len(DATA))
Answer = Callable[[web.Request, int], Awaitable[web.StreamResponse]]


def at(server: ScriptedServer, name: str = "acme/api:1") -> Reference:
    return Reference.parse(f"{server.address}/{name}")


def start_of(request: web.Request) -> int:
    return int(request.headers.get("Range", "bytes=0-")[len("bytes=") : -1])


async def send(
    request: web.Request, data: bytes, *, stop: int | None = None, status: int = 200, **headers: str
) -> web.StreamResponse:
    """``data``, announced whole, and cut after ``stop`` bytes."""
    response = web.StreamResponse(status=status, headers={"Content-Length": str(len(data)), **headers})
    await response.prepare(request)
    await response.write(data[:stop])
    if stop is not None:
        assert request.transport is not None
        request.transport.close()
    return response


async def part(request: web.Request, data: bytes, stop: int | None = None) -> web.StreamResponse:
    """What is asked for by Range."""
    start = start_of(request)
    if not start:
        return await send(request, data, stop=stop)
    shown = {"Content-Range": f"bytes {start}-{len(data) - 1}/{len(data)}"}
    return await send(request, data[start:], stop=stop, status=206, **shown)


async def read(client: RegistryClient, server: ScriptedServer, blob: Descriptor = BLOB) -> bytes:
    return b"".join([piece async for piece in client.stream_blob(at(server), blob)])


async def test_a_broken_download_goes_on_where_it_broke(bench: Bench) -> None:
    async def handle(request: web.Request) -> web.StreamResponse:
        return await part(request, DATA, stop=1_000_000 if len(server.seen) < 3 else None)

    server = await bench.serve(handle)
    assert await read(await bench.client(), server) == DATA
    assert [seen.headers.get("Range") for seen in server.seen] == [None, "bytes=1000000-", "bytes=2000000-"]
    assert bench.kinds == ["registry.resume"] * 2


async def test_a_download_that_breaks_often_but_gets_on_arrives(bench: Bench) -> None:
    async def handle(request: web.Request) -> web.StreamResponse:
        return await part(request, DATA, stop=300_000)

    server = await bench.serve(handle)
    assert await read(await bench.client(), server) == DATA
    assert len(server.seen) == 11


async def test_a_registry_that_ignores_range_is_read_from_the_start(bench: Bench) -> None:
    async def handle(request: web.Request) -> web.StreamResponse:
        return await send(request, DATA, stop=1_500_000 if len(server.seen) == 1 else None)

    server = await bench.serve(handle)
    assert await read(await bench.client(), server) == DATA


@pytest.mark.parametrize("header", ["bytes 5-9/10", "bytes 0-3071999/3072000", "junk", ""])
async def test_a_lying_range_is_a_mismatch(bench: Bench, header: str) -> None:
    async def handle(request: web.Request) -> web.StreamResponse:
        if not start_of(request):
            return await send(request, DATA, stop=1_000_000)
        return await send(request, DATA[1_000_000:], status=206, **{"Content-Range": header})

    server = await bench.serve(handle)
    with pytest.raises(Mismatch, match="another part"):
        await read(await bench.client(), server)


async def test_a_download_that_never_gets_on_ends(bench: Bench) -> None:
    async def handle(request: web.Request) -> web.StreamResponse:
        return await part(request, DATA, stop=0 if start_of(request) else 1_000_000)

    server = await bench.serve(handle)
    with pytest.raises(Mismatch, match="ends after 1000000 of 3072000 bytes"):
        await read(await bench.client(), server)
    assert len(server.seen) == 5


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"x" + DATA[1:], "its content has the digest"),
        (DATA + b"x", "longer than 3072000 bytes"),
        (DATA[:-1], "ends after 3071999"),
    ],
)
async def test_content_that_differs_is_a_mismatch(bench: Bench, data: bytes, message: str) -> None:
    async def handle(request: web.Request) -> web.StreamResponse:
        start = start_of(request)
        return web.Response(status=416) if start >= len(data) else await part(request, data)

    server = await bench.serve(handle)
    with pytest.raises(Mismatch, match=message):
        await read(await bench.client(), server)


async def test_nobody_gets_the_whole_of_a_wrong_blob(bench: Bench) -> None:
    async def handle(request: web.Request) -> web.StreamResponse:
        return await send(request, b"x" + DATA[1:])

    server = await bench.serve(handle)
    client, got = await bench.client(), 0
    with pytest.raises(Mismatch):
        async for piece in client.stream_blob(at(server), BLOB):
            got += len(piece)
    assert got < len(DATA)


async def test_too_much_content_is_told_before_its_end(bench: Bench) -> None:
    async def endless(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(bytes(1 << 20))

    server = await bench.serve(endless)
    with pytest.raises(Mismatch, match="longer than"):
        await read(await bench.client(), server)


async def test_sha512_is_checked_too(bench: Bench) -> None:
    async def handle(request: web.Request) -> web.StreamResponse:
        return await send(request, DATA)

    server = await bench.serve(handle)
    client = await bench.client()
    assert await read(client, server, Descriptor("", str(Digest.of(DATA, "sha512")), len(DATA))) == DATA
    with pytest.raises(Mismatch):
        await read(client, server, Descriptor("", str(Digest.of(b"", "sha512")), len(DATA)))


async def test_a_malformed_digest_is_refused(bench: Bench) -> None:
    client = await bench.client()
    with pytest.raises(InvalidValue):
        await client.blob(Reference.parse("127.0.0.1:1/a/b"), Descriptor("", "sha256:../../etc", 1))


# --- redirects --------------------------------------------------------------------------------


async def kim(registry: str, repository: str) -> Credential:
    return Credential("kim", "s3cret-canary", source="config.json")


async def test_a_redirect_to_storage_is_followed_without_authorization(bench: Bench) -> None:
    async def storage(request: web.Request) -> web.StreamResponse:
        return await part(request, DATA, stop=1_000_000 if len(store.seen) == 1 else None)

    store = await bench.serve(storage, "127.0.0.2")

    async def handle(request: web.Request) -> web.StreamResponse:
        if "Authorization" not in request.headers:
            return web.Response(status=401, headers={"WWW-Authenticate": 'Basic realm="x"'})
        signed = f"http://{store.address}/bucket%2Fblob?sig=a%2Bb%3D&n={len(server.seen)}"
        return web.Response(status=307, headers={"Location": signed})

    server = await bench.serve(handle)
    client = await bench.client(RegistryConfig(credentials=kim))
    assert await read(client, server) == DATA
    # the signed URL as it came, asked for anew after the break, and never with the password
    assert [seen.path for seen in store.seen] == [
        "/bucket%2Fblob?sig=a%2Bb%3D&n=2",
        "/bucket%2Fblob?sig=a%2Bb%3D&n=3",
    ]
    assert all("Authorization" not in seen.headers for seen in store.seen)


async def test_a_redirect_on_the_same_host_keeps_authorization(bench: Bench) -> None:
    async def handle(request: web.Request) -> web.StreamResponse:
        if "Authorization" not in request.headers:
            return web.Response(status=401, headers={"WWW-Authenticate": 'Basic realm="x"'})
        if request.path != "/elsewhere":
            return web.Response(status=302, headers={"Location": "/elsewhere"})
        return await send(request, DATA)

    server = await bench.serve(handle)
    assert await read(await bench.client(RegistryConfig(credentials=kim)), server) == DATA


async def test_redirects_in_a_circle_end(bench: Bench) -> None:
    async def handle(request: web.Request) -> web.StreamResponse:
        return web.Response(status=307, headers={"Location": request.path})

    server = await bench.serve(handle)
    with pytest.raises(Unreachable):
        await read(await bench.client(), server)
    assert len(server.seen) == 5


async def test_a_redirect_to_cloud_metadata_is_refused(bench: Bench) -> None:
    async def handle(request: web.Request) -> web.StreamResponse:
        return web.Response(status=307, headers={"Location": "http://169.254.169.254/latest"})

    server = await bench.serve(handle)
    with pytest.raises(RegistryError, match="private address"):
        await read(await bench.client(), server)


# --- manifests --------------------------------------------------------------------------------

MANIFEST = b'{"schemaVersion":2,"mediaType":"%s"}' % OCI_MANIFEST.encode()


def manifest(data: bytes = MANIFEST, media_type: str = OCI_MANIFEST, **headers: str) -> web.Response:
    return web.Response(body=data, headers={"Content-Type": media_type, **headers})


async def test_every_type_of_manifest_is_accepted(bench: Bench) -> None:
    async def handle(request: web.Request) -> web.StreamResponse:
        return manifest()

    server = await bench.serve(handle)
    client = await bench.client()
    await client.manifest(at(server))
    await client.head(at(server))
    for seen in server.seen:
        assert seen.headers["Accept"].count("application/vnd.") == 4


@pytest.mark.parametrize(
    "answer",
    [
        lambda: manifest(media_type=f"{OCI_MANIFEST}; charset=utf-8"),
        lambda: manifest(media_type="application/json"),
        lambda: manifest(**{"Docker-Content-Digest": str(Digest.of(MANIFEST))}),
        lambda: manifest(**{"Docker-Content-Digest": str(Digest.of(MANIFEST, "sha512"))}),
        lambda: manifest(**{"Docker-Content-Digest": "junk"}),
    ],
)
async def test_a_manifest_is_understood_however_it_is_labelled(
    bench: Bench, answer: Callable[[], web.Response]
) -> None:
    async def handle(request: web.Request) -> web.StreamResponse:
        return answer()

    server = await bench.serve(handle)
    found = await (await bench.client()).manifest(at(server))
    assert (found.media_type, found.data) == (OCI_MANIFEST, MANIFEST)
    head = await (await bench.client()).head(at(server))
    assert head is not None
    assert head.size == len(MANIFEST)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (lambda: manifest(media_type=OCI_INDEX), "says of itself"),
        (
            lambda: manifest(b"{}", "application/vnd.docker.distribution.manifest.v1+json"),
            "no manifest of an image",
        ),
        (lambda: manifest(b"{}", "application/json"), "no manifest of an image"),
        (lambda: manifest(b"<html>", "text/html"), "cannot be read"),
        (lambda: manifest(**{"Docker-Content-Digest": str(Digest.of(b"other"))}), "the registry sends"),
        (lambda: manifest(b" " * (9 << 20)), "more than 8388608 bytes"),
    ],
)
async def test_a_manifest_that_contradicts_itself_is_a_mismatch(
    bench: Bench, answer: Callable[[], web.Response], message: str
) -> None:
    async def handle(request: web.Request) -> web.StreamResponse:
        return answer()

    server = await bench.serve(handle)
    with pytest.raises(Mismatch, match=message):
        await (await bench.client()).manifest(at(server))


async def test_another_manifest_than_the_digest_asked_for_is_a_mismatch(bench: Bench) -> None:
    async def handle(request: web.Request) -> web.StreamResponse:
        return manifest(**{"Docker-Content-Digest": str(Digest.of(MANIFEST))})

    server = await bench.serve(handle)
    client = await bench.client()
    wanted = at(server).with_digest(Digest.of(b"other"))
    with pytest.raises(Mismatch, match="asked for"):
        await client.manifest(wanted)
    with pytest.raises(Mismatch, match="asked for"):
        await client.head(wanted)


async def test_the_reason_that_head_cannot_give_is_asked_for(bench: Bench) -> None:
    async def handle(request: web.Request) -> web.StreamResponse:
        return web.json_response({"errors": [{"code": "NAME_INVALID", "message": "the reason"}]}, status=400)

    server = await bench.serve(handle)
    client = await bench.client()
    with pytest.raises(RegistryError, match="the reason"):
        await client.head(at(server))
    with pytest.raises(RegistryError, match="the reason"):
        await client.has_blob(at(server), Digest.of(b""))


async def test_a_blob_that_is_missing_is_not_asked_for_twice(bench: Bench) -> None:
    async def handle(request: web.Request) -> web.StreamResponse:
        return web.Response(status=404)

    server = await bench.serve(handle)
    with pytest.raises(NotFound):
        await read(await bench.client(), server)
    assert len(server.seen) == 1


CONFIG = b'{"os": "linux"}'
SMALL = Descriptor("", str(Digest.of(CONFIG)), len(CONFIG))


async def test_a_small_blob_comes_with_one_request(bench: Bench) -> None:
    async def handle(request: web.Request) -> web.StreamResponse:
        return web.Response(body=CONFIG)

    server = await bench.serve(handle)
    assert await (await bench.client()).blob(at(server), SMALL) == CONFIG
    assert len(server.seen) == 1


async def test_a_small_blob_that_comes_wrong_once_is_asked_for_again(bench: Bench) -> None:
    async def handle(request: web.Request) -> web.StreamResponse:
        return web.Response(body=CONFIG if len(server.seen) > 1 else b"nonsense")

    server = await bench.serve(handle)
    assert await (await bench.client()).blob(at(server), SMALL) == CONFIG
    assert len(server.seen) == 2


async def test_a_small_blob_that_stays_wrong_is_a_mismatch(bench: Bench) -> None:
    async def handle(request: web.Request) -> web.StreamResponse:
        return web.Response(body=CONFIG.swapcase())

    server = await bench.serve(handle)
    with pytest.raises(Mismatch, match="digest"):
        await (await bench.client()).blob(at(server), SMALL)
