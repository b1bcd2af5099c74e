"""Prepare: from a fleet to the plan, with what ledger, registry and git know."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from shipway.errors import NotMet
from shipway.fleet.builds import Builds
from shipway.fleet.graph import closure, waves
from shipway.fleet.model import Fleet
from shipway.flows.yard import Staging
from shipway.planning.collect import Collected, collect
from shipway.planning.destination import destination
from shipway.planning.inputs import Inputs, decode
from shipway.planning.plan import Blocker, Choices, Delivered, Plan, make_plan
from shipway.planning.tags import TagFacts
from shipway.ports import Clock, Delivery, Ledger, Registry, Revision, WorkingCopy
from shipway.values import Digest, Platform, Reference

# problems of the fleet file that leave no doubt that a build would not be what its author wants
_BLOCKING = frozenset({"missing-env-file", "missing-variable", "missing-repository"})


@dataclass(frozen=True, slots=True)
class Sources:
    """Where the facts of a plan come from. Without ``registry`` the ledger is trusted as it is."""

    ledger: Ledger
    clock: Clock
    working_copy: WorkingCopy
    staging: Staging
    registry: Registry | None
    environ: Mapping[str, str]
    native: Platform
    builds: Builds


@dataclass(frozen=True, slots=True)
class Prepared:
    """A plan and what it was made from."""

    plan: Plan
    fleet: Fleet
    inputs: Mapping[str, Inputs]
    revision: Revision | None

    def require_buildable(self) -> None:
        """Raise NotMet when something would fail the build for sure."""
        if self.plan.blockers:
            first = self.plan.blockers[0]
            more = len(self.plan.blockers) - 1
            whose = f"{first.image}: " if first.image else ""
            raise NotMet(
                f"nothing was built: {first.path}:{first.line}: {whose}{first.message}"
                + (f" (and {more} more)" if more else ""),
                cause=first.cause,
                help=first.help or "mend it, then run the same command again; shipway plan lists all of them",
            )


async def prepare(fleet: Fleet, sources: Sources, choices: Choices) -> Prepared:
    """Plan the images chosen and the bases they need. Raises RegistryError when asking it fails."""
    names = closure(fleet, choices.selection) if choices.selection else None
    order = waves(fleet, names)
    collected = collect(
        fleet, [name for wave in order for name in wave], sources.environ, sources.native, sources.builds
    )
    revision = _revision(fleet, sources.working_copy)
    delivered = await _delivered(fleet, collected.inputs, sources, choices)
    plan = make_plan(fleet, order, collected.inputs, delivered, _facts(revision, sources), choices)
    plan = Plan(plan.waves, (*_fleet_blockers(fleet), *collected.blockers), _notes(collected, revision))
    return Prepared(plan, fleet, collected.inputs, revision)


def _fleet_blockers(fleet: Fleet) -> Iterator[Blocker]:
    for problem in fleet.problems:
        if problem.kind in _BLOCKING:
            place = problem.place
            yield Blocker(
                None,
                problem.message,
                place.path,
                place.line,
                help="give it, or take it out of the fleet file",
            )


def _revision(fleet: Fleet, working_copy: WorkingCopy) -> Revision | None:
    root = fleet.roots.get("")
    return working_copy.revision(Path(root)) if root else None


def _facts(revision: Revision | None, sources: Sources) -> TagFacts:
    return TagFacts(
        time=sources.clock.now(),
        commit=revision.commit if revision else None,
        branch=revision.branch if revision else None,
        run=sources.environ.get("GITHUB_RUN_NUMBER"),
    )


def _notes(collected: Collected, revision: Revision | None) -> tuple[str, ...]:
    notes = list(collected.notes)
    if revision is not None and revision.dirty:
        notes.append(f"tracked files differ from commit {revision.commit[:7]}, which the tags may name")
    return tuple(notes)


# --- what was delivered -----------------------------------------------------------------------


async def _delivered(
    fleet: Fleet, inputs: Mapping[str, Inputs], sources: Sources, choices: Choices
) -> dict[str, Delivered]:
    last = {delivery.image: delivery for delivery in sources.ledger.deliveries()}
    wanted = [image for image in fleet.images if image.name in inputs and image.name in last]
    found = await asyncio.gather(
        *(
            _one(inputs[image.name], last[image.name], destination(image, choices.registry), sources)
            for image in wanted
        )
    )
    return {image.name: known for image, known in zip(wanted, found, strict=True)}


async def _one(inputs: Inputs, last: Delivery, repository: Reference, sources: Sources) -> Delivered:
    """What stands for an image: its delivery with exactly these inputs, if the registry still has it."""
    same = (
        last
        if last.fingerprint == inputs.fingerprint
        else sources.ledger.delivered(last.image, inputs.fingerprint)
    )
    before = None if same is last else decode(sources.ledger.inputs(last.fingerprint))
    if same is None or Reference.parse(same.reference).without_version() != repository:
        return Delivered(last.fingerprint, before)
    digest = Digest.parse(same.digest)
    if sources.registry is not None:
        held = await sources.registry.head(sources.staging.real(repository).with_digest(digest))
        if held is None:
            return Delivered(last.fingerprint, before, lost=True)
    return Delivered(last.fingerprint, before, digest, same.reference)
