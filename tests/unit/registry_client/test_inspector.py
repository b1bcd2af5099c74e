"""Looks at registries that answer as told: cancelled uploads, Harbor's own API, whom engines trust."""

from __future__ import annotations

import base64
import json
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
import trustme
from aiohttp import web

from shipway.errors import Denied, NotFound, TlsFailed
from shipway.host import SystemHost
from shipway.oci.manifest import OCI_CONFIG, OCI_INDEX, OCI_MANIFEST
from shipway.ports import Account, EngineTrust, Quota
from shipway.registry.auth import expires_at
from shipway.registry.config import RegistryConfig
from shipway.registry.credentials import CredentialStore
from shipway.registry.inspector import RegistryInspector
from shipway.testing.raw import descriptor, encode, index
from shipway.testing.scripted_registry import Bench, ScriptedServer, SteppingClock
from shipway.values import Platform, Reference

AMD64, ARM64 = Platform("linux", "amd64"), Platform("linux", "arm64")


@asynccontextmanager
async def inspecting(home: Path, config: RegistryConfig | None = None) -> AsyncIterator[RegistryInspector]:
    store = CredentialStore({}, home, SystemHost())
    config = config or RegistryConfig(credentials=store.lookup)
    inspector = RegistryInspector(config, store, SteppingClock())
    try:
        yield inspector
    finally:
        await inspector.close()


@pytest.fixture
async def inspector(tmp_path: Path) -> AsyncIterator[RegistryInspector]:
    async with inspecting(tmp_path) as made:
        yield made


def log_in(home: Path, auths: Mapping[str, object]) -> None:
    (home / ".docker").mkdir()
    (home / ".docker/config.json").write_text(json.dumps({"auths": auths}))


def entry(password: str = "secret-word") -> dict[str, str]:
    return {"auth": base64.b64encode(f"carla:{password}".encode()).decode()}


# --- uploads ----------------------------------------------------------------------------------


class Uploads:
    """Opens uploads at ``location`` and answers a cancellation with ``cancel``."""

    def __init__(self, location: str = "/v2/shop/api/blobs/uploads/1?state=a%2Fb", cancel: int = 204) -> None:
        self.location, self.cancel = location, cancel

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        if request.method == "POST":
            return web.Response(status=202, headers={"Location": self.location})
        return web.Response(status=self.cancel)


async def push(bench: Bench, inspector: RegistryInspector, uploads: Uploads) -> tuple[ScriptedServer, object]:
    server = await bench.serve(uploads)
    return server, await inspector.prove_push(Reference.parse(f"{server.address}/shop/api"))


async def test_an_upload_is_cancelled_where_the_registry_opened_it(
    bench: Bench, inspector: RegistryInspector
) -> None:
    server, proof = await push(bench, inspector, Uploads())
    assert server.lines == [
        "POST /v2/shop/api/blobs/uploads/",
        "DELETE /v2/shop/api/blobs/uploads/1?state=a%2Fb",
    ]
    assert str(proof) == "PushProof(granted=None, misdirected=None, cancelled=True)"


@pytest.mark.parametrize("status", [401, 403, 404, 405])
async def test_a_cancellation_that_is_refused_is_no_lack_of_the_right_to_push(
    bench: Bench, inspector: RegistryInspector, status: int
) -> None:
    _, proof = await push(bench, inspector, Uploads(cancel=status))
    assert str(proof) == "PushProof(granted=None, misdirected=None, cancelled=False)"


async def test_an_upload_that_leads_to_another_port_of_the_host_is_misdirected(
    bench: Bench, inspector: RegistryInspector
) -> None:
    other = await bench.serve(Uploads())
    _, proof = await push(bench, inspector, Uploads(f"http://{other.address}/up?secret=1"))
    assert f"misdirected='http://{other.address}/up'" in str(proof)


async def test_a_refused_upload_is_raised(bench: Bench, inspector: RegistryInspector) -> None:
    async def refuse(request: web.Request) -> web.StreamResponse:
        return web.json_response({"errors": [{"code": "DENIED"}]}, status=403)

    server = await bench.serve(refuse)
    with pytest.raises(Denied) as caught:
        await inspector.prove_push(Reference.parse(f"{server.address}/shop/api"))
    assert caught.value.reason == "no-right"
    assert server.lines == ["POST /v2/shop/api/blobs/uploads/"]


