"""Evidence goes with an image before any tag names it, once, and in few requests."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from typing import ClassVar

import pytest

from shipway.errors import Denied
from shipway.evidence.attachment import Exhibit
from shipway.evidence.judge import judge_provenance, judge_signature
from shipway.evidence.keys import PublicKey, SigningKey
from shipway.evidence.provenance import Provenance
from shipway.flows.verifying.exhibits import referred, tagged
from shipway.oci.manifest import Descriptor, Manifest
from shipway.registry.client import RegistryClient
from shipway.testing.harbour import Harbour
from shipway.values import Digest, Reference

KEY = SigningKey.generate()


class Counting(RegistryClient):
    """Counts what is put."""

    puts: ClassVar[Counter[str]] = Counter()

    async def push_blob(
        self, repository: Reference, descriptor: Descriptor, body: Callable[[], AsyncIterator[bytes]]
    ) -> bool:
        self.puts["blobs"] += 1
        return await super().push_blob(repository, descriptor, body)

    async def put_manifest(self, reference: Reference, manifest: Manifest) -> Digest:
        self.puts["referrers" if manifest.subject else "manifests"] += 1
        return await super().put_manifest(reference, manifest)


class Refusing(RegistryClient):
    """A registry that takes no manifests with a subject."""

    async def put_manifest(self, reference: Reference, manifest: Manifest) -> Digest:
        if manifest.subject:
            raise Denied("HTTP 400: unknown field subject", status=400)
        return await super().put_manifest(reference, manifest)


class Lossy(RegistryClient):
    """Dies when a tag is to be moved."""

    async def put_manifest(self, reference: Reference, manifest: Manifest) -> Digest:
        if reference.tag in ("1", "latest"):
            raise Denied("not today", status=403)
        return await super().put_manifest(reference, manifest)


@pytest.fixture(autouse=True)
def no_counts() -> Iterator[None]:
    Counting.puts.clear()
    yield


async def exhibits(harbour: Harbour, image: str, digest: Digest) -> tuple[list[Exhibit], list[Exhibit]]:
    """What was attached to an image: as referrers, and at the tags of cosign."""
    at = Reference.parse(f"{harbour.destination}/shop/{image}").with_digest(digest)
    async with harbour.client() as registry:
        return await referred(registry, at), await tagged(registry, at, digest)


async def delivered(harbour: Harbour, image: str) -> Digest:
    found = await harbour.tag(image)
    assert found is not None
    return found.parsed_digest


def provenance(found: list[Exhibit], digest: Digest, key: PublicKey | None = None) -> Provenance:
    told = judge_provenance(found, key, digest).provenance
    assert told is not None
    return told


async def test_an_unsigned_statement_is_two_blobs_and_one_manifest(harbour: Harbour) -> None:
    harbour.attests = True
    await harbour.ship("solo", wrap=Counting)
    assert Counting.puts["blobs"] == 2
    assert Counting.puts["referrers"] == 1
    digest = await delivered(harbour, "solo")
    found, at_tags = await exhibits(harbour, "solo", digest)
    assert len(found) == 1
    assert at_tags == []
    told = provenance(found, digest)
    assert told.image == "solo"
    assert told.dockerfile == "solo/Dockerfile"
    assert told.read_back.platforms == ("linux/amd64",)
    assert told.builders == {"scripted": "1.0"}


async def test_without_a_prover_nothing_is_attached(harbour: Harbour) -> None:
    await harbour.ship("solo")
    assert await exhibits(harbour, "solo", await delivered(harbour, "solo")) == ([], [])
    assert "evidence.attached" not in harbour.kinds("solo")


async def test_evidence_is_there_and_in_the_ledger_before_a_tag_moves(harbour: Harbour) -> None:
    harbour.attests, harbour.key = True, KEY
    await harbour.ship("solo", wrap=Lossy)
    assert await harbour.tag("solo") is None
    attached = next(event for event in harbour.events if event.kind == "evidence.attached")
    digest = Digest.parse(str(attached.data["digest"]))
    found, at_tags = await exhibits(harbour, "solo", digest)
    for pieces in (found, at_tags):
        assert len(pieces) == 2
        assert judge_signature(pieces, KEY.public, digest).state == "verified"
        assert judge_provenance(pieces, KEY.public, digest).provenance is not None
    assert attached.data["key"] == str(KEY.public.id)
    assert str(attached.data["referrer"]) in {str(piece.at) for piece in found}
    assert str(attached.data["statement"]) in {str(Digest.of(piece.data)) for piece in found}


async def test_a_resumed_image_is_not_attested_twice_and_keeps_what_built_it(harbour: Harbour) -> None:
    harbour.attests = True
    await harbour.ship("solo", wrap=Lossy)
    await harbour.ship("solo")
    assert harbour.states() == {"solo": "delivered"}
    digest = await delivered(harbour, "solo")
    found, _ = await exhibits(harbour, "solo", digest)
    assert len(found) == 1


async def test_what_resumes_with_another_key_is_signed_with_that_one(harbour: Harbour) -> None:
    harbour.attests = True
    await harbour.ship("solo", wrap=Lossy)
    harbour.key = KEY
    await harbour.ship("solo")
    digest = await delivered(harbour, "solo")
    found, _ = await exhibits(harbour, "solo", digest)
    assert judge_signature(found, KEY.public, digest).state == "verified"
    assert provenance(found, digest, KEY.public).builders == {"scripted": "1.0"}


async def test_an_image_whose_evidence_is_refused_gets_no_tag(harbour: Harbour) -> None:
    harbour.attests = True
    shipped = await harbour.ship("solo", wrap=Refusing)
    assert harbour.states() == {"solo": "failed"}
    assert await harbour.tag("solo") is None
    error = shipped.error()
    assert error is not None
    assert "--no-evidence" in (error.help or "")


async def test_bases_of_the_fleet_are_told_by_the_digest_that_was_built_on(harbour: Harbour) -> None:
    harbour.attests = True
    await harbour.ship("mid")
    base, mid = await delivered(harbour, "base"), await delivered(harbour, "mid")
    found, _ = await exhibits(harbour, "mid", mid)
    (material,) = provenance(found, mid).bases
    assert material.name == f"{harbour.destination}/shop/base"
    assert material.reference == Reference.parse(material.name).with_digest(base)


async def test_the_status_shows_who_signed(harbour: Harbour) -> None:
    harbour.attests, harbour.key = True, KEY
    await harbour.ship("solo")
    await harbour.ship("solo")
    assert harbour.status is not None
    (row,) = harbour.status.rows
    assert row.state == "reused"
    assert row.evidence == f"read back in run 1, signed by {KEY.public.id.short}"
    assert row.key == str(KEY.public.id)
    assert row.statement.startswith("sha256:")


async def test_a_signature_of_somebody_else_at_the_tag_of_cosign_stays(harbour: Harbour) -> None:
    other = SigningKey.generate()
    for key in (other, KEY):
        harbour.attests, harbour.key = True, key
        await harbour.ship("solo", wrap=Lossy)
    attached = next(event for event in harbour.events if event.kind == "evidence.attached")
    digest = Digest.parse(str(attached.data["digest"]))
    _, at_tags = await exhibits(harbour, "solo", digest)
    for key in (other, KEY):
        assert judge_signature(at_tags, key.public, digest).state == "verified"
