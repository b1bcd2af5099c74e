"""Deliver: one run around the execution of a plan, recorded from its first event to its end."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import replace

import msgspec

from shipway.flows.conduct import Conduct
from shipway.flows.outcome import Shipped
from shipway.flows.prepare import Prepared
from shipway.flows.recorder import Recorder
from shipway.flows.ship import Ship
from shipway.flows.yard import Voyage, Yard
from shipway.ports import Clock, Ledger

OpenRecorder = Callable[[int], Recorder]
OpenYard = Callable[[Recorder], Yard]


async def deliver(
    prepared: Prepared,
    *,
    command: str,
    conduct: Conduct,
    ledger: Ledger,
    clock: Clock,
    recorder: OpenRecorder,
    yard: OpenYard,
    seeks_parts: bool = False,
) -> Shipped:
    """Execute a plan as one run of the ledger. ``seeks_parts`` is as in ``Voyage``.

    ``recorder`` and ``yard`` are asked for once the run has its number. Raises Locked when another run
    holds the fleet, and whatever is no fault of a single image; the run is closed in any case, as interrupted
    when it was cancelled.
    """
    plan = msgspec.to_builtins(prepared.plan)
    run = ledger.begin(command, plan, clock.now())
    state = "failed"
    try:
        with closing(recorder(run)) as events:
            world = yard(events)
            _started(world, run, prepared)
            _record_found(world, run, prepared)
            commit = prepared.revision.commit if prepared.revision else None
            voyage = Voyage(
                run, prepared.plan, prepared.fleet, prepared.inputs, commit, seeks_parts, prepared.named
            )
            shipped = await Ship(world, voyage, conduct).execute()
            state = shipped.state
            world.emit("run.finished", state=state)
            return shipped
    except BaseException as error:
        state = "interrupted" if not isinstance(error, Exception) else "failed"
        raise
    finally:
        ledger.finish(run, state, clock.now())


def _record_found(world: Yard, run: int, prepared: Prepared) -> None:
    """Keep what a registry told of, and was read back while the plan was made."""
    for step in prepared.plan.steps:
        found = prepared.found.get(step.image) if step.action == "reuse" else None
        if found is not None:
            world.ledger.deliver(replace(found, run=run), prepared.inputs[step.image].encode())
            facts = {"digest": found.digest, "reference": found.reference, "fingerprint": found.fingerprint}
            world.emit("image.found", step.image, **facts)


def _started(world: Yard, run: int, prepared: Prepared) -> None:
    steps = prepared.plan.steps
    builds = sum(step.action == "build" for step in steps)
    world.emit("run.started", run=run, builds=builds, reuses=len(steps) - builds)
    for note in prepared.plan.notes:
        world.emit("plan.noted", note=note)
    standing = {step.image for step in steps if step.action == "reuse"}
    for origin in prepared.plan.origins:
        if images := [name for name in origin.moved if name in standing]:
            world.emit("base.moved", reference=origin.reference, digest=origin.digest, images=images)
