"""Attest: evidence goes with an image once, and the ledger knows of it before a tag does."""

from __future__ import annotations

from shipway.errors import RegistryError
from shipway.flows.prove import Facts, Proof, Prover
from shipway.flows.status import EVIDENCE_EVENT
from shipway.flows.yard import Yard
from shipway.values import Reference

# what registries say to manifests that they do not know
_UNFIT = frozenset({400, 404, 405, 415, 422})


async def attest(yard: Yard, prover: Prover, facts: Facts, there: Reference) -> None:
    """Attach evidence to the image at the digest of ``there``, unless an earlier run did just that."""
    if _stands(yard, prover, facts, there):
        return
    try:
        proof = await prover.prove(facts, there)
    except RegistryError as error:
        if error.help is None and error.status in _UNFIT:
            error.help = "if the registry takes no such manifests, ship without evidence: --no-evidence"
        raise
    yard.emit(EVIDENCE_EVENT, facts.step.image, **_record(proof, facts, there))


def _stands(yard: Yard, prover: Prover, facts: Facts, there: Reference) -> bool:
    """Whether this very manifest has evidence there already, of the same key."""
    known = yard.ledger.last(EVIDENCE_EVENT, facts.step.image, facts.step.fingerprint)
    if known is None:
        return False
    told = known[1].data
    wanted = {"digest": str(there.digest), "repository": facts.step.repository.name, "key": prover.key_id}
    return all(told.get(name) == value for name, value in wanted.items())


def _record(proof: Proof, facts: Facts, there: Reference) -> dict[str, object]:
    return {
        "digest": str(there.digest),
        "fingerprint": facts.step.fingerprint,
        "repository": facts.step.repository.name,
        "statement": str(proof.statement),
        "referrer": str(proof.referrer),
        "key": str(proof.key) if proof.key else None,
    }
