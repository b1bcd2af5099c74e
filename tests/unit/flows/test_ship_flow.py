"""Ship with a scripted engine and real registries: order, isolation of failures, tags last."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest

from shipway.errors import Denied, Mismatch, PartlyDelivered
from shipway.flows.conduct import Conduct
from shipway.ledger.sqlite import SqliteLedger
from shipway.oci.manifest import Descriptor, Manifest
from shipway.ports import BuildRequest, Event
from shipway.registry.client import RegistryClient
from shipway.testing.engine import ScriptedEngine
from shipway.testing.harbour import NAMES, Harbour
from shipway.values import Digest, Platform, Reference


async def test_bases_are_built_before_what_builds_on_them(harbour: Harbour) -> None:
    await harbour.ship()
    order = harbour.engine.built
    assert order.index("base") < order.index("mid") < order.index("top")
    assert harbour.states() == dict.fromkeys(NAMES, "delivered")


async def test_a_base_is_pinned_to_the_digest_that_was_delivered(harbour: Harbour) -> None:
    await harbour.ship()
    mid = next(request for request in harbour.engine.builds if request.name == "mid")
    base = await harbour.tag("base")
    assert base is not None
    assert f"/shop/base@{base.digest}\n".encode() in mid.dockerfile


async def test_a_failure_stops_only_what_builds_on_it(harbour: Harbour) -> None:
    harbour.engine.fail("mid")
    shipped = await harbour.ship()
    assert harbour.states() == {"base": "delivered", "mid": "failed", "top": "blocked", "solo": "delivered"}
    assert isinstance(shipped.error(), PartlyDelivered)
    assert await harbour.tag("mid") is None
    assert harbour.status is not None
    assert [trouble.image for trouble in harbour.status.troubles] == ["mid", "top"]
    assert harbour.status.steps_done < harbour.status.steps_planned


async def test_when_nothing_is_delivered_the_error_is_the_images_own(harbour: Harbour) -> None:
    harbour.engine.fail("solo")
    shipped = await harbour.ship("solo")
    error = shipped.error()
    assert error is not None
    assert not isinstance(error, PartlyDelivered)
    assert error.exit_code == 3


async def test_one_image_brings_only_the_bases_it_needs(harbour: Harbour) -> None:
    await harbour.ship("mid")
    assert harbour.states() == {"base": "delivered", "mid": "delivered"}


async def test_every_event_is_in_the_ledger_before_it_is_shown(harbour: Harbour) -> None:
    ledger = SqliteLedger(harbour.directory / "state")
    unseen: list[Event] = []

    class Watching(list[Event]):
        def append(self, event: Event) -> None:
            super().append(event)
            if event not in [recorded for _, recorded in ledger.events(1)]:
                unseen.append(event)

    harbour.events = Watching()
    await harbour.ship()
    assert harbour.events
    assert unseen == []


class RefusesManifests(RegistryClient):
    """A registry that takes blobs and refuses the manifest of one image at its destination."""

    async def copy(self, source: Reference, destination: Reference) -> Descriptor:
        if destination.repository == "shop/base":
            raise Denied("the registry refuses shop/base", cause="quota", help="ask the owner")
        return await super().copy(source, destination)


async def test_a_refused_push_moves_no_tag_and_is_reported_with_its_cause(harbour: Harbour) -> None:
    await harbour.ship(wrap=RefusesManifests)
    assert await harbour.tag("base") is None
    assert harbour.status is not None
    assert harbour.status.troubles[0].cause == "quota"


class LosesBlobs(RegistryClient):
    """A registry that claims success but does not hold a layer when it is read back."""

    async def has_blob(self, repository: Reference, digest: Digest) -> bool:
        return repository.repository != "shop/solo" and await super().has_blob(repository, digest)


async def test_an_image_that_cannot_be_read_back_gets_no_tag(harbour: Harbour) -> None:
    shipped = await harbour.ship(wrap=LosesBlobs)
    outcome = next(outcome for outcome in shipped.outcomes if outcome.image == "solo")
    assert isinstance(outcome.error, Mismatch)
    assert await harbour.tag("solo") is None
    assert await harbour.tag("top") is not None


class DropsTags(RegistryClient):
    """A registry that answers 201 to a tag and does not keep it."""

    async def put_manifest(self, reference: Reference, manifest: Manifest) -> Digest:
        if reference.tag == "latest":
            return manifest.digest
        return await super().put_manifest(reference, manifest)


async def test_a_tag_that_does_not_stick_is_a_failure_and_the_first_tag_does_not_move(
    harbour: Harbour,
) -> None:
    shipped = await harbour.ship("solo", wrap=DropsTags)
    assert isinstance(shipped.outcomes[0].error, Mismatch)
    assert await harbour.tag("solo") is None


async def test_a_moved_tag_is_put_back_when_the_image_stands(harbour: Harbour) -> None:
    await harbour.ship()
    right = await harbour.tag("solo")
    async with harbour.client() as registry:
        other = await registry.manifest(Reference.parse(f"{harbour.destination}/shop/base:1"))
        repository = Reference.parse(f"{harbour.destination}/shop/solo")
        for blob in other.blobs:
            source = Reference.parse(f"{harbour.destination}/shop/base")
            await registry.copy_blob(source, blob, repository)
        await registry.put_manifest(replace(repository, tag="1"), other)
    assert await harbour.tag("solo") != right
    await harbour.ship()
    assert harbour.states()["solo"] == "reused"
    assert await harbour.tag("solo") == right


async def test_no_more_builds_run_at_once_than_were_allowed(harbour: Harbour) -> None:
    harbour.engine = ScriptedEngine(delay=0.02)
    await harbour.ship(conduct=Conduct(1))
    assert harbour.engine.most_at_once == 1
    harbour.engine = ScriptedEngine(delay=0.2)
    for name in ("base", "solo"):
        (harbour.root / name / "f").write_text("changed")
    await harbour.ship(conduct=Conduct(2))
    assert harbour.engine.most_at_once == 2


class BuildsForArm(ScriptedEngine):
    """An engine that does not honour the platform it is asked for."""

    async def build(self, request: BuildRequest, on_line: Callable[[str], None]) -> str:
        return await super().build(replace(request, platform=Platform("linux", "arm64")), on_line)


async def test_an_image_of_another_platform_than_was_asked_for_gets_no_tag(harbour: Harbour) -> None:
    harbour.engine = BuildsForArm()
    shipped = await harbour.ship("solo")
    error = shipped.outcomes[0].error
    assert isinstance(error, Mismatch)
    assert "linux/arm64" in error.message
    assert error.cause == "linux/amd64 was asked for"
    assert await harbour.tag("solo") is None


async def test_run_tags_do_not_stay_in_staging(harbour: Harbour) -> None:
    from shipway.registry.server.store import Store

    await harbour.ship()
    store = Store(harbour.directory / "state" / "registry")
    try:
        assert all(store.tags(repository) == [] for repository in store.repositories())
    finally:
        store.close()


async def test_a_cancelled_run_is_closed_as_interrupted(harbour: Harbour) -> None:
    harbour.engine = ScriptedEngine(delay=30)
    task = asyncio.create_task(harbour.ship())
    while not harbour.engine.built and not task.done():
        await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    ledger = SqliteLedger(harbour.directory / "state")
    assert ledger.runs()[0].state == "interrupted"
