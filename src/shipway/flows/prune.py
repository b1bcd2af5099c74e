"""Prune: take old tags out of repositories, and never an image that is still needed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from shipway.errors import PartlyDelivered, ShipwayError, UsageError
from shipway.fleet.model import RetentionSettings
from shipway.flows.pruning.execute import Pruner, Rehearsal
from shipway.flows.pruning.survey import Surveyed, creation_times, survey
from shipway.flows.pruning.targets import Target
from shipway.flows.pruning.undo import Undone, journal, undo
from shipway.planning.retention.plan import Question, Retention, candidates, decide
from shipway.planning.retention.policy import Limits
from shipway.ports import Clock, Deleter, Event, Ledger, Shelves
from shipway.values import Reference

SCHEMA = "shipway.prune/1"


@dataclass(frozen=True, slots=True)
class PruneRequest:
    """What is asked for: one repository, or with None those of the fleet; ``settings`` go before those of the
    fleet file. At most ``most`` tags go. ``manifests`` are further directories whose files use images,
    ``backend`` is the interface that deletes, or ``auto``."""

    repository: Reference | None
    settings: RetentionSettings
    most: int
    manifests: tuple[Path, ...] = ()
    backend: str = "auto"
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class Decided:
    """A target with what is known of it and what shall happen."""

    target: Target
    surveyed: Surveyed
    retention: Retention


class Entry(msgspec.Struct, frozen=True, omit_defaults=True):
    """A tag that stays or goes, or a manifest without tags that goes, with the reason."""

    why: str
    repository: str
    tag: str | None = None
    digest: str | None = None


class Pruned(msgspec.Struct, frozen=True):
    """What was deleted and kept; in a dry run what would be. ``run`` is the number to undo it by."""

    delete: tuple[Entry, ...]
    keep: tuple[Entry, ...]
    dry_run: bool
    run: int | None = None
    schema: str = SCHEMA


@dataclass(frozen=True, slots=True)
class Means:
    """What prune works with. ``deleter`` gives the one for a registry; nothing asks for it in a dry run."""

    registry: Shelves
    deleter: Callable[[Reference], Awaitable[Deleter]]
    ledger: Ledger
    clock: Clock
    show: Callable[[Event], None]


async def look(means: Means, targets: Sequence[Target], most: int) -> list[Decided]:
    """The plans of all targets, ``most`` tags going at most; nothing is deleted before all of them stand.

    Raises RegistryError for what cannot be read, UsageError for what cannot be ordered.
    """
    plans = []
    for target in targets:
        means.show(Event("prune.reading", data={"repository": target.repository.name}))
        surveyed = await survey(means.registry, target.at, target.uses.digests)
        retention = await _decide(means, target, surveyed, most)
        most -= len(retention.delete.keys() - retention.graph.companions.keys())
        plans.append(Decided(target, surveyed, retention))
    return plans


async def _decide(means: Means, target: Target, surveyed: Surveyed, most: int) -> Retention:
    limits = Limits(means.clock.now(), most)
    question = Question(surveyed.graph, target.policy, target.schemes, target.uses, limits)
    try:
        retention = decide(question)
        if retention is None:
            chosen, _ = candidates(question)
            created = await creation_times(means.registry, target.at, surveyed, chosen)
            retention = decide(replace(question, created=created))
    except UsageError as error:
        name = target.repository.name
        raise UsageError(f"{name}: {error.message}", cause=error.cause, help=error.help) from None
    if retention is None:
        raise UsageError(f"{target.repository.name}: nothing tells the order of its tags")
    return retention


async def rehearse(means: Means, plans: Sequence[Decided]) -> Pruned:
    """Everything that ``prune`` does except for deleting, and nothing is written anywhere."""
    for plan in plans:
        await _pruner(means, plan, Rehearsal(), lambda _: None).run()
    return Pruned(*_entries(plans), dry_run=True)


async def prune(means: Means, plans: Sequence[Decided], command: str) -> Pruned:
    """Delete what the plans say. Raises PartlyDelivered when it had to stop in the middle."""
    delete, keep = _entries(plans)
    if not delete:
        return Pruned(delete, keep, dry_run=False)
    document = msgspec.to_builtins({"delete": delete, "keep": keep})
    run = means.ledger.begin(command, document, means.clock.now(), "prune")
    emit = _recorder(means, run)
    done, state = 0, "interrupted"
    try:
        for plan in plans:
            pruner = _pruner(means, plan, await means.deleter(plan.target.at), emit)
            try:
                await pruner.run()
            finally:
                done += pruner.done
        state = "done"
    except ShipwayError as error:
        state = "partly" if done else "failed"
        raise _stopped(error, run, done) from error
    finally:
        means.ledger.finish(run, state, means.clock.now())
    return Pruned(delete, keep, dry_run=False, run=run)


async def bring_back(means: Means, run: int, command: str, real: Callable[[Reference], Reference]) -> Undone:
    """Undo a run of prune. Raises UsageError when there is none of this number with anything deleted."""
    entries = journal([event for _, event in means.ledger.events(run)])
    if not entries:
        raise UsageError(
            f"run {run} of this fleet deleted nothing from a registry",
            help="shipway prune prints the number of its run; name the same -C and --state as then",
        )
    entries = [replace(entry, repository=real(entry.repository)) for entry in entries]
    own = means.ledger.begin(command, {"undo": run}, means.clock.now(), "undo")
    state = "interrupted"
    try:
        undone = await undo(means.registry, run, entries, _recorder(means, own))
        state = "partly" if undone.failed else "done"
    finally:
        means.ledger.finish(own, state, means.clock.now())
    return undone


def _pruner(means: Means, plan: Decided, deleter: Deleter, emit: Callable[[Event], None]) -> Pruner:
    return Pruner(
        means.registry,
        deleter,
        plan.target.repository,
        plan.target.at,
        plan.surveyed,
        plan.retention,
        emit,
    )


def _recorder(means: Means, run: int) -> Callable[[Event], None]:
    def emit(event: Event) -> None:
        means.ledger.append(run, event, means.clock.now())
        means.show(event)

    return emit


def _stopped(error: ShipwayError, run: int, done: int) -> ShipwayError:
    if not done:
        return error
    return PartlyDelivered(
        f"stopped after {done} deletions: {error.message}",
        cause=error.cause,
        help=f"{error.help or 'run it again'}; shipway prune --undo {run} brings back what was deleted",
    )


def _entries(plans: Iterable[Decided]) -> tuple[tuple[Entry, ...], tuple[Entry, ...]]:
    delete: list[Entry] = []
    keep: list[Entry] = []
    for plan in plans:
        name = plan.target.repository.name
        stays = {step.tag: step.stays for step in plan.retention.untags}
        for tag, why in plan.retention.delete.items():
            delete.append(Entry(f"{why}; {stays[tag]}" if tag in stays else why, name, tag))
        bare = (removal for removal in plan.retention.removals if not removal.tags)
        delete.extend(Entry(removal.why, name, digest=str(removal.digest)) for removal in bare)
        keep.extend(Entry(why, name, tag) for tag, why in plan.retention.keep.items())
    return tuple(delete), tuple(keep)
