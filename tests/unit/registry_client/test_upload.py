"""Uploads to registries and through proxies that make them hard."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass, field

import pytest
from aiohttp import web

from shipway.errors import Denied, Mismatch, RegistryError, Unreachable
from shipway.oci.manifest import Descriptor
from shipway.registry.config import RegistryConfig
from shipway.registry.credentials import Credential
from shipway.registry.proxy import Proxies
from shipway.testing.scripted_registry import Bench, ScriptedServer
from shipway.values import Digest, Reference

DATA = bytes(range(256)) * 20_000
BLOB = Descriptor("application/octet-stream", str(Digest.of(DATA)), len(DATA))


def at(server: ScriptedServer, name: str = "acme/api") -> Reference:
    return Reference.parse(f"{server.address}/{name}")


@dataclass(slots=True)
class UploadRegistry:
    """Takes uploads; each switch makes it one of the difficult registries."""

    max_body: int = 1 << 40
    min_chunk: int = 0
    drop_puts: int = 0
    forget: int = 0
    busy: int = 0
    stuck: bool = False
    mounts: int = 202
    said_digest: str = ""
    put_status: int = 201
    prefix: str = ""
    no_location: bool = False
    opened: int = 0
    uploads: dict[str, bytearray] = field(default_factory=dict)
    blobs: dict[str, bytes] = field(default_factory=dict)
    sizes: list[int] = field(default_factory=list)

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        if request.method in ("PUT", "PATCH"):
            self.sizes.append(len(body))
            if len(body) > self.max_body:
                return web.Response(status=413, text="<html>413 Request Entity Too Large</html>")
        handler = {"HEAD": self.head, "POST": self.post, "PATCH": self.patch, "PUT": self.put}[request.method]
        return handler(request, body)

    def head(self, request: web.Request, body: bytes) -> web.Response:
        return web.Response(status=200 if request.path.rpartition("/")[2] in self.blobs else 404)

    def post(self, request: web.Request, body: bytes) -> web.Response:
        if "mount" in request.query and self.mounts != 202:
            return web.Response(status=self.mounts)
        number = str(self.opened)
        self.opened += 1
        self.uploads[number] = bytearray()
        headers = self.location(number)
        if self.min_chunk:
            headers["OCI-Chunk-Min-Length"] = str(self.min_chunk)
        return web.Response(status=202, headers={} if self.no_location else headers)

    def patch(self, request: web.Request, body: bytes) -> web.Response:
        number = self.number(request)
        if not self.stuck or not self.uploads[number]:
            self.uploads[number] += body
        headers = {**self.location(number), "Range": f"0-{len(self.uploads[number]) - 1}"}
        return web.Response(status=202, headers=headers)

    def put(self, request: web.Request, body: bytes) -> web.Response:
        if self.drop_puts:
            self.drop_puts -= 1
            self.uploads.pop(self.number(request), None)
            assert request.transport is not None
            request.transport.abort()
        if self.busy:
            self.busy -= 1
            return web.Response(status=429, headers={"Retry-After": "2"})
        if self.forget:
            self.forget -= 1
            return web.json_response({"errors": [{"code": "BLOB_UPLOAD_UNKNOWN"}]}, status=404)
        data = bytes(self.uploads.pop(self.number(request)) + body)
        digest = request.query["digest"]
        if str(Digest.of(data)) != digest:
            return web.json_response({"errors": [{"code": "DIGEST_INVALID"}]}, status=400)
        self.blobs[digest] = data
        said = self.said_digest or digest
        return web.Response(status=self.put_status, headers={"Docker-Content-Digest": said})

    def location(self, number: str) -> dict[str, str]:
        return {"Location": f"{self.prefix}/upload/{number}?_state=a%2Fb%3Ac%2B%3D"}

    def number(self, request: web.Request) -> str:
        # the state has to come back as it was sent
        assert "_state=a%2Fb%3Ac%2B%3D" in request.raw_path
        found = re.match(r"/upload/(\d+)", request.path)
        assert found
        return found.group(1)


async def upload(bench: Bench, registry: UploadRegistry, data: bytes = DATA) -> ScriptedServer:
    server = await bench.serve(registry)
    await (await bench.client()).put_blob(at(server), data)
    assert list(registry.blobs.values()) == [data]
    return server


@pytest.mark.parametrize("status", [201, 204])
async def test_a_blob_goes_up_in_one_piece(bench: Bench, status: int) -> None:
    registry = UploadRegistry(put_status=status)
    server = await upload(bench, registry)
    assert [seen.method for seen in server.seen] == ["HEAD", "POST", "PUT"]
    assert server.seen[2].headers["Content-Length"] == str(len(DATA))
    assert "Transfer-Encoding" not in server.seen[2].headers


async def test_an_empty_blob_goes_up(bench: Bench) -> None:
    await upload(bench, UploadRegistry(), b"")


async def test_a_blob_that_is_there_is_not_sent(bench: Bench) -> None:
    server = await upload(bench, registry := UploadRegistry())
    await (await bench.client()).put_blob(at(server), DATA)
    assert len(registry.sizes) == 1


@pytest.mark.parametrize("limit", [4 << 20, 1 << 20, 300_000])
async def test_behind_a_small_body_limit_it_goes_up_in_chunks(bench: Bench, limit: int) -> None:
    registry = UploadRegistry(max_body=limit)
    server = await bench.serve(registry)
    client = await bench.client()
    await client.put_blob(at(server), DATA)
    assert list(registry.blobs.values()) == [DATA]
    assert "registry.chunked" in bench.kinds
    # the next blob of that registry starts with what was learnt
    registry.sizes.clear()
    await client.put_blob(at(server), DATA + b"x")
    assert max(registry.sizes) <= limit


async def test_a_limit_too_small_for_any_chunk_is_named(bench: Bench) -> None:
    server = await bench.serve(UploadRegistry(max_body=1000))
    with pytest.raises(Denied) as caught:
        await (await bench.client()).put_blob(at(server), DATA)
    assert "client_max_body_size" in (caught.value.help or "")


async def test_the_smallest_chunk_of_a_registry_is_respected(bench: Bench) -> None:
    registry = UploadRegistry(max_body=5 << 19, min_chunk=2 << 20)
    await upload(bench, registry)
    patches = [size for size in registry.sizes if 0 < size <= 5 << 19]
    assert all(size >= 2 << 20 for size in patches[:-1])


async def test_a_registry_that_drops_chunks_is_found_out(bench: Bench) -> None:
    registry = UploadRegistry(max_body=1 << 20, stuck=True)
    server = await bench.serve(registry)
    with pytest.raises(Mismatch, match="the registry has 0-"):
        await (await bench.client()).put_blob(at(server), DATA)
    assert registry.blobs == {}


async def test_a_lost_connection_starts_the_upload_anew(bench: Bench) -> None:
    registry = UploadRegistry(drop_puts=2)
    server = await upload(bench, registry)
    assert [seen.method for seen in server.seen].count("POST") == 3
    assert bench.kinds == ["registry.upload_again"] * 2


async def test_an_upload_that_the_registry_forgot_starts_anew(bench: Bench) -> None:
    server = await upload(bench, UploadRegistry(forget=1))
    assert [seen.method for seen in server.seen].count("POST") == 2


async def test_a_busy_registry_gets_the_same_upload_again(bench: Bench) -> None:
    server = await upload(bench, UploadRegistry(busy=1))
    assert [seen.method for seen in server.seen] == ["HEAD", "POST", "PUT", "PUT"]
    assert bench.waits == [2.0]


@pytest.mark.parametrize(("drops", "forgets"), [(99, 0), (0, 99)])
async def test_an_upload_that_never_succeeds_ends(bench: Bench, drops: int, forgets: int) -> None:
    server = await bench.serve(UploadRegistry(drop_puts=drops, forget=forgets))
    with pytest.raises(Unreachable):
        await (await bench.client()).put_blob(at(server), DATA)
    assert [seen.method for seen in server.seen].count("PUT") == 4


async def test_another_digest_than_was_sent_is_a_mismatch(bench: Bench) -> None:
    server = await bench.serve(UploadRegistry(said_digest=str(Digest.of(b"other"))))
    with pytest.raises(Mismatch, match="stored it as"):
        await (await bench.client()).put_blob(at(server), DATA)


async def test_an_upload_without_a_location_is_a_mismatch(bench: Bench) -> None:
    server = await bench.serve(UploadRegistry(no_location=True))
    with pytest.raises(Mismatch, match="no Location"):
        await (await bench.client()).put_blob(at(server), DATA)


async def test_an_upload_is_not_sent_to_a_private_address(bench: Bench) -> None:
    server = await bench.serve(UploadRegistry(prefix="http://169.254.169.254"))
    with pytest.raises(RegistryError, match="private address"):
        await (await bench.client()).put_blob(at(server), DATA)


async def test_the_password_does_not_follow_an_upload_to_another_host(bench: Bench) -> None:
    registry = UploadRegistry()
    store = await bench.serve(registry, "127.0.0.2")
    registry.prefix = f"http://{store.address}"

    async def guarded(request: web.Request) -> web.StreamResponse:
        if "Authorization" not in request.headers:
            return web.Response(status=401, headers={"WWW-Authenticate": 'Basic realm="x"'})
        return await registry(request)

    async def kim(name: str, repository: str) -> Credential:
        return Credential("kim", "s3cret-canary")

    server = await bench.serve(guarded)
    await (await bench.client(RegistryConfig(credentials=kim))).put_blob(at(server), DATA)
    assert [seen.method for seen in store.seen] == ["PUT"]
    assert "Authorization" not in store.seen[0].headers


@pytest.mark.parametrize(
    ("status", "done"), [(201, True), (202, False), (400, False), (403, False), (500, False)]
)
async def test_a_mount_is_done_or_is_retreated_from(bench: Bench, status: int, done: bool) -> None:
    registry = UploadRegistry(mounts=status)
    server = await bench.serve(registry)
    client = await bench.client()
    assert await client.mount(at(server), BLOB, "acme/base") is done
    assert f"mount={BLOB.digest}&from=acme/base" in server.lines[0]


@pytest.mark.parametrize("status", [202, 400])
async def test_a_blob_that_cannot_be_mounted_is_streamed(bench: Bench, status: int) -> None:
    registry = UploadRegistry(mounts=status)

    async def handle(request: web.Request) -> web.StreamResponse:
        if request.method == "GET":
            return web.Response(body=DATA)
        return await registry(request)

    server = await bench.serve(handle)
    client = await bench.client()
    assert await client.copy_blob(at(server, "acme/base"), BLOB, at(server))
    assert registry.blobs == {BLOB.digest: DATA}
    # the upload that a registry opens instead of mounting is the one that is used
    posts = [seen.method for seen in server.seen].count("POST")
    assert posts == (1 if status == 202 else 2)


async def test_an_upload_that_a_mount_opened_is_not_used_twice(bench: Bench) -> None:
    registry = UploadRegistry(drop_puts=1)

    async def handle(request: web.Request) -> web.StreamResponse:
        return web.Response(body=DATA) if request.method == "GET" else await registry(request)

    server = await bench.serve(handle)
    assert await (await bench.client()).copy_blob(at(server, "acme/base"), BLOB, at(server))
    assert registry.blobs == {BLOB.digest: DATA}


async def test_a_blob_that_many_images_share_is_sent_once(bench: Bench) -> None:
    async def holds(request: web.Request) -> web.StreamResponse:
        return web.Response(body=DATA)

    source = await bench.serve(holds)
    registry = UploadRegistry(mounts=201)
    destination = await bench.serve(registry)
    client = await bench.client()
    names = [f"acme/service{number}" for number in range(5)]
    moved = await asyncio.gather(
        *(client.copy_blob(at(source), BLOB, at(destination, name)) for name in names)
    )
    assert sorted(moved) == [False] * 4 + [True]
    assert len(source.seen) == len(registry.sizes) == 1


async def test_many_copies_within_one_registry_do_not_wait_for_each_other(bench: Bench) -> None:
    contents = {str(Digest.of(data)): data for data in (bytes([number]) * 100_000 for number in range(24))}
    registry = UploadRegistry(mounts=400)

    async def handle(request: web.Request) -> web.StreamResponse:
        if request.method == "GET":
            return web.Response(body=contents[request.path.rpartition("/")[2]])
        return await registry(request)

    server = await bench.serve(handle)
    client = await bench.client()
    async with asyncio.timeout(30):
        await asyncio.gather(
            *(
                client.copy_blob(at(server, "acme/base"), Descriptor("", digest, len(data)), at(server))
                for digest, data in contents.items()
            )
        )
    assert registry.blobs == contents


async def test_a_source_that_fails_is_the_error_not_the_destination(bench: Bench) -> None:
    async def broken(request: web.Request) -> web.StreamResponse:
        return web.Response(body=b"x" * len(DATA))

    source = await bench.serve(broken)
    destination = await bench.serve(registry := UploadRegistry())
    with pytest.raises(Mismatch, match="its content has the digest"):
        await (await bench.client()).copy_blob(at(source), BLOB, at(destination))
    assert registry.blobs == {}


# --- chunks that get lost ---------------------------------------------------------------------


@dataclass(slots=True)
class Leaky(UploadRegistry):
    """The connection breaks in each chunk of ``breaks``, after ``taken`` of its bytes."""

    breaks: tuple[int, ...] = ()
    taken: int = 0
    remembers: bool = True
    chunks: int = 0

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        if request.method != "GET":
            return await UploadRegistry.__call__(self, request)
        if not self.remembers:
            return web.json_response({"errors": [{"code": "BLOB_UPLOAD_INVALID"}]}, status=404)
        number = self.number(request)
        size = len(self.uploads[number])
        return web.Response(status=204, headers={**self.location(number), "Range": f"0-{max(size - 1, 0)}"})

    def patch(self, request: web.Request, body: bytes) -> web.Response:
        self.chunks += 1
        if self.chunks in self.breaks:
            self.uploads[self.number(request)] += body[: self.taken]
            assert request.transport is not None
            request.transport.abort()
            return web.Response()
        start = int(request.headers["Content-Range"].partition("-")[0])
        assert start == len(self.uploads[self.number(request)])
        return UploadRegistry.patch(self, request, body)


@pytest.mark.parametrize("taken", [0, 1000, 1 << 20])
async def test_a_chunk_that_got_lost_goes_on_where_the_registry_stands(bench: Bench, taken: int) -> None:
    registry = Leaky(max_body=1 << 20, breaks=(3,), taken=taken)
    await upload(bench, registry)
    assert bench.kinds.count("registry.upload_resumed") == 1
    # the whole and chunks of 4 MiB were too large; the third session takes all chunks
    assert registry.opened == 3
    assert sum(registry.sizes[2:]) == len(DATA) + (1 << 20) - taken


async def test_a_chunk_that_got_lost_with_its_session_makes_the_upload_start_anew(bench: Bench) -> None:
    registry = Leaky(max_body=1 << 20, breaks=(3,), remembers=False)
    await upload(bench, registry)
    assert registry.opened == 4
    assert "registry.upload_again" in bench.kinds


async def test_a_chunk_that_gets_lost_all_the_time_is_given_up(bench: Bench) -> None:
    registry = Leaky(max_body=1 << 20, breaks=tuple(range(1, 1000)))
    with pytest.raises(Unreachable):
        await upload(bench, registry)
    assert registry.chunks < 30


# --- registries that know no chunks -----------------------------------------------------------


@pytest.mark.parametrize(
    "registry",
    [
        "1.dkr.ecr.eu-central-1.amazonaws.com",
        "public.ecr.aws",
        "europe-docker.pkg.dev",
        "eu.gcr.io",
    ],
)
async def test_a_refused_size_is_told_where_chunks_would_be_lost(bench: Bench, registry: str) -> None:
    behind = UploadRegistry(max_body=1 << 20)
    server = await bench.serve(behind)
    config = RegistryConfig(
        plain_http=frozenset({registry}), proxies=Proxies(http=f"http://{server.address}")
    )
    with pytest.raises(RegistryError) as caught:
        await (await bench.client(config)).put_blob(Reference.parse(f"{registry}/acme/api"), DATA)
    assert caught.value.status == 413
    assert "PATCH" not in {seen.method for seen in server.seen}
