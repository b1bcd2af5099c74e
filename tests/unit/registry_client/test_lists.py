"""Tags, catalog and referrers in pages, from registries that page well and badly."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from aiohttp import web

from shipway.errors import InvalidValue, Mismatch, NotFound, RegistryError, Unreachable
from shipway.oci.manifest import OCI_INDEX, OCI_MANIFEST
from shipway.registry.paging import next_link
from shipway.testing.scripted_registry import Bench, ScriptedServer
from shipway.values import Digest, Reference

SUBJECT = Digest.of(b"subject")
REFERRER = {
    "mediaType": OCI_MANIFEST,
    "digest": str(Digest.of(b"referrer")),
    "size": 8,
    "artifactType": "a/sbom",
}


def at(server: ScriptedServer) -> Reference:
    return Reference.parse(f"{server.address}/acme/api")


@pytest.mark.parametrize(
    ("header", "target"),
    [
        ('</v2/a/tags/list?last=b%20c&n=5>; rel="next"', "/v2/a/tags/list?last=b%20c&n=5"),
        ("<https://r.example/x>;rel=next", "https://r.example/x"),
        ('<a>; rel="prev", <b>; title="x"; rel="next"', "b"),
        ('<a>; rel="prev"', None),
        ('<a>; rel="nextish"', None),
        ("", None),
    ],
)
def test_the_next_link_is_found(header: str, target: str | None) -> None:
    assert next_link([header]) == target


async def test_links_are_followed_as_they_stand(bench: Bench) -> None:
    pages = {"/v2/acme/api/tags/list?n=1000": ["c", "a"], "/v2/acme/api/tags/list?opaque=%2F%3D": ["b"]}

    async def handle(request: web.Request) -> web.Response:
        link = {} if "opaque" in request.raw_path else {"Link": '<?opaque=%2F%3D>; rel="next"'}
        return web.json_response({"tags": pages[request.raw_path]}, headers=link)

    server = await bench.serve(handle)
    assert await (await bench.client()).tags(at(server)) == ["a", "b", "c"]


async def test_a_full_page_without_a_link_is_asked_on_from_its_last(bench: Bench) -> None:
    every = [f"v{number:04}" for number in range(2500)]

    async def handle(request: web.Request) -> web.Response:
        last = request.query.get("last", "")
        return web.json_response({"tags": [tag for tag in every if tag > last][:1000]})

    server = await bench.serve(handle)
    assert await (await bench.client()).tags(at(server)) == every
    assert len(server.seen) == 3


async def test_a_registry_that_knows_no_pages_is_asked_once(bench: Bench) -> None:
    every = [f"v{number:04}" for number in range(1001)]

    async def handle(request: web.Request) -> web.Response:
        return web.json_response({"tags": every})

    server = await bench.serve(handle)
    assert await (await bench.client()).tags(at(server)) == every
    assert len(server.seen) == 1


async def test_a_registry_that_ignores_last_is_not_asked_for_ever(bench: Bench) -> None:
    every = [f"v{number}" for number in range(1000)]

    async def handle(request: web.Request) -> web.Response:
        return web.json_response({"tags": every})

    server = await bench.serve(handle)
    assert len(await (await bench.client()).tags(at(server))) == 1000
    assert len(server.seen) == 2


@pytest.mark.parametrize(
    ("link", "message"),
    [
        ('</v2/acme/api/tags/list?n=1000>; rel="next"', "gave before"),
        ('<http://127.0.0.2:9/v2/>; rel="next"', "another host"),
        ('<gopher://x/>; rel="next"', "no URL"),
    ],
)
async def test_paging_that_leads_astray_is_an_error(bench: Bench, link: str, message: str) -> None:
    async def handle(request: web.Request) -> web.Response:
        return web.json_response({"tags": ["a"]}, headers={"Link": link})

    server = await bench.serve(handle)
    with pytest.raises(RegistryError, match=message):
        await (await bench.client()).tags(at(server))


@pytest.mark.parametrize("content", ['{"tags": null}', "{}", '{"tags": []}'])
async def test_a_repository_without_tags_has_none(bench: Bench, content: str) -> None:
    async def handle(request: web.Request) -> web.Response:
        return web.Response(text=content)

    server = await bench.serve(handle)
    assert await (await bench.client()).tags(at(server)) == []


@pytest.mark.parametrize("content", ["<html>", "[]", '{"tags": 5}', '{"tags": [5]}', ""])
async def test_an_answer_that_is_no_list_is_a_mismatch(bench: Bench, content: str) -> None:
    async def handle(request: web.Request) -> web.Response:
        return web.Response(text=content)

    server = await bench.serve(handle)
    with pytest.raises(Mismatch):
        await (await bench.client()).tags(at(server))


async def test_a_registry_without_a_catalog_says_so(bench: Bench) -> None:
    async def handle(request: web.Request) -> web.Response:
        return web.Response(status=404)

    server = await bench.serve(handle)
    with pytest.raises(NotFound):
        await (await bench.client()).catalog(server.address)


def index(*entries: object) -> web.Response:
    content = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": list(entries)}
    return web.json_response(content, content_type=OCI_INDEX)


async def test_referrers_come_from_the_api_in_all_its_pages(bench: Bench) -> None:
    async def handle(request: web.Request) -> web.Response:
        answer = index({**REFERRER, "digest": str(Digest.of(request.raw_path.encode()))})
        if "page" not in request.query:
            answer.headers["Link"] = '<?page=2>; rel="next"'
        return answer

    server = await bench.serve(handle)
    found = await (await bench.client()).referrers(at(server).with_digest(SUBJECT))
    assert len(found) == 2
    assert server.lines[0] == f"GET /v2/acme/api/referrers/{SUBJECT}"


@pytest.mark.parametrize(
    "answer",
    [
        lambda: web.Response(status=404),
        lambda: web.Response(status=405),
        lambda: web.Response(status=400),
        lambda: web.Response(status=303, headers={"Location": "https://github.invalid/"}),
        lambda: web.Response(text="<html>", content_type="text/html"),
    ],
)
async def test_without_the_api_the_fallback_tag_is_read(
    bench: Bench, answer: Callable[[], web.Response]
) -> None:
    async def handle(request: web.Request) -> web.Response:
        if "/referrers/" in request.path:
            return answer()
        return (
            index(REFERRER) if request.path.endswith(f"/sha256-{SUBJECT.hex}") else web.Response(status=404)
        )

    server = await bench.serve(handle)
    client = await bench.client()
    reference = at(server).with_digest(SUBJECT)
    found = await client.referrers(reference, "a/sbom")
    assert [entry.digest for entry in found] == [REFERRER["digest"]]
    assert await client.referrers(reference, "a/other") == []
    assert await client.referrers(at(server).with_digest(Digest.of(b"alone"))) == []


async def test_a_registry_that_fails_is_not_taken_for_one_without_the_api(bench: Bench) -> None:
    async def handle(request: web.Request) -> web.Response:
        return web.Response(status=503 if "/referrers/" in request.path else 404)

    server = await bench.serve(handle)
    with pytest.raises(Unreachable):
        await (await bench.client()).referrers(at(server).with_digest(SUBJECT))


async def test_referrers_need_a_digest(bench: Bench) -> None:
    with pytest.raises(InvalidValue):
        await (await bench.client()).referrers(Reference.parse("r.example/acme/api:1"))
