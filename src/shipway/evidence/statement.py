"""Statements about images (in-toto Attestation Framework, Statement v1; v0.1 is read too)."""

from __future__ import annotations

from typing import Any

import msgspec

from shipway.errors import Mismatch
from shipway.evidence.wire import decoded
from shipway.values import Digest

STATEMENT_V1 = "https://in-toto.io/Statement/v1"
STATEMENT_V01 = "https://in-toto.io/Statement/v0.1"
PROVENANCE_V1 = "https://slsa.dev/provenance/v1"
# what cosign 3 states when it signs an image
SIGNED_V1 = "https://sigstore.dev/cosign/sign/v1"


class Subject(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a statement is about: digests by algorithm. ``name`` is for people."""

    digest: dict[str, str]
    name: str = ""


class Statement(msgspec.Struct, frozen=True, rename={"type": "_type", "predicate_type": "predicateType"}):
    """A claim of one type about subjects. ``predicate`` is what the type says it is."""

    type: str
    subject: tuple[Subject, ...]
    predicate_type: str
    predicate: dict[str, Any] = {}

    def is_about(self, digest: Digest) -> bool:
        """Whether the manifest with ``digest`` is a subject."""
        return any(subject.digest.get(digest.algorithm) == digest.hex for subject in self.subject)

    def encode(self) -> bytes:
        """JSON, the same for the same statement."""
        return msgspec.json.encode(self)


def statement(name: str, digest: Digest, predicate_type: str, predicate: dict[str, Any]) -> Statement:
    """A statement about one manifest of the repository ``name``."""
    return Statement(
        STATEMENT_V1, (Subject({digest.algorithm: digest.hex}, name),), predicate_type, predicate
    )


def read_statement(data: bytes) -> Statement:
    """Raises Mismatch when ``data`` is no statement."""
    read = decoded(data, Statement, "statement")
    if read.type not in (STATEMENT_V1, STATEMENT_V01):
        raise Mismatch(f"statement cannot be read: its type is {read.type!r}")
    return read
