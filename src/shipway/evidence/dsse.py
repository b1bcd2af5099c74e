"""Signed envelopes (DSSE 1.0) and the Sigstore bundles that carry them (bundle format 0.3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from shipway.evidence.wire import based, decoded, unbased

if TYPE_CHECKING:
    from shipway.evidence.keys import PublicKey, SigningKey

IN_TOTO = "application/vnd.in-toto+json"
BUNDLE = "application/vnd.dev.sigstore.bundle.v0.3+json"


class Signature(msgspec.Struct, frozen=True, omit_defaults=True):
    """One signature in base64; ``keyid`` is a hint that nothing is trusted for."""

    sig: str
    keyid: str = ""


class Envelope(msgspec.Struct, frozen=True, rename={"payload_type": "payloadType"}):
    """A payload in base64 and who signed it (DSSE, § Data Structure)."""

    payload: str
    payload_type: str
    signatures: tuple[Signature, ...]

    @property
    def content(self) -> bytes:
        """The payload. Raises Mismatch when it is no base64."""
        return unbased(self.payload)

    def is_signed_by(self, key: PublicKey) -> bool:
        """Whether one of the signatures is of ``key``."""
        signed = pae(self.payload_type, self.content)
        return any(key.accepts(unbased(each.sig), signed) for each in self.signatures)


class _PublicKeyHint(msgspec.Struct, frozen=True):
    hint: str = ""


class _Material(msgspec.Struct, frozen=True, omit_defaults=True, rename="camel"):
    public_key: _PublicKeyHint | None = None


class Bundle(msgspec.Struct, frozen=True, omit_defaults=True, rename="camel"):
    """What Shipway uses of a Sigstore bundle: the envelope and the hint which key made it."""

    media_type: str = ""
    verification_material: _Material = _Material()
    dsse_envelope: Envelope | None = None

    @property
    def hint(self) -> str:
        """Which key is meant, as ``PublicKey.hint``; empty where a certificate takes its place."""
        return self.verification_material.public_key.hint if self.verification_material.public_key else ""


def pae(payload_type: str, payload: bytes) -> bytes:
    """What is signed: type and payload, each with its length (DSSE, § Pre-Authentication Encoding)."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def seal(key: SigningKey, payload: bytes, payload_type: str = IN_TOTO) -> Envelope:
    """``payload`` signed with ``key``."""
    signature = Signature(based(key.sign(pae(payload_type, payload))))
    return Envelope(based(payload), payload_type, (signature,))


def bundled(envelope: Envelope, key: PublicKey) -> bytes:
    """The bundle of an envelope that the private half of ``key`` signed."""
    material = _Material(_PublicKeyHint(key.hint))
    return msgspec.json.encode(Bundle(BUNDLE, material, envelope))


def read_envelope(data: bytes) -> Envelope:
    """Raises Mismatch when ``data`` is no envelope."""
    return decoded(data, Envelope, "signed envelope")


def read_bundle(data: bytes) -> Bundle:
    """Raises Mismatch when ``data`` is no bundle."""
    return decoded(data, Bundle, "Sigstore bundle")
