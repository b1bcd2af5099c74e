"""The flow against a registry of its own: what it refuses, what it writes, what it brings back."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from shipway.errors import Mismatch, PartlyDelivered, RegistryError, UsageError
from shipway.flows.prune import Decided, Means, bring_back, look, prune, rehearse
from shipway.flows.pruning.targets import Target
from shipway.ledger.sqlite import SqliteLedger
from shipway.oci.manifest import OCI_INDEX, OCI_MANIFEST
from shipway.planning.retention.policy import Policy
from shipway.ports import Deleter
from shipway.registry.backends.distribution import DistributionDeleter
from shipway.registry.client import RegistryClient
from shipway.registry.config import RegistryConfig
from shipway.testing.raw import RawRepository, descriptor, encode, index
from shipway.testing.registry import running_registry
from shipway.testing.scripted_registry import Bench, ScriptedServer
from shipway.values import Digest, Reference

NAME = "shop/api"
PASSED = ("content-type", "docker-content-digest", "link", "location", "oci-subject")
Change = Callable[[web.Request, aiohttp.ClientResponse, bytes], tuple[int, bytes] | None]


@dataclass
class Stage:
    """A registry behind a proxy that writes down every request, and may change answers."""

    repository: RawRepository
    server: ScriptedServer
    means: Means
    client: RegistryClient
    change: list[Change] = field(default_factory=list)

    @property
    def target(self) -> Target:
        reference = Reference(self.server.address, NAME)
        return Target(reference, reference, Policy(1, by="tag-number"))

    async def plans(self) -> list[Decided]:
        return await look(self.means, [self.target], 1000)

    @property
    def writes(self) -> list[str]:
        return [line for line in self.server.lines if line.split()[0] not in ("GET", "HEAD")]


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    changes: list[Change] = []
    with running_registry(tmp_path / "registry") as registry:
        async with AsyncExitStack() as stack:
            bench = Bench(stack)
            outgoing = await stack.enter_async_context(aiohttp.ClientSession(auto_decompress=False))
            server = await bench.serve(forwarding(outgoing, registry.address, changes))
            client = await bench.client(RegistryConfig(tries=1))
            ledger = SqliteLedger(tmp_path / "state")
            stack.callback(ledger.close)

            async def deleter(_: Reference) -> Deleter:
                return DistributionDeleter(client)

            means = Means(client, deleter, ledger, bench.clock, lambda _: None)
            yield Stage(RawRepository(registry.address, NAME), server, means, client, changes)


def forwarding(
    outgoing: aiohttp.ClientSession, address: str, changes: Sequence[Change]
) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def handle(request: web.Request) -> web.Response:
        url = f"http://{address}{request.raw_path}"
        kept = {name: value for name, value in request.headers.items() if name in ("Accept", "Content-Type")}
        async with outgoing.request(request.method, url, headers=kept, data=await request.read()) as answer:
            body, status = await answer.read(), answer.status
            for change in changes:
                status, body = change(request, answer, body) or (status, body)
            headers = {name: value for name, value in answer.headers.items() if name.lower() in PASSED}
            if body == b"{}":
                del headers["docker-content-digest"]
            if request.method == "HEAD":
                headers["Content-Length"] = answer.headers.get("Content-Length", "0")
            return web.Response(status=status, body=body, headers=headers)

    return handle


def images(repository: RawRepository, count: int = 4) -> list[Digest]:
    return [repository.push_image(f"b-{n}", annotations={"n": str(n)}) for n in range(1, count + 1)]


def tags(repository: RawRepository) -> list[str]:
    return sorted(repository("GET", "tags/list").json["tags"])


async def test_a_dry_run_sends_what_a_run_sends_except_for_writes(stage: Stage) -> None:
    images(stage.repository)
    shown = await rehearse(stage.means, await stage.plans())
    assert [entry.tag for entry in shown.delete] == ["b-1", "b-2", "b-3"]
    assert stage.writes == []
    assert stage.means.ledger.runs() == []
    rehearsed = [line for line in stage.server.lines if line.startswith("HEAD")]
    stage.server.seen.clear()
    done = await prune(stage.means, await stage.plans(), "prune")
    assert done.delete == shown.delete
    assert set(rehearsed) <= set(stage.server.lines)
    assert len(stage.writes) == 3


async def test_attestations_in_an_index_go_and_stay_with_their_image(stage: Stage) -> None:
    """BuildKit lists what it attests as a manifest of the platform unknown/unknown."""
    found = []
    for number in range(1, 3):
        image = stage.repository.image(str(number).encode())
        about = {"vnd.docker.reference.digest": str(Digest.of(encode(image)))}
        attestation = stage.repository.image(f"attested {number}".encode())
        for document in (image, attestation):
            stage.repository.put_manifest(Digest.of(encode(document)), document)
        unknown = {"platform": {"os": "unknown", "architecture": "unknown"}, "annotations": about}
        listed = index(descriptor(encode(image)), {**descriptor(encode(attestation)), **unknown})
        stage.repository.put_manifest(f"b-{number}", listed)
        found.append([Digest.of(encode(document)) for document in (image, attestation)])
    await prune(stage.means, await stage.plans(), "prune")
    gone, kept = (
        [stage.repository("GET", f"manifests/{digest}").status for digest in each] for each in found
    )
    assert (gone, kept) == ([404, 404], [200, 200])


async def test_referrers_go_with_their_image_and_come_back_with_it(stage: Stage) -> None:
    digests = images(stage.repository)
    for number, digest in enumerate(digests):
        subject = {"mediaType": OCI_MANIFEST, "digest": str(digest), "size": 1}
        document = stage.repository.image(f"sbom {number}".encode(), subject=subject, artifactType="a/b")
        stage.repository.put_manifest(Digest.of(encode(document)), document)
    done = await prune(stage.means, await stage.plans(), "prune")
    assert sum(entry.digest is not None for entry in done.delete) == 3
    assert listed(stage.repository, digests[3]) == 1
    assert listed(stage.repository, digests[0]) == 0
    undone = await bring_back(stage.means, done.run or 0, "undo", lambda reference: reference)
    assert not undone.failed
    assert listed(stage.repository, digests[0]) == 1
    assert tags(stage.repository) == ["b-1", "b-2", "b-3", "b-4"]


def listed(repository: RawRepository, digest: Digest) -> int:
    return len(repository("GET", f"referrers/{digest}").json["manifests"])


@pytest.mark.parametrize("unread", [b"{}", b'{"manifests": [{"digest": "sha256:', b"", b"[]"])
async def test_an_unreadable_manifest_ends_the_run_before_anything_goes(stage: Stage, unread: bytes) -> None:
    images(stage.repository)
    document = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": []}
    stage.repository.put_manifest("b-5", document)

    def broken(request: web.Request, _: aiohttp.ClientResponse, body: bytes) -> tuple[int, bytes] | None:
        return (200, unread) if request.path.endswith("manifests/b-5") else None

    stage.change.append(broken)
    with pytest.raises(RegistryError):
        await stage.plans()
    assert stage.writes == []


async def test_a_list_of_tags_that_is_cut_ends_the_run(stage: Stage) -> None:
    images(stage.repository)
    seen: list[int] = []

    def cut(request: web.Request, _: aiohttp.ClientResponse, body: bytes) -> tuple[int, bytes] | None:
        if not request.path.endswith("tags/list"):
            return None
        seen.append(1)
        return (200, b'{"name":"shop/api","tags":["b-1","b-2"]}') if len(seen) == 1 else None

    stage.change.append(cut)
    with pytest.raises(Mismatch, match="changed"):
        await stage.plans()


async def test_a_tag_that_moved_since_the_plan_is_not_deleted(stage: Stage) -> None:
    digests = images(stage.repository)
    plans = await stage.plans()
    stage.repository.push_image("b-1", annotations={"n": "moved"})
    with pytest.raises(RegistryError, match="b-1 moved"):
        await prune(stage.means, plans, "prune")
    assert stage.repository("HEAD", f"manifests/{digests[0]}").status == 200
    assert "b-1" in tags(stage.repository)


async def test_a_tag_that_came_since_the_plan_stops_everything(stage: Stage) -> None:
    images(stage.repository)
    plans = await stage.plans()
    stage.repository.push_image("production", annotations={"n": "1"})
    with pytest.raises(Mismatch, match="production"):
        await prune(stage.means, plans, "prune")
    assert [line for line in stage.writes if line.startswith("DELETE")] == []


async def test_what_a_registry_takes_along_is_put_back(stage: Stage) -> None:
    digests = images(stage.repository)

    def greedy(request: web.Request, _: aiohttp.ClientResponse, body: bytes) -> tuple[int, bytes] | None:
        if request.method == "DELETE":
            stage.repository("DELETE", f"manifests/{digests[3]}")
        return None

    plans = await stage.plans()
    stage.change.append(greedy)
    with pytest.raises(PartlyDelivered, match="put back"):
        await prune(stage.means, plans, "prune")
    assert "b-4" in tags(stage.repository)
    assert stage.means.ledger.runs()[0].state == "partly"


async def test_a_platform_of_a_kept_index_that_a_registry_takes_along_is_put_back(stage: Stage) -> None:
    images(stage.repository)
    platform = stage.repository.image(b"platform")
    digest = Digest.of(encode(platform))
    stage.repository.put_manifest(digest, platform)
    stage.repository.put_manifest("b-5", index(descriptor(encode(platform))))

    def greedy(request: web.Request, _: aiohttp.ClientResponse, body: bytes) -> None:
        if request.method == "DELETE":
            stage.repository("DELETE", f"manifests/{digest}")

    plans = await stage.plans()
    stage.change.append(greedy)
    with pytest.raises(PartlyDelivered, match="put back"):
        await prune(stage.means, plans, "prune")
    assert stage.repository("HEAD", f"manifests/{digest}").status == 200


async def test_undo_leaves_a_tag_that_was_pushed_again(stage: Stage) -> None:
    images(stage.repository)
    done = await prune(stage.means, await stage.plans(), "prune")
    again = stage.repository.push_image("b-2", annotations={"n": "again"})
    undone = await bring_back(stage.means, done.run or 0, "undo", lambda reference: reference)
    assert list(undone.failed) == [str(stage.target.at.with_tag("b-2"))]
    assert stage.repository("HEAD", "manifests/b-2").headers["docker-content-digest"] == str(again)
    assert tags(stage.repository) == ["b-1", "b-2", "b-3", "b-4"]


async def test_the_journal_is_written_before_the_delete(stage: Stage) -> None:
    digests = images(stage.repository)
    journalled: list[Any] = []

    def look_first(request: web.Request, _: aiohttp.ClientResponse, body: bytes) -> None:
        if request.method == "DELETE":
            events = [event for _, event in stage.means.ledger.events(1)]
            journalled.append({event.data["digest"] for event in events if event.kind == "prune.journal"})

    stage.change.append(look_first)
    await prune(stage.means, await stage.plans(), "prune")
    assert all(set(map(str, digests[:3])) == seen for seen in journalled)
    assert len(journalled) == 3


async def test_undoing_what_deleted_nothing_is_a_clear_refusal(stage: Stage) -> None:
    with pytest.raises(UsageError, match="deleted nothing"):
        await bring_back(stage.means, 1, "undo", lambda reference: reference)
