"""Lists of referrers that their writers keep, and what else a registry says about what was put."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import web

from shipway.errors import Mismatch, NotFound
from shipway.oci.manifest import OCI_INDEX, OCI_MANIFEST, Manifest
from shipway.oci.referrers import fallback_tag
from shipway.testing.raw import descriptor, encode, index
from shipway.testing.scripted_registry import Bench, ScriptedServer
from shipway.values import Digest, Reference

SUBJECT = Digest.of(b"the subject")
TAG = fallback_tag(SUBJECT)


def referrer(content: str = "sbom") -> Manifest:
    document = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "artifactType": "application/vnd.example.sbom",
        "annotations": {"about": content},
        "subject": {"mediaType": OCI_MANIFEST, "digest": str(SUBJECT), "size": 11},
    }
    return Manifest(OCI_MANIFEST, encode(document))


@dataclass(slots=True)
class ManifestRegistry:
    """Keeps manifests; ``races`` writers come between the read and the write of a fallback tag."""

    lists: bool = False
    etags: bool = True
    races: int = 0
    late: int = 0
    always_late: bool = False
    warning: str = ""
    manifests: dict[str, bytes] = field(default_factory=dict)

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        at = request.path.rpartition("/")[2]
        handler = self.put if request.method == "PUT" else self.get
        answer = handler(request, at, await request.read())
        if self.warning:
            answer.headers["Warning"] = self.warning
        return answer

    def get(self, request: web.Request, at: str, body: bytes) -> web.Response:
        if at not in self.manifests or "/referrers/" in request.path:
            return web.json_response({"errors": [{"code": "MANIFEST_UNKNOWN"}]}, status=404)
        data = self.manifests[at]
        headers = {"Content-Type": json.loads(data)["mediaType"]}
        return web.Response(body=data, headers={**headers, **({"ETag": self.etag(at)} if self.etags else {})})

    def put(self, request: web.Request, at: str, body: bytes) -> web.Response:
        if self.late or self.always_late:
            self.late -= 1
            return web.json_response({"errors": [{"code": "MANIFEST_BLOB_UNKNOWN"}]}, status=404)
        if at == TAG and self.races:
            self.races -= 1
            other = descriptor(f"other {self.races}".encode())
            before = json.loads(self.manifests[at])["manifests"] if at in self.manifests else []
            raced = encode(index(*before, other))
            if not self.etags:
                # the last writer wins, and what it did not see is lost
                self.manifests[at] = raced
                return web.Response(status=201)
            self.manifests[at] = raced
        matches = request.headers.get("If-Match")
        if matches is not None and matches != self.etag(at):
            return web.Response(status=412)
        self.manifests[at] = body
        return web.Response(status=201, headers={"OCI-Subject": str(SUBJECT)} if self.lists else {})

    def etag(self, at: str) -> str:
        return f'"{Digest.of(self.manifests.get(at, b""))}"'

    @property
    def listed(self) -> list[Any]:
        return list(json.loads(self.manifests[TAG])["manifests"])


def at(server: ScriptedServer) -> Reference:
    return Reference.parse(f"{server.address}/acme/api")


async def put(bench: Bench, registry: ManifestRegistry, manifest: Manifest) -> ScriptedServer:
    server = await bench.serve(registry)
    await (await bench.client()).put_manifest(at(server), manifest)
    return server


async def test_what_refers_to_an_image_is_listed_where_the_registry_does_not(bench: Bench) -> None:
    registry, pushed = ManifestRegistry(), referrer()
    await put(bench, registry, pushed)
    assert registry.listed == [
        {
            **descriptor(pushed.data),
            "artifactType": "application/vnd.example.sbom",
            "annotations": {"about": "sbom"},
        }
    ]


async def test_a_registry_that_lists_it_is_left_to_it(bench: Bench) -> None:
    registry = ManifestRegistry(lists=True)
    await put(bench, registry, referrer())
    assert TAG not in registry.manifests


async def test_entries_that_are_listed_stay_as_they_are(bench: Bench) -> None:
    known = {**descriptor(b"known"), "unheard-of": [1]}
    registry = ManifestRegistry(manifests={TAG: encode(index(known))})
    await put(bench, registry, referrer())
    assert registry.listed[0] == known
    assert len(registry.listed) == 2


async def test_one_that_is_listed_is_not_listed_twice(bench: Bench) -> None:
    registry = ManifestRegistry()
    server = await put(bench, registry, referrer())
    before = len([line for line in server.lines if line.startswith("PUT") and line.endswith(TAG)])
    await (await bench.client()).put_manifest(at(server), referrer())
    assert len(registry.listed) == 1
    assert [line for line in server.lines if line.startswith("PUT") and line.endswith(TAG)][before:] == []


@pytest.mark.parametrize("etags", [True, False])
async def test_writers_that_come_between_lose_nothing(bench: Bench, etags: bool) -> None:
    first = ManifestRegistry(etags=etags, manifests={TAG: encode(index(descriptor(b"first")))}, races=3)
    pushed = referrer()
    await put(bench, first, pushed)
    digests = {entry["digest"] for entry in first.listed}
    assert digests == {
        str(Digest.of(data)) for data in (b"first", pushed.data, b"other 0", b"other 1", b"other 2")
    }


async def test_a_race_without_end_is_told(bench: Bench) -> None:
    registry = ManifestRegistry(manifests={TAG: encode(index())}, races=10_000)
    with pytest.raises(Mismatch, match="others write to it all the time"):
        await put(bench, registry, referrer())


async def test_a_tag_with_something_else_is_not_written_over(bench: Bench) -> None:
    other = encode({"schemaVersion": 2, "mediaType": OCI_MANIFEST})
    registry = ManifestRegistry(manifests={TAG: other})
    with pytest.raises(Mismatch, match="holds no index"):
        await put(bench, registry, referrer())
    assert registry.manifests[TAG] == other


# --- just after a push ------------------------------------------------------------------------


async def test_blobs_that_the_registry_does_not_see_yet_are_waited_for(bench: Bench) -> None:
    registry = ManifestRegistry(late=2)
    await put(bench, registry, Manifest(OCI_INDEX, encode(index())))
    assert bench.kinds == ["registry.settling", "registry.settling"]
    assert len(bench.waits) == 2


async def test_blobs_that_stay_unknown_are_missing(bench: Bench) -> None:
    with pytest.raises(NotFound, match="MANIFEST_BLOB_UNKNOWN"):
        await put(bench, ManifestRegistry(always_late=True), Manifest(OCI_INDEX, encode(index())))


# --- warnings ---------------------------------------------------------------------------------


async def test_a_warning_is_told_once(bench: Bench) -> None:
    registry = ManifestRegistry(warning='299 - "this repository goes away \\"soon\\""')
    server = await bench.serve(registry)
    client = await bench.client()
    for _ in range(3):
        assert await client.head(at(server).with_tag("1")) is None
    warned = [event for event in bench.events if event.kind == "registry.warning"]
    assert [event.data["registry"] for event in warned] == [server.address]
    assert "goes away" in str(warned[0].data["text"])


@pytest.mark.parametrize("warning", ['199 - "transformed"', "299", "299 - unquoted", ""])
async def test_other_warnings_are_none(bench: Bench, warning: str) -> None:
    server = await bench.serve(ManifestRegistry(warning=warning))
    await (await bench.client()).head(at(server).with_tag("1"))
    assert bench.events == []
