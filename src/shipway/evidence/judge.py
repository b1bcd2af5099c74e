"""What pieces of evidence prove about one manifest: is it signed, and how did it come to be?

Anybody who may push can attach evidence, so what does not hold never counts against what does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from shipway.errors import Mismatch
from shipway.evidence.attachment import Exhibit
from shipway.evidence.provenance import Provenance, is_of_shipway, read_provenance
from shipway.evidence.simple import signed_digest
from shipway.evidence.statement import PROVENANCE_V1, read_statement
from shipway.values import Digest

if TYPE_CHECKING:
    from shipway.evidence.keys import PublicKey

State = Literal["verified", "failed", "absent", "unobserved", "skipped"]


@dataclass(frozen=True, slots=True)
class Check:
    """One claim about an image that was looked at.

    ``state``: it holds; it does not; what would show it is not there; it could not be looked at; nothing
    asked for it. ``reason`` is a stable word in kebab-case for anything but a plain yes.
    """

    name: str
    state: State
    detail: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Attested:
    """The check of the provenance, and where it is there, what it tells and the manifest that holds it."""

    check: Check
    provenance: Provenance | None = None
    at: Digest | None = None


# --- signatures -------------------------------------------------------------------------------

# what is wrong with a signature, the most telling first
_FAULTS = {
    "replayed-signature": "a signature of this key is there, but it is about another image",
    "bad-signature": "what says to be signed by this key is not",
    "other-key": "there are signatures, all of other keys",
    "unreadable-signature": "what should be a signature cannot be read",
}


def judge_signature(exhibits: Sequence[Exhibit], key: PublicKey | None, digest: Digest) -> Check:
    """Whether ``key`` signed the manifest ``digest``."""
    candidates = [each for each in exhibits if each.is_signed or each.trouble]
    if key is None:
        said = f"{len(candidates)} there, but no key to check them with" if candidates else "no key is given"
        return Check("signature", "skipped", said, "no-key")
    if not candidates:
        return Check("signature", "absent", "nobody signed it", "unsigned")
    faults = {_fault(each, key, digest) for each in candidates}
    if "" in faults:
        return Check("signature", "verified", f"by the key {key.id.short}")
    fault = next(each for each in _FAULTS if each in faults)
    return Check("signature", "failed", _FAULTS[fault], fault)


def _fault(exhibit: Exhibit, key: PublicKey, digest: Digest) -> str:
    """What is wrong with a signature; empty when it holds for ``digest``."""
    if exhibit.trouble:
        return "unreadable-signature"
    try:
        if not _is_signed(exhibit, key):
            return "other-key" if exhibit.hint not in ("", key.hint) else _unhinted(exhibit)
        return "" if _is_about(exhibit, digest) else "replayed-signature"
    except Mismatch:
        return "unreadable-signature"


def _unhinted(exhibit: Exhibit) -> str:
    """A signature that tells its key can only be bad; one that does not is taken for another's."""
    return "bad-signature" if exhibit.hint else "other-key"


def _is_signed(exhibit: Exhibit, key: PublicKey) -> bool:
    if exhibit.envelope is not None:
        return exhibit.envelope.is_signed_by(key)
    return exhibit.signature is not None and key.accepts(exhibit.signature, exhibit.data)


def _is_about(exhibit: Exhibit, digest: Digest) -> bool:
    if exhibit.signature is not None:
        return signed_digest(exhibit.data) == str(digest)
    return read_statement(exhibit.data).is_about(digest)


# --- provenance -------------------------------------------------------------------------------

_NO_PROVENANCE = {
    "replayed-provenance": "the provenance is about another image",
    "unsigned-provenance": "there is provenance, but this key did not sign it",
    "unreadable-provenance": "what should be provenance cannot be read",
}


def judge_provenance(exhibits: Sequence[Exhibit], key: PublicKey | None, digest: Digest) -> Attested:
    """How ``digest`` came to be, from the newest statement of ours that holds; with ``key`` a signed one."""
    good: list[tuple[Provenance, Exhibit]] = []
    faults: set[str] = set()
    for exhibit in exhibits:
        found = _provenance(exhibit, key, digest)
        if isinstance(found, Provenance):
            good.append((found, exhibit))
        elif found:
            faults.add(found)
    if good:
        best, exhibit = max(good, key=lambda each: (each[0].read_back.verified, str(each[1].at)))
        said = "signed" if key else "not checked for a signature: whoever may push can have written it"
        return Attested(Check("provenance", "verified", said), best, exhibit.at)
    for fault, said in _NO_PROVENANCE.items():
        if fault in faults:
            return Attested(Check("provenance", "failed", said, fault))
    return Attested(Check("provenance", "absent", "nothing tells how it was built", "missing-provenance"))


def _provenance(exhibit: Exhibit, key: PublicKey | None, digest: Digest) -> Provenance | str:
    """What an exhibit tells, else what is wrong with it; empty for evidence of other kinds."""
    if exhibit.trouble or exhibit.signature is not None:
        return ""
    try:
        claim = read_statement(exhibit.data)
        if claim.predicate_type != PROVENANCE_V1 or not is_of_shipway(claim):
            return ""
        if key is not None and not _is_signed(exhibit, key):
            return "unsigned-provenance"
        return read_provenance(claim) if claim.is_about(digest) else "replayed-provenance"
    except Mismatch:
        return "unreadable-provenance"
