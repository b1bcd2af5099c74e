"""Prepare: from a fleet to the plan, with what ledger, registry and git know."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from msgspec import structs

from shipway.errors import GitError, NotMet, UsageError
from shipway.fleet.builds import Builds
from shipway.fleet.graph import closure, waves
from shipway.fleet.model import Fleet
from shipway.flows.resume import foretold
from shipway.flows.since import OpenPast, Since, since
from shipway.flows.standing import Setting, Standing
from shipway.flows.yard import Staging
from shipway.planning.collect import Collected, collect
from shipway.planning.draft import Draft
from shipway.planning.engines import EngineChoice
from shipway.planning.expected import unexpected
from shipway.planning.inputs import Inputs
from shipway.planning.plan import Blocker, Choices, Delivered, Plan, make_plan
from shipway.planning.stand_in import marked
from shipway.planning.tags import TagFacts
from shipway.ports import Clock, Delivery, Ledger, Registry, Revision, WorkingCopy
from shipway.values import Platform

# problems of the fleet file that leave no doubt that a build would not be what its author wants
_BLOCKING = frozenset({"missing-env-file", "missing-variable", "missing-repository"})


@dataclass(frozen=True, slots=True)
class Sources:
    """Where the facts of a plan come from. Without ``registry`` the ledger is trusted as it is; ``pins`` has
    the tags of images outside of the fleet resolved for what is built. ``past`` gives earlier files."""

    ledger: Ledger
    clock: Clock
    working_copy: WorkingCopy
    staging: Staging
    registry: Registry | None
    environ: Mapping[str, str]
    native: Platform
    builds: Builds
    pins: bool = False
    past: OpenPast | None = None


@dataclass(frozen=True, slots=True)
class Prepared:
    """A plan and what it was made from. ``found`` are deliveries that a registry told of and the ledger does
    not know yet, ``named`` the tags that were seen to name what stands."""

    plan: Plan
    fleet: Fleet
    inputs: Mapping[str, Inputs]
    revision: Revision | None
    drafts: Mapping[str, Draft] = field(default_factory=dict)
    delivered: Mapping[str, Delivered] = field(default_factory=dict)
    found: Mapping[str, Delivery] = field(default_factory=dict)
    named: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def noting(self, note: str) -> Prepared:
        """The same, with one more note for who reads the plan or follows the run."""
        return replace(self, plan=structs.replace(self.plan, notes=(*self.plan.notes, note)))

    def require_buildable(self) -> None:
        """Raise NotMet when something would fail the build for sure, UsageError without any image."""
        if not self.fleet.images:
            raise UsageError(
                "no file here declares an image",
                help="name the directory with -C; a Dockerfile, Compose file or shipway.yaml is looked for",
            )
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
    """Plan the images chosen and the bases they need. Raises RegistryError when asking it fails, and what
    ``since`` raises."""
    names = closure(fleet, choices.selection) if choices.selection else None
    collected = _collect(fleet, waves(fleet, names), sources)
    if choices.since is not None:
        changed = _since(fleet, collected, sources, choices.since)
        names = closure(fleet, [name for name in changed.images if names is None or name in names])
        collected = replace(collected.only(names), notes=(*changed.notes, *collected.notes))
    order = waves(fleet, names)
    revision = _revision(fleet, sources.working_copy)
    facts = _facts(revision, sources)
    standing = Standing(
        _setting(sources, choices, facts), collected.drafts, {image.name: image for image in fleet.images}
    )
    await standing.settle(order)
    plan = make_plan(fleet, order, standing.inputs, standing.delivered, facts, choices)
    blockers = (*_fleet_blockers(fleet), *collected.blockers, *unexpected(plan, fleet, choices))
    notes = (*_notes(collected, revision), *standing.notes, *foretold(plan, sources.ledger))
    stand_ins = {name: draft.stand_in for name, draft in collected.drafts.items()}
    engines = EngineChoice(fleet, choices.engine, sources.environ, sources.native, sources.builds)
    return Prepared(
        marked(engines.applied(Plan(plan.waves, blockers, notes, standing.origins)), stand_ins),
        fleet,
        standing.inputs,
        revision,
        collected.drafts,
        standing.delivered,
        standing.found,
        standing.named,
    )


def _collect(fleet: Fleet, order: Sequence[Sequence[str]], sources: Sources) -> Collected:
    names = [name for wave in order for name in wave]
    return collect(fleet, names, sources.environ, sources.native, sources.builds)


def _since(fleet: Fleet, collected: Collected, sources: Sources, revision: str) -> Since:
    if sources.past is None:
        raise GitError(f"nothing tells what the files were at {revision}")
    return since(fleet, collected, sources.past, revision, sources.environ, sources.native)


def _setting(sources: Sources, choices: Choices, facts: TagFacts) -> Setting:
    return Setting(
        ledger=sources.ledger,
        registry=sources.registry,
        staging=sources.staging,
        choices=choices,
        facts=facts,
        native=sources.native,
        now=facts.time,
        pins=sources.pins,
    )


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
