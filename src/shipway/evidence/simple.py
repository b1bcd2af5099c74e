"""Signatures as cosign kept them before version 3: simple signing payloads at the tag ``sha256-….sig``.

Follows cosign's SIGNATURE_SPEC.md and Red Hat's simple signing format.
"""

from __future__ import annotations

from typing import Any

import msgspec

from shipway.errors import Mismatch
from shipway.evidence.wire import decoded

SIMPLE_SIGNING = "application/vnd.dev.cosign.simplesigning.v1+json"
SIGNATURE_ANNOTATION = "dev.cosignproject.cosign/signature"
_TYPE = "cosign container image signature"


class _Identity(msgspec.Struct, frozen=True, rename="kebab"):
    docker_reference: str = ""


class _Image(msgspec.Struct, frozen=True, rename="kebab"):
    docker_manifest_digest: str


class _Critical(msgspec.Struct, frozen=True):
    identity: _Identity
    image: _Image
    type: str


class _Payload(msgspec.Struct, frozen=True):
    critical: _Critical
    optional: Any = None


def simple_payload(name: str, digest: str) -> bytes:
    """What is signed to say that ``digest`` of the repository ``name`` is good."""
    return msgspec.json.encode(_Payload(_Critical(_Identity(name), _Image(digest), _TYPE)))


def signed_digest(payload: bytes) -> str:
    """The digest that a payload is about. Raises Mismatch when it is no such payload."""
    read = decoded(payload, _Payload, "signed payload")
    if read.critical.type != _TYPE:
        raise Mismatch(f"signed payload cannot be read: its type is {read.critical.type!r}")
    return read.critical.image.docker_manifest_digest
