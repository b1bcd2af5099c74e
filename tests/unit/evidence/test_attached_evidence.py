"""What is attached to an image, and what a reader makes of it: ours, cosign's, and what was tampered with."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from shipway.errors import Mismatch
from shipway.evidence.attachment import (
    Attachment,
    Exhibit,
    exhibited,
    signature_claim,
    signed,
    tagged_attestation,
    tagged_signature,
    unsigned,
)
from shipway.evidence.dsse import pae, seal
from shipway.evidence.judge import judge_provenance, judge_signature
from shipway.evidence.keys import PublicKey, SigningKey
from shipway.evidence.provenance import Material, Provenance, ReadBack, Source, read_provenance
from shipway.evidence.statement import Statement, read_statement
from shipway.oci.manifest import OCI_MANIFEST, Descriptor
from shipway.values import Digest, Reference

VECTORS = json.loads((Path(__file__).parents[2] / "vectors" / "cosign.json").read_text())
DIGEST = Digest.of(b"image")
OTHER = Digest.of(b"another image")
SUBJECT = Descriptor(OCI_MANIFEST, str(DIGEST), 5)
NAME = "registry.example/acme/api"
PINNED = Reference.parse("docker.io/library/alpine").with_digest(Digest.of(b"alpine"))
SEEN = datetime(2026, 11, 21, 10, 0, 7, tzinfo=UTC)
PROVENANCE = Provenance(
    image="api",
    fingerprint="sha256:" + "f" * 64,
    dockerfile="api/Dockerfile",
    dockerfile_digest=Digest.of(b"FROM alpine"),
    read_back=ReadBack(("linux/amd64", "linux/arm64"), 12345, SEEN),
    started=datetime(2026, 11, 21, 10, 0, 0, tzinfo=UTC),
    run="7",
    source=Source("c" * 40, True, "git@example.org:acme/shop.git", "main"),
    bases=(Material("docker.io/library/alpine:3.20", PINNED), Material("docker.io/library/busybox")),
    builders={"buildah": "1.28.2"},
)
CLAIM = PROVENANCE.statement(NAME, DIGEST)


@pytest.fixture(scope="module")
def key() -> SigningKey:
    return SigningKey.generate()


def found(attachment: Attachment) -> Exhibit:
    """The attachment as a reader finds it."""
    layer = attachment.manifest.body.layers or ()
    exhibit = exhibited(attachment.manifest.digest, layer[-1], attachment.blobs[-1])
    assert exhibit is not None
    return exhibit


def reasons(exhibits: list[Exhibit], key: PublicKey | None, digest: Digest = DIGEST) -> tuple[str, str]:
    return (
        judge_signature(exhibits, key, digest).reason,
        judge_provenance(exhibits, key, digest).check.reason,
    )


# --- what is written --------------------------------------------------------------------------


def test_provenance_comes_back_as_it_was_stated() -> None:
    assert read_provenance(read_statement(CLAIM.encode())) == PROVENANCE


def test_provenance_is_slsa_with_what_is_known_and_nothing_that_is_not() -> None:
    bare = replace(PROVENANCE, source=None, bases=(), run="").statement(NAME, DIGEST)
    document = json.loads(bare.encode())
    assert document["_type"] == "https://in-toto.io/Statement/v1"
    assert document["predicateType"] == "https://slsa.dev/provenance/v1"
    assert document["subject"] == [{"name": NAME, "digest": {"sha256": DIGEST.hex}}]
    definition = document["predicate"]["buildDefinition"]
    assert [each["name"] for each in definition["resolvedDependencies"]] == ["Dockerfile"]
    assert "null" not in bare.encode().decode()
    details = document["predicate"]["runDetails"]
    assert details["metadata"] == {"startedOn": "2026-11-21T10:00:00Z", "finishedOn": "2026-11-21T10:00:07Z"}
    assert details["byproducts"][0]["annotations"]["platforms"] == ["linux/amd64", "linux/arm64"]


def test_a_base_that_nobody_pinned_is_said_to_be_so() -> None:
    resources = json.loads(CLAIM.encode())["predicate"]["buildDefinition"]["resolvedDependencies"]
    assert resources[-1] == {"name": "docker.io/library/busybox", "annotations": {"pinned": False}}


def test_referrers_name_their_subject_and_share_the_empty_config(key: SigningKey) -> None:
    for attachment in (unsigned(CLAIM, SUBJECT, {}), signed(CLAIM, key, SUBJECT, {"a": "b"})):
        assert attachment.manifest.subject == DIGEST
        assert attachment.blobs[0] == b"{}"
        assert attachment.tag is None


def test_the_signed_text_is_that_of_the_protocol() -> None:
    # the example of the DSSE specification, protocol.md
    text = b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    assert pae("http://example.com/HelloWorld", b"hello world") == text


# --- what holds -------------------------------------------------------------------------------


def test_signed_evidence_holds_for_its_image(key: SigningKey) -> None:
    exhibits = [
        found(signed(CLAIM, key, SUBJECT, {})),
        found(signed(signature_claim(NAME, DIGEST), key, SUBJECT, {})),
    ]
    assert reasons(exhibits, key.public) == ("", "")
    assert judge_provenance(exhibits, key.public, DIGEST).provenance == PROVENANCE


def test_tags_of_older_cosign_hold_too_and_keep_what_others_signed(key: SigningKey) -> None:
    first = tagged_signature(NAME, DIGEST, SigningKey.generate(), None)
    second = tagged_signature(NAME, DIGEST, key, first.manifest)
    assert second.tag == f"sha256-{DIGEST.hex}.sig"
    assert len(second.manifest.body.layers or ()) == 2
    assert reasons([found(second)], key.public)[0] == ""
    attested = tagged_attestation(CLAIM, DIGEST, key, None)
    assert attested.tag == f"sha256-{DIGEST.hex}.att"
    assert reasons([found(attested)], key.public) == ("", "")


def test_what_cosign_signed_holds() -> None:
    key = PublicKey.parse(VECTORS["public_key"].encode(), "cosign.pub")
    for image in VECTORS["images"]:
        digest = Digest.parse(image["digest"])
        exhibits = [recorded(piece) for piece in image["pieces"]]
        assert len(exhibits) == 2
        for exhibit in exhibits:
            assert judge_signature([exhibit], key, digest).state == "verified"
            assert judge_signature([exhibit], key, OTHER).reason == "replayed-signature"
            assert judge_signature([exhibit], SigningKey.generate().public, digest).reason == "other-key"


def recorded(piece: dict[str, Any]) -> Exhibit:
    layer = msgspec.convert(piece["layer"], Descriptor)
    exhibit = exhibited(Digest.of(piece["manifest"].encode()), layer, piece["data"].encode())
    assert exhibit is not None
    return exhibit


def test_without_a_key_a_statement_is_read_and_said_to_be_unsigned() -> None:
    exhibits = [found(unsigned(CLAIM, SUBJECT, {}))]
    assert reasons(exhibits, None) == ("no-key", "")
    assert "whoever may push" in judge_provenance(exhibits, None, DIGEST).check.detail


# --- what does not ----------------------------------------------------------------------------


def test_an_image_that_nobody_signed_is_told_from_one_that_others_signed(key: SigningKey) -> None:
    assert reasons([], key.public) == ("unsigned", "missing-provenance")
    plain = [found(unsigned(CLAIM, SUBJECT, {}))]
    assert reasons(plain, key.public) == ("unsigned", "unsigned-provenance")
    foreign = [found(signed(CLAIM, SigningKey.generate(), SUBJECT, {}))]
    assert reasons(foreign, key.public) == ("other-key", "unsigned-provenance")


def test_a_statement_of_another_digest_is_a_replay(key: SigningKey) -> None:
    exhibits = [found(signed(PROVENANCE.statement(NAME, OTHER), key, SUBJECT, {}))]
    assert reasons(exhibits, key.public) == ("replayed-signature", "replayed-provenance")
    assert reasons([found(tagged_signature(NAME, OTHER, key, None))], key.public)[0] == "replayed-signature"
    unsigned_one = [found(unsigned(PROVENANCE.statement(NAME, OTHER), SUBJECT, {}))]
    assert reasons(unsigned_one, None)[1] == "replayed-provenance"


def test_a_changed_statement_under_a_good_signature_is_bad(key: SigningKey) -> None:
    good = found(signed(CLAIM, key, SUBJECT, {}))
    assert good.envelope is not None
    forged = replace(PROVENANCE, source=Source("d" * 40, False)).statement(NAME, DIGEST)
    swapped = seal(SigningKey.generate(), forged.encode())
    envelope = msgspec.structs.replace(swapped, signatures=good.envelope.signatures)
    exhibit = replace(good, data=forged.encode(), envelope=envelope)
    assert reasons([exhibit], key.public) == ("bad-signature", "unsigned-provenance")


def test_junk_beside_good_evidence_changes_nothing(key: SigningKey) -> None:
    junk = [
        Exhibit(OTHER, trouble="the bundle holds no statement"),
        found(
            signed(
                replace(PROVENANCE, image="evil").statement(NAME, DIGEST), SigningKey.generate(), SUBJECT, {}
            )
        ),
        found(unsigned(replace(PROVENANCE, image="evil").statement(NAME, DIGEST), SUBJECT, {})),
    ]
    exhibits = [*junk, found(signed(CLAIM, key, SUBJECT, {})), *junk]
    assert reasons(exhibits, key.public) == ("", "")
    told = judge_provenance(exhibits, key.public, DIGEST).provenance
    assert told is not None
    assert told.image == "api"


def test_the_newest_statement_counts(key: SigningKey) -> None:
    later = replace(
        PROVENANCE, run="8", read_back=replace(PROVENANCE.read_back, verified=SEEN.replace(hour=11))
    )
    exhibits = [found(signed(each.statement(NAME, DIGEST), key, SUBJECT, {})) for each in (later, PROVENANCE)]
    assert judge_provenance(exhibits, key.public, DIGEST).provenance == later


@pytest.mark.parametrize(
    "data",
    [b"", b"{}", b"[]", b"\xff", b'{"dsseEnvelope":{"payload":"%","payloadType":"","signatures":[]}}'],
    ids=["empty", "object", "list", "bytes", "payload"],
)
def test_what_cannot_be_read_is_named_and_raises_nothing(key: SigningKey, data: bytes) -> None:
    attachment = signed(CLAIM, key, SUBJECT, {})
    layer = (attachment.manifest.body.layers or ())[0]
    exhibit = exhibited(attachment.manifest.digest, layer, data)
    assert exhibit is not None
    assert reasons([exhibit], key.public) == ("unreadable-signature", "missing-provenance")


def test_nesting_without_end_is_no_traceback() -> None:
    with pytest.raises(Mismatch):
        read_statement(b'{"predicate":' + b'{"a":' * 100_000)


@pytest.mark.parametrize(
    "path",
    [
        ("buildDefinition", "externalParameters", "image"),
        ("buildDefinition", "internalParameters", "fingerprint"),
        ("buildDefinition", "resolvedDependencies"),
        ("runDetails", "byproducts"),
        ("runDetails",),
    ],
    ids=".".join,
)
def test_provenance_that_lacks_what_it_must_have_is_unreadable(path: tuple[str, ...]) -> None:
    predicate = json.loads(json.dumps(CLAIM.predicate))
    holder = predicate
    for name in path[:-1]:
        holder = holder[name]
    del holder[path[-1]]
    broken = Statement(CLAIM.type, CLAIM.subject, CLAIM.predicate_type, predicate)
    with pytest.raises(Mismatch):
        read_provenance(broken)


def test_a_malformed_digest_or_commit_is_unreadable_or_kept_as_text() -> None:
    predicate = json.loads(json.dumps(CLAIM.predicate))
    predicate["buildDefinition"]["resolvedDependencies"][1]["digest"] = {"sha256": "zz"}
    with pytest.raises(Mismatch):
        read_provenance(Statement(CLAIM.type, CLAIM.subject, CLAIM.predicate_type, predicate))
