"""Logging in, against token services that behave and ones that do not."""

from __future__ import annotations

import asyncio
import base64
import json
from dataclasses import replace
from urllib.parse import parse_qs

import pytest
from aiohttp import web

from shipway.errors import Denied, Mismatch, RegistryError, Unauthorized
from shipway.registry.config import RegistryConfig
from shipway.registry.credentials import ANONYMOUS, Credential
from shipway.testing.scripted_registry import Bench, ScriptedServer
from shipway.values import Reference

KIM = Credential("kim", "s3cret-canary", source="config.json")
BASIC = "Basic " + base64.b64encode(b"kim:s3cret-canary").decode()


def knowing(credential: Credential) -> RegistryConfig:
    async def lookup(registry: str, repository: str) -> Credential:
        return credential

    return RegistryConfig(credentials=lookup)


def at(server: ScriptedServer, name: str = "acme/api:1") -> Reference:
    return Reference.parse(f"{server.address}/{name}")


class TokenRegistry:
    """A registry with a token service of its own: tokens live for ``life`` seconds."""

    def __init__(self, bench: Bench, life: int = 300) -> None:
        self._bench = bench
        self._life = life
        self.accepted: set[str] = set()
        self.asked: list[dict[str, list[str]]] = []
        self.challenge = 'Bearer realm="http://{host}/token",service="reg"'
        self.token_status = 200
        self.accept_new = True
        self.posts = True
        self.server = ScriptedServer("")

    async def start(self) -> TokenRegistry:
        self.server = await self._bench.serve(self)
        return self

    async def __call__(self, request: web.Request) -> web.Response:
        if request.path == "/token":
            return await self._token(request)
        if request.headers.get("Authorization", "").removeprefix("Bearer ") in self.accepted:
            return web.json_response({"tags": ["1"]})
        header = self.challenge.format(host=request.host)
        return web.Response(status=401, headers={"WWW-Authenticate": header} if header else {})

    async def _token(self, request: web.Request) -> web.Response:
        if request.method == "POST" and not self.posts:
            return web.Response(status=404)
        form = parse_qs((await request.read()).decode()) or parse_qs(request.query_string)
        self.asked.append(form)
        token = f"token-canary-{len(self.asked)}"
        if self.accept_new:
            self.accepted.add(token)
        content = {"token": token, "expires_in": self._life}
        return web.Response(status=self.token_status, text=json.dumps(content))


# --- basic ------------------------------------------------------------------------------------


async def basic_only(request: web.Request) -> web.Response:
    if request.headers.get("Authorization") == BASIC:
        return web.json_response({"tags": ["1"]})
    return web.Response(status=401, headers={"WWW-Authenticate": 'Negotiate, Basic realm="x"'})


async def test_a_password_is_sent_only_once_asked_for_and_then_at_once(bench: Bench) -> None:
    server = await bench.serve(basic_only)
    client = await bench.client(knowing(KIM))
    for _ in range(2):
        assert await client.tags(at(server)) == ["1"]
    assert [seen.headers.get("Authorization") for seen in server.seen] == [None, BASIC, BASIC]


async def test_a_wrong_password_is_sent_once(bench: Bench) -> None:
    server = await bench.serve(basic_only)
    client = await bench.client(knowing(replace(KIM, password="wrong-canary")))
    with pytest.raises(Unauthorized, match="HTTP 401") as caught:
        await client.tags(at(server))
    assert len(server.seen) == 2
    assert "config.json are wrong or expired" in (caught.value.cause or "")


async def test_without_a_password_none_is_sent(bench: Bench) -> None:
    server = await bench.serve(basic_only)
    with pytest.raises(Unauthorized) as caught:
        await (await bench.client()).tags(at(server))
    assert len(server.seen) == 1
    assert "no credentials" in (caught.value.cause or "")


async def test_a_ping_tells_a_wrong_password(bench: Bench) -> None:
    server = await bench.serve(basic_only)
    await (await bench.client(knowing(KIM))).ping(server.address)
    with pytest.raises(Unauthorized):
        await (await bench.client(knowing(replace(KIM, password="wrong-canary")))).ping(server.address)


# --- bearer -----------------------------------------------------------------------------------