# --- accounts ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "registry", "similar"),
    [
        ("registry.acme.example", "registry.acme.example:5000", True),
        ("registry.acme.example:5000/shop", "registry.acme.example:5000", True),
        ("https://Registry.acme.example:5000", "registry.acme.example:5000", True),
        ("registry.amce.example:5000", "registry.acme.example:5000", True),
        ("ghcr.io", "registry.acme.example:5000", False),
        ("quay.io", "ghcr.io", False),
    ],
)
async def test_entries_for_hosts_of_a_close_name_are_told(
    tmp_path: Path, key: str, registry: str, similar: bool
) -> None:
    log_in(tmp_path, {key: entry()})
    async with inspecting(tmp_path) as inspector:
        account = await inspector.account(Reference.parse(f"{registry}/other/api"))
    assert account.source == ""
    assert [each.partition(" in ")[0] for each in account.similar] == ([key] if similar else [])


async def test_an_entry_that_a_helper_left_empty_is_no_other_host(tmp_path: Path) -> None:
    log_in(tmp_path, {"ghcr.io": {}})
    async with inspecting(tmp_path) as inspector:
        assert (await inspector.account(Reference.parse("ghcr.io/acme/api"))).similar == ()


async def test_an_account_tells_who_and_where_from_and_until_when(tmp_path: Path) -> None:
    token = ".".join(
        base64.urlsafe_b64encode(part).decode().rstrip("=") for part in (b"{}", b'{"exp": 1700000000}', b"x")
    )
    log_in(tmp_path, {"a.example": entry(), "b.example": {"identitytoken": token}})
    async with inspecting(tmp_path) as inspector:
        known = await inspector.account(Reference.parse("a.example/x"))
        ended = await inspector.account(Reference.parse("b.example/x"))
    file = str(tmp_path / ".docker/config.json")
    assert known == Account(file, "carla")
    assert ended.expires == datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)


@pytest.mark.parametrize("token", ["", "a.b", "a.!.c", "e30.e30.e30", "x." + "eyJleHAiOiAxZTk5OX0" + ".y"])
def test_a_token_that_tells_no_end_has_none(token: str) -> None:
    assert expires_at(token) is None


# --- bases ------------------------------------------------------------------------------------


async def test_platforms_come_from_an_index_or_from_the_config_of_an_image(
    bench: Bench, inspector: RegistryInspector
) -> None:
    config = encode({"os": "linux", "architecture": "arm64"})
    image = encode({"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": descriptor(config, OCI_CONFIG)})
    child = {**descriptor(image), "platform": {"os": "linux", "architecture": "amd64"}}
    attestation = {**descriptor(image), "platform": {"os": "unknown", "architecture": "unknown"}}
    both = encode(index(child, attestation))

    async def serve(request: web.Request) -> web.StreamResponse:
        if request.path.endswith("/manifests/index"):
            return web.Response(body=both, content_type=OCI_INDEX)
        if request.path.endswith("/manifests/image"):
            return web.Response(body=image, content_type=OCI_MANIFEST)
        return web.Response(body=config) if "/blobs/" in request.path else web.Response(status=404)

    server = await bench.serve(serve)
    base = Reference.parse(f"{server.address}/lib/base")
    assert await inspector.platforms(base.with_tag("index")) == (AMD64,)
    assert await inspector.platforms(base.with_tag("image")) == (ARM64,)
    with pytest.raises(NotFound):
        await inspector.platforms(base.with_tag("none"))


# --- Harbor -----------------------------------------------------------------------------------


