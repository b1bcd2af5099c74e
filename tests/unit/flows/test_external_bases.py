"""Bases outside of the fleet count by digest: recorded, asked again, pinned; nothing changes unseen."""

from __future__ import annotations

import gzip
import json

import pytest

from shipway.errors import Unreachable
from shipway.flows.prepare import Prepared
from shipway.oci.manifest import OCI_CONFIG, OCI_LAYER_GZIP, OCI_MANIFEST, Descriptor, Manifest
from shipway.planning.inputs import BASES_LABEL
from shipway.planning.plan import Choices
from shipway.registry.client import RegistryClient
from shipway.testing.harbour import Harbour
from shipway.values import Digest, Reference

SOLO = Choices(frozenset({"solo"}))
REFRESHED = Choices(frozenset({"solo"}), refresh_bases=True)


@pytest.fixture
async def upstream(harbour: Harbour) -> str:
    """``solo`` builds on an image that somebody else publishes."""
    reference = f"{harbour.destination}/upstream/alpine:3"
    (harbour.root / "solo/Dockerfile").write_text(f"FROM {reference}\nCOPY f /f\n")
    await publish(harbour, "one")
    return reference


async def publish(harbour: Harbour, content: str) -> str:
    """Let the tag of the base name an image with this content; gives its digest."""
    repository = Reference.parse(f"{harbour.destination}/upstream/alpine")
    layer = gzip.compress(content.encode(), mtime=0)
    config = {"os": "linux", "architecture": "amd64", "rootfs": {"type": "layers", "diff_ids": ["sha256:0"]}}
    async with harbour.client() as registry:
        described = [
            await registry.put_blob(repository, data) for data in (json.dumps(config).encode(), layer)
        ]
        media = (OCI_CONFIG, OCI_LAYER_GZIP)
        entries = [
            {"mediaType": kind, "digest": each.digest, "size": each.size}
            for kind, each in zip(media, described, strict=True)
        ]
        body = {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": entries[0], "layers": entries[1:]}
        manifest = Manifest(OCI_MANIFEST, json.dumps(body).encode())
        return str(await registry.put_manifest(repository.with_tag("3"), manifest))


async def asked(harbour: Harbour, choices: Choices) -> Prepared:
    async with harbour.client() as registry:
        return await harbour.plan(choices, registry=registry)


async def test_a_build_is_pinned_to_the_digest_that_its_inputs_record(
    harbour: Harbour, upstream: str
) -> None:
    digest = await publish(harbour, "two")
    await harbour.ship("solo")
    (request,) = harbour.engine.builds
    assert request.dockerfile.startswith(f"FROM {upstream.removesuffix(':3')}@{digest}\n".encode())
    assert request.labels[BASES_LABEL] == f"{upstream}@{digest}"
    assert request.bases == frozenset()  # the engine keeps what it pulled, as it would without us
    prepared = await harbour.plan(SOLO)
    assert prepared.inputs["solo"].bases == {upstream: f"{upstream}@{digest}"}


async def test_a_moved_tag_rebuilds_nothing_by_itself_and_a_plan_needs_no_registry(
    harbour: Harbour, upstream: str
) -> None:
    await harbour.ship("solo")
    before = (await harbour.plan(SOLO)).plan.steps[0]
    await publish(harbour, "two")
    assert (await harbour.plan(SOLO)).plan.steps[0] == before
    assert before.action == "reuse"
    await harbour.ship("solo")
    assert harbour.states() == {"solo": "reused"}
    assert upstream in (await harbour.plan(SOLO)).inputs["solo"].bases


async def test_refreshing_shows_who_is_stale_and_ship_builds_them(harbour: Harbour, upstream: str) -> None:
    await harbour.ship("solo")
    digest = await publish(harbour, "two")
    prepared = await asked(harbour, REFRESHED)
    (step,), (origin,) = prepared.plan.steps, prepared.plan.origins
    assert (step.action, step.why) == ("build", (f"base changed: {upstream}",))
    assert (origin.reference, origin.digest, origin.moved) == (upstream, digest, ("solo",))

    await harbour.ship(choices=REFRESHED)
    assert harbour.states() == {"solo": "delivered"}
    assert (await asked(harbour, REFRESHED)).plan.steps[0].action == "reuse"
    assert (await asked(harbour, REFRESHED)).plan.origins[0].moved == ()


async def test_what_builds_on_a_stale_image_is_stale(harbour: Harbour, upstream: str) -> None:
    (harbour.root / "base/Dockerfile").write_text(f"FROM {upstream}\nCOPY f /f\n")
    await harbour.ship("top")
    await publish(harbour, "two")
    prepared = await asked(harbour, Choices(frozenset({"top"}), refresh_bases=True))
    assert [step.action for step in prepared.plan.steps] == ["build"] * 3


async def test_who_is_built_anyway_takes_the_present_base_and_others_are_told_of(
    harbour: Harbour, upstream: str
) -> None:
    (harbour.root / "base/Dockerfile").write_text(f"FROM {upstream}\nCOPY f /f\n")
    await harbour.ship("base", "solo")
    digest = await publish(harbour, "two")
    (harbour.root / "solo/f").write_text("changed")
    await harbour.ship("base", "solo")
    assert harbour.states() == {"base": "reused", "solo": "delivered"}
    assert harbour.engine.builds[-1].labels[BASES_LABEL] == f"{upstream}@{digest}"
    (moved,) = [event for event in harbour.events if event.kind == "base.moved"]
    assert moved.data == {"reference": upstream, "digest": digest, "images": ["base"]}


async def test_a_forced_build_on_a_moved_base_takes_along_what_builds_on_it(
    harbour: Harbour, upstream: str
) -> None:
    (harbour.root / "base/Dockerfile").write_text(f"FROM {upstream}\nCOPY f /f\n")
    await harbour.ship("mid")
    await publish(harbour, "two")
    await harbour.ship(choices=Choices(frozenset({"mid"}), force=frozenset({"base"})))
    assert harbour.states() == {"base": "delivered", "mid": "delivered"}
    await harbour.ship("mid")
    assert harbour.states() == {"base": "reused", "mid": "reused"}


async def test_a_fresh_machine_finds_an_image_though_its_base_has_moved(
    harbour: Harbour, upstream: str
) -> None:
    await harbour.ship("solo")
    await publish(harbour, "two")
    harbour.state = harbour.directory / "elsewhere"
    await harbour.ship("solo")
    assert harbour.states() == {"solo": "reused"}
    harbour.state = harbour.directory / "a third one"
    await harbour.ship(choices=REFRESHED)
    assert harbour.states() == {"solo": "delivered"}
    assert upstream in harbour.engine.builds[-1].labels[BASES_LABEL]


async def test_a_registry_that_is_away_gives_a_note_and_no_failure(harbour: Harbour) -> None:
    away = "127.0.0.1:1/upstream/alpine:3"
    (harbour.root / "solo/Dockerfile").write_text(f"FROM {away}\nCOPY f /f\n")
    note = f"the digest of {away} is not known: nothing listens there: the registry is not started,"
    prepared = await asked(harbour, REFRESHED)
    assert [line.startswith(note) for line in prepared.plan.notes] == [True]
    await harbour.ship("solo")
    assert harbour.engine.builds[-1].dockerfile.startswith(f"FROM {away}\n".encode())
    assert (await harbour.plan(SOLO)).plan.steps[0].action == "reuse"


async def test_a_base_of_unknown_digest_is_told_as_that(harbour: Harbour, upstream: str) -> None:
    class Blind(RegistryClient):
        async def head(self, reference: Reference) -> Descriptor | None:
            if "upstream" in reference.repository:
                raise Unreachable("no answer")
            return await super().head(reference)

    await harbour.ship("solo", wrap=Blind)
    assert (await harbour.plan(SOLO)).plan.steps[0].action == "reuse"
    step = (await asked(harbour, REFRESHED)).plan.steps[0]
    assert step.why == (f"built on a base of unknown digest: {upstream}",)


async def test_a_reference_that_cannot_be_pinned_in_place_counts_by_its_name(
    harbour: Harbour, upstream: str
) -> None:
    head, tail = upstream[:-3], upstream[-3:]
    (harbour.root / "solo/Dockerfile").write_text(f"FROM {head}\\\n{tail}\nCOPY f /f\n")
    await harbour.ship("solo")
    assert harbour.states() == {"solo": "delivered"}
    assert (await harbour.plan(SOLO)).inputs["solo"].bases == {upstream: upstream}


async def test_a_base_by_digest_is_never_asked_for(harbour: Harbour, upstream: str) -> None:
    fixed = f"{upstream.removesuffix(':3')}@{Digest.of(b'x')}"
    (harbour.root / "solo/Dockerfile").write_text(f"FROM {fixed}\nCOPY f /f\n")
    prepared = await asked(harbour, REFRESHED)
    assert (prepared.plan.origins, prepared.plan.notes) == ((), ())
    assert prepared.inputs["solo"].bases == {fixed: fixed}