async def test_an_anonymous_token_is_fetched_once_and_kept(bench: Bench) -> None:
    registry = await TokenRegistry(bench).start()
    client = await bench.client()
    for _ in range(3):
        assert await client.tags(at(registry.server)) == ["1"]
    assert [asked["scope"] for asked in registry.asked] == [["repository:acme/api:pull"]]
    assert len(registry.server.seen) == 5


async def test_many_requests_at_once_fetch_one_token(bench: Bench) -> None:
    registry = await TokenRegistry(bench).start()
    client = await bench.client()
    await asyncio.gather(*(client.tags(at(registry.server)) for _ in range(10)))
    assert len(registry.asked) == 1


async def test_each_repository_has_a_token_of_its_own(bench: Bench) -> None:
    registry = await TokenRegistry(bench).start()
    client = await bench.client()
    for name in ("acme/a", "acme/b"):
        await client.tags(at(registry.server, name))
    assert [asked["scope"] for asked in registry.asked] == [
        ["repository:acme/a:pull"],
        ["repository:acme/b:pull"],
    ]


async def test_the_token_service_gets_the_password(bench: Bench) -> None:
    registry = await TokenRegistry(bench).start()
    await (await bench.client(knowing(KIM))).tags(at(registry.server))
    (asked,) = [seen for seen in registry.server.seen if seen.path.startswith("/token")]
    assert asked.headers["Authorization"] == BASIC
    assert registry.asked[0]["account"] == ["kim"]


async def test_a_token_is_renewed_before_it_expires(bench: Bench) -> None:
    registry = await TokenRegistry(bench, life=100).start()
    client = await bench.client()
    await client.tags(at(registry.server))
    bench.clock.pass_(89)
    await client.tags(at(registry.server))
    assert len(registry.asked) == 1
    bench.clock.pass_(2)
    await client.tags(at(registry.server))
    assert len(registry.asked) == 2
    # renewed ahead of time, so no request was refused for it
    assert sum(seen.path.startswith("/v2/") for seen in registry.server.seen) == 4


async def test_a_token_refused_in_mid_flight_is_renewed_once(bench: Bench) -> None:
    registry = await TokenRegistry(bench).start()
    client = await bench.client()
    await client.tags(at(registry.server))
    registry.accepted.clear()
    assert await client.tags(at(registry.server)) == ["1"]
    assert len(registry.asked) == 2
    assert bench.waits == []


async def test_a_fresh_token_that_is_refused_gets_a_second_chance_after_a_moment(bench: Bench) -> None:
    registry = await TokenRegistry(bench).start()
    registry.accept_new = False
    registry.challenge += ',error="invalid_token"'
    with pytest.raises(Unauthorized):
        await (await bench.client(knowing(KIM))).tags(at(registry.server))
    assert len(registry.asked) == 2
    assert bench.waits == [1.5]


async def test_a_right_that_is_missing_is_not_waited_for(bench: Bench) -> None:
    registry = await TokenRegistry(bench).start()
    registry.accept_new = False
    registry.challenge += ',error="insufficient_scope"'
    with pytest.raises(Unauthorized):
        await (await bench.client(knowing(KIM))).tags(at(registry.server))
    assert len(registry.asked) == 1
    assert bench.waits == []


async def test_the_scope_of_the_challenge_is_asked_for_first(bench: Bench) -> None:
    registry = await TokenRegistry(bench).start()
    registry.challenge += ',scope="repository:acme/base:pull repository:acme/api:push"'
    await (await bench.client()).tags(at(registry.server))
    assert registry.asked[0]["scope"] == ["repository:acme/base:pull", "repository:acme/api:pull,push"]


async def test_a_challenge_without_a_header_is_asked_for_at_the_root(bench: Bench) -> None:
    registry = TokenRegistry(bench)

    async def handle(request: web.Request) -> web.Response:
        answer = await registry(request)
        if answer.status == 401 and request.path != "/v2/":
            return web.Response(status=401)
        return answer

    registry.server = await bench.serve(handle)
    assert await (await bench.client()).tags(at(registry.server)) == ["1"]


