"""Evidence as manifests of a registry: what is put there for an image, and what is found there about it.

A referrer (OCI image specification 1.1, § Guidelines for Artifact Usage) holds a statement, or the Sigstore
bundle of a signed one as cosign 3 writes it. For cosign before version 3, signatures and attestations are
the layers of a manifest at a tag of their own (cosign, SIGNATURE_SPEC.md).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from shipway.errors import Mismatch
from shipway.evidence.dsse import BUNDLE, IN_TOTO, Envelope, bundled, read_bundle, read_envelope, seal
from shipway.evidence.simple import SIGNATURE_ANNOTATION, SIMPLE_SIGNING, simple_payload
from shipway.evidence.statement import SIGNED_V1, Statement, statement
from shipway.evidence.wire import based, unbased
from shipway.oci.manifest import OCI_CONFIG, OCI_EMPTY, OCI_MANIFEST, Descriptor, Manifest
from shipway.oci.referrers import cosign_tags
from shipway.values import Digest

if TYPE_CHECKING:
    from shipway.evidence.keys import SigningKey

DSSE_LAYER = "application/vnd.dsse.envelope.v1+json"
EVIDENCE_TYPES = (BUNDLE, IN_TOTO)
FINGERPRINT = "io.shipway.fingerprint"
EMPTY_BLOB = b"{}"
_PREDICATE_TYPE = "in-toto.io/predicate-type"
_BUNDLE_CONTENT = "dev.sigstore.bundle.content"
_BUNDLE_PREDICATE = "dev.sigstore.bundle.predicateType"


@dataclass(frozen=True, slots=True)
class Attachment:
    """A manifest and the blobs it needs. ``tag`` is where it is put, None for a referrer."""

    manifest: Manifest
    blobs: tuple[bytes, ...]
    tag: str | None = None


def unsigned(claim: Statement, subject: Descriptor, annotations: Mapping[str, str]) -> Attachment:
    """A statement that nobody signed, as a referrer of ``subject``."""
    noted = {_PREDICATE_TYPE: claim.predicate_type, **annotations}
    return _referrer(IN_TOTO, claim.encode(), subject, noted)


def signed(
    claim: Statement, key: SigningKey, subject: Descriptor, annotations: Mapping[str, str]
) -> Attachment:
    """A statement and its signature, as a referrer of ``subject``."""
    noted = {_BUNDLE_CONTENT: "dsse-envelope", _BUNDLE_PREDICATE: claim.predicate_type, **annotations}
    return _referrer(BUNDLE, bundled(seal(key, claim.encode()), key.public), subject, noted)


def signature_claim(name: str, digest: Digest) -> Statement:
    """What cosign 3 signs for an image."""
    return statement(name, digest, SIGNED_V1, {})


def _referrer(
    artifact_type: str, data: bytes, subject: Descriptor, annotations: Mapping[str, str]
) -> Attachment:
    body = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "artifactType": artifact_type,
        "config": _described(OCI_EMPTY, EMPTY_BLOB),
        "layers": [_described(artifact_type, data)],
        "subject": {"mediaType": subject.media_type, "digest": subject.digest, "size": subject.size},
        "annotations": dict(annotations),
    }
    return Attachment(Manifest(OCI_MANIFEST, msgspec.json.encode(body)), (EMPTY_BLOB, data))


# --- cosign before version 3 --------------------------------------------------------------------


def tagged_signature(name: str, digest: Digest, key: SigningKey, standing: Manifest | None) -> Attachment:
    """A signature of ``digest`` beside those that the manifest at cosign's tag, ``standing``, has already."""
    payload = simple_payload(name, str(digest))
    noted = {SIGNATURE_ANNOTATION: based(key.sign(payload))}
    return _beside(standing, SIMPLE_SIGNING, payload, noted, cosign_tags(digest)[0])


def tagged_attestation(
    claim: Statement, digest: Digest, key: SigningKey, standing: Manifest | None
) -> Attachment:
    """A signed statement beside those that are there already."""
    envelope = msgspec.json.encode(seal(key, claim.encode()))
    noted = {SIGNATURE_ANNOTATION: "", "predicateType": claim.predicate_type}
    return _beside(standing, DSSE_LAYER, envelope, noted, cosign_tags(digest)[1])


def _beside(
    standing: Manifest | None, media_type: str, data: bytes, annotations: Mapping[str, str], tag: str
) -> Attachment:
    kept = json.loads(standing.data).get("layers", []) if standing else []
    layers = [*kept, {**_described(media_type, data), "annotations": annotations}]
    rootfs = {"type": "layers", "diff_ids": [layer["digest"] for layer in layers]}
    config = msgspec.json.encode({"architecture": "", "os": "", "rootfs": rootfs, "config": {}})
    body = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": _described(OCI_CONFIG, config),
        "layers": layers,
    }
    return Attachment(Manifest(OCI_MANIFEST, msgspec.json.encode(body)), (config, data), tag)


def _described(media_type: str, data: bytes) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": str(Digest.of(data)), "size": len(data)}


# --- reading ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Exhibit:
    """One piece of evidence as it was found, at the manifest ``at``.

    ``data`` is a statement, or the content of ``envelope``, or with ``signature`` a simple signing payload.
    ``hint`` is the key that is said to have signed, ``trouble`` why the piece cannot be read.
    """

    at: Digest
    data: bytes = b""
    envelope: Envelope | None = None
    signature: bytes | None = None
    hint: str = ""
    trouble: str = ""

    @property
    def is_signed(self) -> bool:
        return self.envelope is not None or self.signature is not None


def exhibited(at: Digest, layer: Descriptor, data: bytes) -> Exhibit | None:
    """The evidence in a layer of the manifest ``at``; None when it is something else."""
    try:
        if layer.media_type == BUNDLE:
            bundle = read_bundle(data)
            if bundle.dsse_envelope is None:
                return Exhibit(at, trouble="the bundle holds no statement")
            return Exhibit(at, bundle.dsse_envelope.content, bundle.dsse_envelope, hint=bundle.hint)
        if layer.media_type == DSSE_LAYER:
            envelope = read_envelope(data)
            return Exhibit(at, envelope.content, envelope)
        if layer.media_type == SIMPLE_SIGNING:
            told = (layer.annotations or {}).get(SIGNATURE_ANNOTATION, "")
            return Exhibit(at, data, signature=unbased(told))
    except Mismatch as error:
        return Exhibit(at, trouble=error.message)
    return Exhibit(at, data) if layer.media_type == IN_TOTO else None
