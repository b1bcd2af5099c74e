"""Several repositories in one go: all are planned before the first one is written to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from shipway.errors import PartlyDelivered, ShipwayError
from shipway.flows.promote.publish import Manner, Plan, Published, publish
from shipway.flows.promote.pull_request import Request, open_request
from shipway.ports import Branch, Branches, Clock, Event, Host, Ledger
from shipway.values import Reference

COMMITTED_EVENT = "promotion.committed"
"""What is told of an image once a repository has the commit that names it."""


@dataclass(frozen=True, slots=True)
class Errand:
    """A repository, what is to be done to it, and how."""

    branch: Branch
    plan: Plan
    manner: Manner


async def run(
    branches: Branches, errands: Sequence[Errand], host: Host, *, dry_run: bool, requests: bool
) -> tuple[Published, ...]:
    """Plan all, then publish one after another; one that fails then stops no other.

    Raises what keeps one from being planned: then nothing was written anywhere.
    """
    planned = [
        await publish(branches, each.branch, each.plan, replace(each.manner, dry_run=True))
        for each in errands
    ]
    if dry_run:
        return tuple(planned)
    done = []
    for errand, plan in zip(errands, planned, strict=True):
        done.append(plan if plan.state == "unchanged" else await _publish(branches, errand, plan))
        if requests and done[-1].state == "pushed" and errand.manner.to:
            done[-1] = await _requested(host, errand, done[-1])
    return tuple(done)


async def _publish(branches: Branches, errand: Errand, planned: Published) -> Published:
    try:
        return await publish(branches, errand.branch, errand.plan, errand.manner)
    except ShipwayError as error:
        return replace(planned, state="failed", error=error)


async def _requested(host: Host, errand: Errand, done: Published) -> Published:
    branch = errand.branch
    request = Request(branch.url, branch.there, errand.manner.to or "", done.subject, done.body)
    said = await open_request(host, request, branch.directory)
    return replace(done, notes=(*done.notes, said))


def error_of(done: Sequence[Published]) -> ShipwayError | None:
    """What to tell the shell: the error where all failed, PartlyDelivered where some did."""
    failed = [each for each in done if each.error is not None]
    if not failed:
        return None
    first = failed[0].error
    if first is not None and (len(done) == 1 or len(failed) == len(done)):
        return first
    return PartlyDelivered(
        f"{len(failed)} of {len(done)} repositories were not written to: {failed[0].title}",
        cause=str(first),
        help="run the same command again: what is there already stays",
    )


def record(
    ledger: Ledger, clock: Clock, command: str, kind: str, done: Sequence[Published], wanted: Sequence[Told]
) -> int | None:
    """Keep in the ledger which repository names which image since which commit; the number of the run, None
    where no repository has a new commit."""
    kept = [each for each in done if each.commit]
    if not kept:
        return None
    run = ledger.begin(command, {}, clock.now(), kind)
    for published in kept:
        for event in _events(published, wanted):
            ledger.append(run, event, clock.now())
    failed = any(each.error is not None for each in done)
    ledger.finish(run, "partly" if failed else "done", clock.now())
    return run


@dataclass(frozen=True, slots=True)
class Told:
    """An image as the ledger keeps it."""

    image: str
    reference: Reference
    commit: str = ""
    stand_in: bool = False


def _events(published: Published, wanted: Sequence[Told]) -> Iterator[Event]:
    for each in wanted:
        places = [place for place in published.edits.changed if place.image == each.image]
        if places:
            yield Event(
                COMMITTED_EVENT,
                each.image,
                {
                    "repository": published.title,
                    "url": published.url,
                    "branch": published.branch,
                    "commit": published.commit,
                    "files": sorted({place.path for place in places}),
                    "reference": str(each.reference),
                    "digest": str(each.reference.digest or ""),
                    "before": list(dict.fromkeys(place.before for place in places)),
                    "source_commit": each.commit,
                    "stand_in": each.stand_in,
                    "pushed": published.state == "pushed",
                },
            )