async def test_harbor_answering_a_bearer_with_basic_is_not_sent_the_password(bench: Bench) -> None:
    registry = await TokenRegistry(bench).start()
    client = await bench.client(knowing(KIM))
    await client.tags(at(registry.server))
    registry.accepted.clear()
    registry.challenge = 'Basic realm="harbor"'
    assert await client.tags(at(registry.server)) == ["1"]
    assert not [seen for seen in registry.server.seen if seen.path.startswith("/v2/") and BASIC in str(seen)]


async def test_an_identity_token_is_exchanged_by_post(bench: Bench) -> None:
    registry = await TokenRegistry(bench).start()
    client = await bench.client(knowing(Credential(identity_token="refresh-canary")))
    assert await client.tags(at(registry.server)) == ["1"]
    assert registry.asked[0]["refresh_token"] == ["refresh-canary"]
    assert "POST /token" in registry.server.lines


async def test_an_identity_token_falls_back_to_get(bench: Bench) -> None:
    registry = await TokenRegistry(bench).start()
    registry.posts = False
    client = await bench.client(knowing(Credential(identity_token="refresh-canary")))
    assert await client.tags(at(registry.server)) == ["1"]
    assert [line.split("?")[0] for line in registry.server.lines if "/token" in line] == [
        "POST /token",
        "GET /token",
    ]


async def test_a_registry_token_is_used_as_it_is(bench: Bench) -> None:
    registry = await TokenRegistry(bench).start()
    registry.accepted.add("ready-canary")
    client = await bench.client(knowing(Credential(registry_token="ready-canary")))
    assert await client.tags(at(registry.server)) == ["1"]
    assert registry.asked == []
    registry.accepted.clear()
    with pytest.raises(Unauthorized):
        await client.tags(at(registry.server))
    assert registry.asked == []


@pytest.mark.parametrize(
    ("status", "credential", "error", "cause"),
    [
        (401, KIM, Unauthorized, "refused the credentials from config.json"),
        (401, ANONYMOUS, Unauthorized, "acme/api is private or does not exist"),
        (403, KIM, Denied, "decided so"),
    ],
)
async def test_a_token_service_that_refuses_is_the_cause(
    bench: Bench, status: int, credential: Credential, error: type[RegistryError], cause: str
) -> None:
    registry = await TokenRegistry(bench).start()
    registry.token_status = status
    with pytest.raises(error) as caught:
        await (await bench.client(knowing(credential))).tags(at(registry.server))
    assert cause in (caught.value.cause or "")


async def test_a_token_service_that_sends_a_web_page_is_no_token_service(bench: Bench) -> None:
    registry = TokenRegistry(bench)

    async def handle(request: web.Request) -> web.Response:
        return web.Response(text="<html>") if request.path == "/token" else await registry(request)

    registry.server = await bench.serve(handle)
    with pytest.raises(Mismatch, match="without a token"):
        await (await bench.client()).tags(at(registry.server))


async def test_an_endless_token_is_not_read(bench: Bench) -> None:
    registry = TokenRegistry(bench)

    async def handle(request: web.Request) -> web.Response:
        return web.Response(body=b" " * 100_000) if request.path == "/token" else await registry(request)

    registry.server = await bench.serve(handle)
    with pytest.raises(Mismatch, match="more than 65536 bytes"):
        await (await bench.client()).tags(at(registry.server))


async def test_credentials_are_not_sent_to_a_private_realm_of_another_host(bench: Bench) -> None:
    registry = await TokenRegistry(bench).start()
    registry.challenge = 'Bearer realm="http://169.254.169.254/token"'
    with pytest.raises(RegistryError, match="private address"):
        await (await bench.client(knowing(KIM))).tags(at(registry.server))


async def test_missing_rights_are_read_from_the_claims(bench: Bench) -> None:
    claims = {"access": [{"type": "repository", "name": "acme/api", "actions": ["pull"]}]}
    body = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")

    async def handle(request: web.Request) -> web.Response:
        if request.path == "/token":
            return web.json_response({"token": f"e30.{body}.x"})
        header = f'Bearer realm="http://{request.host}/token",service="x"'
        return web.Response(status=401, headers={"WWW-Authenticate": header})

    server = await bench.serve(handle)
    with pytest.raises(Denied) as caught:
        await (await bench.client(knowing(KIM))).put_blob(at(server), b"x")
    assert "did not grant repository:acme/api:pull,push" in (caught.value.cause or "")
    assert bench.waits == []
