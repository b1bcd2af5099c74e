"""Verify: does the registry hold what was delivered, who says so, and can it be followed to its source?

Nothing is written, no ledger is needed: what is not known here is told by the evidence with the image.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from shipway.errors import EnvironmentFailed, NotMet, ShipwayError
from shipway.evidence.judge import Check
from shipway.flows.verifying.image import Subject, Verdict, Verifier

SCHEMA = "shipway.verify/1"
_UNSIGNED_HELP = "to sign it: shipway ship --force IMAGE with the private key; --json tells every check"
_DIRTY_HELP = "commit the change, then shipway ship --force IMAGE: the build is from that commit then"
_WORST_FIRST = ("failed", "absent", "unobserved", "verified")


class CheckRow(msgspec.Struct, frozen=True):
    """One check. ``state`` is verified, failed, absent, unobserved or skipped; ``reason`` is a stable word,
    empty for what is verified."""

    check: str
    state: str
    reason: str
    detail: str


class Row(msgspec.Struct, frozen=True):
    """One image. ``state`` is the worst of its checks; ``reasons`` are those of all that are not verified.

    ``commit``, ``repository`` and ``builders`` are what its provenance tells, ``evidence`` the manifest that
    holds it; empty where there is none. ``stand_in`` marks an image that runs in place of a service without
    code, whatever else holds of it.
    """

    image: str
    reference: str
    digest: str
    state: str
    reasons: tuple[str, ...]
    checks: tuple[CheckRow, ...]
    commit: str = ""
    repository: str = ""
    builders: tuple[str, ...] = ()
    evidence: str = ""
    stand_in: bool = False


class Verified(msgspec.Struct, frozen=True):
    """Every image, in the order asked for. ``key`` is the digest of the key that signatures were checked
    with, ``deep`` whether layers were read."""

    images: tuple[Row, ...]
    totals: dict[str, int]
    key: str | None = None
    deep: bool = False
    schema: str = SCHEMA


@dataclass(frozen=True, slots=True)
class Verification:
    """The document, and what to tell the shell."""

    document: Verified
    verdicts: tuple[Verdict, ...]

    def error(self) -> ShipwayError | None:
        """NotMet when a claim does not hold, the error of the registry or EnvironmentFailed when one could
        not be looked at; None when all is verified."""
        rows = self.document.images
        for state in ("failed", "absent"):
            for row in rows:
                if row.state == state:
                    return _not_met(row, state)
        errors = [verdict.error for verdict in self.verdicts if verdict.error is not None]
        if errors:
            return errors[0]
        unseen = next((row for row in rows if row.state == "unobserved"), None)
        return _unseen(unseen) if unseen else None


async def verify(verifier: Verifier, subjects: Sequence[Subject], jobs: int) -> Verification:
    """Verify images, ``jobs`` at a time; what is wrong with one of them stops no other."""
    slots = asyncio.Semaphore(jobs)

    async def one(subject: Subject) -> Verdict:
        async with slots:
            return await verifier.verify(subject)

    verdicts = tuple(await asyncio.gather(*map(one, subjects)))
    rows = tuple(map(_row, verdicts))
    counts = Counter(row.state for row in rows)
    key = str(verifier.key.id) if verifier.key else None
    document = Verified(rows, {state: counts[state] for state in _WORST_FIRST}, key, verifier.deep)
    return Verification(document, verdicts)


def _row(verdict: Verdict) -> Row:
    subject, told = verdict.subject, verdict.provenance
    source = told.source if told else None
    states = {check.state for check in verdict.checks}
    return Row(
        image=subject.image or (told.image if told else ""),
        reference=str(subject.reference),
        digest=str(verdict.digest or ""),
        state=next((state for state in _WORST_FIRST if state in states), "unobserved"),
        reasons=tuple(check.reason for check in verdict.checks if _counts(check)),
        checks=tuple(CheckRow(each.name, each.state, each.reason, each.detail) for each in verdict.checks),
        commit=source.commit if source else "",
        repository=(source.repository or "") if source else "",
        builders=tuple(f"{name} {version}" for name, version in (told.builders if told else {}).items()),
        evidence=str(verdict.at or ""),
        stand_in=verdict.stand_in,
    )


def _counts(check: Check) -> bool:
    return check.state not in ("verified", "skipped")


def _first(row: Row, state: str) -> CheckRow:
    return next(check for check in row.checks if check.state == state)


def _not_met(row: Row, state: str) -> NotMet:
    check = _first(row, state)
    return NotMet(
        f"{row.reference} is not verified: {check.check} {check.state}",
        cause=check.detail,
        help=_UNSIGNED_HELP if "unsigned" in row.reasons else "shipway verify --json tells every check",
    )


def _unseen(row: Row) -> EnvironmentFailed:
    check = _first(row, "unobserved")
    return EnvironmentFailed(
        f"{row.reference} could not be verified: {check.check} cannot be observed from here",
        cause=check.detail,
        help=_DIRTY_HELP
        if check.reason == "dirty"
        else "fetch the whole history, or ask again where the registries can be reached",
    )