class Harbor:
    """As much of Harbor's API (v2.0) as is asked."""

    def __init__(self, hard: int = 100, *, immutable: bool = True) -> None:
        tags = [{"name": "other", "immutable": True}, {"name": "1.0", "immutable": immutable}]
        artifact = "/api/v2.0/projects/shop/repositories/team%252Fapi/artifacts/1.0"
        self.answers = {
            "/api/v2.0/projects/shop": {"project_id": 7},
            "/api/v2.0/quotas?reference=project&reference_id=7": [
                {"hard": {"storage": hard}, "used": {"storage": 60}}
            ],
            f"{artifact}/tags?with_immutable_status=true": tags,
        }

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        if request.path == "/v2/" and "Authorization" not in request.headers:
            challenge = 'Bearer realm="http://127.0.0.1/service/token",service="harbor-registry"'
            return web.Response(status=401, headers={"WWW-Authenticate": challenge})
        if request.headers.get("Authorization") != f"Basic {entry()['auth']}":
            return web.Response(status=401)
        found = self.answers.get(request.raw_path)
        return web.json_response(found) if found is not None else web.Response(status=404)


@pytest.mark.parametrize(("hard", "quota"), [(100, Quota(60, 100)), (-1, Quota(60, None))])
async def test_the_quota_of_a_project_is_read(bench: Bench, tmp_path: Path, hard: int, quota: Quota) -> None:
    server = await bench.serve(Harbor(hard))
    log_in(tmp_path, {server.address: entry()})
    async with inspecting(tmp_path) as inspector:
        assert await inspector.quota(Reference.parse(f"{server.address}/shop/team/api")) == quota
        assert await inspector.quota(Reference.parse(f"{server.address}/another/api")) is None


@pytest.mark.parametrize("immutable", [True, False])
async def test_a_tag_is_immutable_when_harbor_says_so_of_this_one(
    bench: Bench, tmp_path: Path, immutable: bool
) -> None:
    server = await bench.serve(Harbor(immutable=immutable))
    log_in(tmp_path, {server.address: entry()})
    async with inspecting(tmp_path) as inspector:
        tagged = Reference.parse(f"{server.address}/shop/team/api:1.0")
        assert await inspector.is_immutable(tagged) is immutable


async def test_harbor_is_known_by_its_challenge(bench: Bench, inspector: RegistryInspector) -> None:
    harbor = await bench.serve(Harbor())
    assert (await inspector.reach(harbor.address)).is_harbor

    async def plain(request: web.Request) -> web.StreamResponse:
        return web.Response(headers={"Docker-Distribution-Api-Version": "registry/2.0"})

    other = await bench.serve(plain)
    assert not (await inspector.reach(other.address)).is_harbor


# --- as engines see it ------------------------------------------------------------------------


@pytest.mark.parametrize("plain", [(), ("10.0.0.0/8",), ("*.example",), ("127.0.0.1:1",), ("127.0.0.0/zz",)])
async def test_an_engine_reaches_plain_http_only_where_it_is_told_to(
    bench: Bench, inspector: RegistryInspector, plain: tuple[str, ...]
) -> None:
    server = await bench.serve(Harbor())
    with pytest.raises(TlsFailed) as caught:
        await inspector.reach(server.address, EngineTrust(plain=plain))
    assert caught.value.reason == "plain-server"


async def test_an_engine_reaches_plain_http_by_network_host_or_host_and_port(
    bench: Bench, inspector: RegistryInspector
) -> None:
    server = await bench.serve(Harbor())
    for pattern in ("127.0.0.0/8", "127.0.0.1", server.address):
        reached = await inspector.reach(server.address, EngineTrust(plain=(pattern,)))
        assert reached.base == f"http://{server.address}"


async def test_an_engine_trusts_what_its_own_directories_hold(bench: Bench, tmp_path: Path) -> None:
    authority = trustme.CA()
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(tls)
    server = await bench.serve(Harbor(), tls=tls)
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    config = RegistryConfig(authorities={server.address: tmp_path / "ca.pem"})
    certificates = tmp_path / "certs.d"
    async with AsyncExitStack() as stack:
        inspector = await stack.enter_async_context(inspecting(tmp_path, config))
        assert (await inspector.reach(server.address)).expires is not None
        with pytest.raises(TlsFailed) as caught:
            await inspector.reach(server.address, EngineTrust((certificates,)))
        assert caught.value.reason == "certificate-authority"
        (certificates / server.address).mkdir(parents=True)
        authority.cert_pem.write_to_path(certificates / server.address / "ca.crt")
        await inspector.reach(server.address, EngineTrust((certificates,)))
        await inspector.reach(server.address, EngineTrust((), plain=(server.address,)))
