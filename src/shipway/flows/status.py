"""Status: what a run did and what stands delivered, and the list of runs, read from the ledger alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from shipway.ports import Delivery, Event, Ledger, RunRecord
from shipway.values import Digest

SCHEMA = "shipway.status/1"
EVIDENCE_EVENT = "evidence.attached"
"""What is told of an image once its provenance, and its signature, are with it."""
RUNS_SCHEMA = "shipway.runs/1"

# what runs that build nothing are counted by
_EFFECTS = {"prune.untagged": "deleted", "prune.deleted": "deleted", "prune.restored": "restored"}

_EVERY = 100_000
# The steps of an image that is built, and the event that shows each of them done.
BUILD_STEPS = ("image.built", "push.done", "readback.verified", "image.delivered")
REUSE_STEPS = ("image.reused",)
# what an earlier run built counts as built
_SAME_AS = {"image.resumed": "image.built"}
_STATES = {
    "image.delivered": "delivered",
    "image.reused": "reused",
    "image.failed": "failed",
    "image.held": "held",
    "image.blocked": "blocked",
    "build.started": "unfinished",
    "image.resumed": "unfinished",
}


class Row(msgspec.Struct, frozen=True):
    """One image of a run. ``state`` is delivered, reused, held, failed, blocked, unfinished or pending.

    ``digest``, ``size`` (bytes), ``seconds`` and ``verified`` are those of the delivery that stands for it;
    ``evidence`` says which run read it back, and whether it is signed. ``statement`` and ``referrer`` are the
    digests of the provenance and of the manifest that holds it, ``key`` the one that signed. All are empty or
    zero when nothing was ever delivered. ``stand_in`` marks an image that runs in place of a service without
    code.
    """

    image: str
    state: str
    reference: str
    why: str
    digest: str = ""
    platforms: tuple[str, ...] = ()
    size: int = 0
    seconds: float = 0.0
    verified: datetime | None = None
    evidence: str = ""
    statement: str = ""
    referrer: str = ""
    key: str = ""
    stand_in: bool = False


class Trouble(msgspec.Struct, frozen=True):
    """Why an image is not delivered, and the command that goes on."""

    image: str
    message: str
    cause: str | None
    help: str | None
    command: str


class Status(msgspec.Struct, frozen=True):
    """A run as the ledger shows it; ``steps_done`` of ``steps_planned`` are counted from events.

    ``verified`` counts the images whose standing delivery was read back from the registry. ``totals`` are
    the images by state; for a run of another ``kind`` than ship, what it deleted and put back.
    """

    run: int
    command: str
    state: str
    started: datetime
    finished: datetime | None
    seconds: float | None
    engine: str
    steps_done: int
    steps_planned: int
    verified: int
    totals: dict[str, int]
    rows: tuple[Row, ...]
    troubles: tuple[Trouble, ...]
    kind: str = "ship"
    schema: str = SCHEMA


class Run(msgspec.Struct, frozen=True):
    """One line of the list of runs; ``kind`` is ship, prune or undo (of a prune)."""

    run: int
    kind: str
    state: str
    started: datetime
    seconds: float | None
    command: str


class Runs(msgspec.Struct, frozen=True):
    """The runs of a fleet, newest first."""

    runs: tuple[Run, ...]
    schema: str = RUNS_SCHEMA


def read_runs(ledger: Ledger, limit: int) -> Runs:
    """The newest ``limit`` runs of any kind."""
    return Runs(
        tuple(
            Run(record.id, record.kind, record.state, record.started, _seconds(record), record.command)
            for record in ledger.runs(limit)
        )
    )


def read_status(ledger: Ledger, run: int | None = None) -> Status | None:
    """The status of a run, of the newest that shipped by default; None when there is no such run."""
    record = _record(ledger, run)
    if record is None:
        return None
    events = [event for _, event in ledger.events(record.id)]
    steps = [step for wave in _list(record.plan.get("waves")) for step in wave]
    standing = _standing(ledger, record.id, events)
    rows = tuple(_attested(ledger, _row(step, events, standing), standing) for step in steps)
    seen = {(event.image, _SAME_AS.get(event.kind, event.kind)) for event in events}
    return Status(
        run=record.id,
        command=record.command,
        state=record.state,
        started=record.started,
        finished=record.finished,
        seconds=_seconds(record),
        engine=_engine(events),
        steps_done=sum((step["image"], kind) in seen for step in steps for kind in _kinds(step)),
        steps_planned=sum(len(_kinds(step)) for step in steps),
        verified=sum(row.verified is not None for row in rows),
        totals=_totals(rows) if record.kind == "ship" else _effects(events),
        rows=rows,
        troubles=_troubles(events),
        kind=record.kind,
    )


def _record(ledger: Ledger, run: int | None) -> RunRecord | None:
    records = ledger.runs(1, "ship") if run is None else ledger.runs(_EVERY)
    return next((record for record in records if run in (None, record.id)), None)


def _standing(ledger: Ledger, run: int, events: Sequence[Event]) -> dict[str, Delivery]:
    """The delivery that stands for each image of a run: of the digest that the run saw, no later one."""
    found: dict[str, Delivery] = {}
    for event in events:
        if event.image is not None and event.kind in ("image.delivered", "image.reused"):
            data: Mapping[str, Any] = event.data
            delivery = ledger.delivery(event.image, data["digest"], run)
            if delivery is not None:
                found[event.image] = delivery
    return found


def _row(step: Mapping[str, Any], events: Sequence[Event], standing: Mapping[str, Delivery]) -> Row:
    image = step["image"]
    state = "pending"
    for event in events:
        if event.image == image:
            state = _STATES.get(event.kind, state)
    why = "; ".join(step["why"])
    delivery = standing.get(image) if state in ("delivered", "reused") else None
    if delivery is None:
        return Row(image, state, step["reference"], why, stand_in=step.get("stand_in", False))
    return Row(
        image,
        state,
        step["reference"].partition("@")[0],
        why,
        delivery.digest,
        delivery.platforms,
        delivery.size,
        delivery.seconds,
        delivery.verified,
        f"read back in run {delivery.run}",
        stand_in=step.get("stand_in", False) or delivery.stand_in,
    )


def _attested(ledger: Ledger, row: Row, standing: Mapping[str, Delivery]) -> Row:
    """The row with what was attached to the image that it shows."""
    if not row.digest:
        return row
    known = ledger.last(EVIDENCE_EVENT, row.image, standing[row.image].fingerprint)
    if known is None or known[1].data["digest"] != row.digest:
        return row
    told: Mapping[str, Any] = known[1].data
    key = told["key"] or ""
    signed = f"signed by {Digest.parse(key).short}" if key else "provenance unsigned"
    return msgspec.structs.replace(
        row,
        evidence=f"{row.evidence}, {signed}",
        statement=told["statement"],
        referrer=told["referrer"],
        key=key,
    )


def _troubles(events: Sequence[Event]) -> tuple[Trouble, ...]:
    troubles: dict[str, Trouble] = {}
    for event in events:
        if event.image is None:
            continue
        command = f"shipway ship {event.image}"
        data: Mapping[str, Any] = event.data
        if event.kind == "image.failed":
            troubles[event.image] = Trouble(
                event.image, data["message"], data["cause"], data["help"], command
            )
        elif event.kind in ("image.blocked", "image.held"):
            waits = ", ".join(data["waits_for"])
            if event.kind == "image.held":  # alone it would be tagged without its group
                command = " ".join(["shipway ship", *data["waits_for"], event.image])
            troubles[event.image] = Trouble(event.image, f"waits for {waits}", None, None, command)
    return tuple(troubles.values())


def _kinds(step: Mapping[str, Any]) -> tuple[str, ...]:
    return BUILD_STEPS if step["action"] == "build" else REUSE_STEPS


def _totals(rows: Sequence[Row]) -> dict[str, int]:
    states = ("delivered", "reused", "held", "failed", "blocked", "unfinished", "pending")
    return {state: sum(row.state == state for row in rows) for state in states}


def _effects(events: Sequence[Event]) -> dict[str, int]:
    counted = Counter(_EFFECTS[event.kind] for event in events if event.kind in _EFFECTS)
    return dict(sorted(counted.items()))


def _engine(events: Sequence[Event]) -> str:
    chosen = [event.data for event in events if event.kind == "engine.chosen"]
    return f"{chosen[-1]['name']} {chosen[-1]['version']}" if chosen else ""


def _seconds(record: RunRecord) -> float | None:
    return (record.finished - record.started).total_seconds() if record.finished else None


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
