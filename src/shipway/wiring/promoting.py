"""Promoting: which images, and which repositories they are named in."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from shipway.errors import UsageError
from shipway.fleet.model import Fleet, GitOpsRepository
from shipway.flows.promote.guard import Guard
from shipway.flows.promote.moves import Moves
from shipway.flows.promote.promotion import Promotion
from shipway.flows.promote.publish import Manner, Plan, Published
from shipway.flows.promote.run import Errand, Told, record, run
from shipway.flows.promote.wanted import Wanted, verified
from shipway.flows.verifying.image import Subject, Verifier
from shipway.flows.verifying.origin import Origin
from shipway.git import GitBranches
from shipway.gitops.edits.rewrite import Move
from shipway.planning.destination import destination
from shipway.ports import Branch
from shipway.registry.client import RegistryClient
from shipway.values import Digest, Reference
from shipway.wiring.evidence import fleet_key
from shipway.wiring.verifying import Places
from shipway.wiring.workspace import Workspace

_URL = re.compile(r"[a-z][a-z0-9+.-]*://|(?:[\w.-]+@)?[\w.-]+:(?!\\)[^/]")


@dataclass(frozen=True, slots=True)
class Destinations:
    """Where to: ``places`` are DIR or URL, each with #BRANCH where wanted, none for those of the fleet file;
    ``below`` is a directory in them. ``to`` is a branch of its own, ``requests`` opens pull requests."""

    places: tuple[str, ...] = ()
    below: str = ""
    to: str | None = None
    requests: bool = False
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class PromoteRequest:
    """``images`` are names of the fleet or references, none for all that is delivered; ``tag`` and ``digest``
    choose another version of them."""

    images: tuple[str, ...]
    destinations: Destinations
    tag: str | None = None
    digest: Digest | None = None
    allow_older: bool = False


@dataclass(frozen=True, slots=True)
class Promoted:
    """What became of it all; ``run`` is its number in the ledger, None where nothing was written."""

    repositories: tuple[Published, ...]
    wanted: tuple[Wanted, ...] = ()
    run: int | None = None
    dry_run: bool = False
    kind: str = "promote"


async def promote(workspace: Workspace, request: PromoteRequest, command: str) -> Promoted:
    """Name images in the repositories that clusters follow."""
    fleet = fleet_of(workspace, request.images)
    async with workspace.registry(fleet) as registry:
        verifier = Verifier(registry, fleet_key(workspace, fleet))
        subjects = await subjects_of(workspace, fleet, registry, request)
        wanted = await verified(verifier, subjects)
        guard = guard_of(workspace, verifier, allow_older=request.allow_older)
        plan = Promotion(wanted, guard)
        done = await carry_out(workspace, fleet, request.destinations, plan)
    return kept(workspace, done, wanted, request.destinations, ("promote", command))


def fleet_of(workspace: Workspace, images: Sequence[str]) -> Fleet:
    """The fleet that ``images`` are of; full references alone need none, and a big directory is not read."""
    named = not images or any("/" not in image for image in images)
    return workspace.fleet() if named or workspace.has_fleet_file() else workspace.accesses()


def guard_of(workspace: Workspace, verifier: Verifier, *, allow_older: bool) -> Guard:
    origin = Origin(verifier.registry, workspace.working_copy, None, workspace.staging.real)
    return Guard(verifier, GitBranches(workspace.host), origin, workspace.staging.real, allow_older)


def kept(
    workspace: Workspace,
    done: tuple[Published, ...],
    wanted: Sequence[Wanted],
    destinations: Destinations,
    what: tuple[str, str],
) -> Promoted:
    """The result, recorded in the ledger; ``what`` are kind and command of the run."""
    kind, command = what
    if destinations.dry_run or not any(each.commit for each in done):
        return Promoted(done, tuple(wanted), None, destinations.dry_run, kind)
    told = [Told(each.image, each.reference, each.commit, each.stand_in) for each in wanted]
    number = record(workspace.ledger(create=True), workspace.clock, command, kind, done, told)
    return Promoted(done, tuple(wanted), number, destinations.dry_run, kind)


async def rewrite(workspace: Workspace, move: Move, destinations: Destinations) -> Promoted:
    """Let repositories name registries by their new place."""
    fleet = workspace.fleet() if not destinations.places else workspace.accesses()
    done = await carry_out(workspace, fleet, destinations, Moves(move))
    return Promoted(done, dry_run=destinations.dry_run, kind="rewrite")


async def carry_out(
    workspace: Workspace, fleet: Fleet, destinations: Destinations, plan: Plan
) -> tuple[Published, ...]:
    """``plan`` for every repository."""
    branches = GitBranches(workspace.host)
    with _errands(workspace, fleet, destinations, plan, branches) as errands:
        return await run(
            branches,
            errands,
            workspace.host,
            dry_run=destinations.dry_run,
            requests=destinations.requests,
        )


async def subjects_of(
    workspace: Workspace, fleet: Fleet, registry: RegistryClient, request: PromoteRequest
) -> list[Subject]:
    """The images asked for, each as the ledger or the registry knows it."""
    places = Places(workspace, fleet, registry)
    named = {image.name for image in fleet.images}
    foreign = [text for text in request.images if text not in named]
    if unknown := [text for text in foreign if "/" not in text]:
        raise UsageError(
            f"there is no image {unknown[0]!r}", help=f"images: {', '.join(sorted(named)) or 'none'}"
        )
    if not request.images and not named:
        raise UsageError(
            "no image is named, and there is no fleet here", help="shipway promote IMAGE --to DIR"
        )
    only = frozenset(request.images) & named if request.images else frozenset(named)
    if request.tag or request.digest:
        ours = [(image.name, destination(image)) for image in fleet.images if image.name in only]
        subjects = [places.named(_version(repository, request)) for _, repository in ours]
    else:
        subjects = await places.delivered(only) if only else []
    for text in foreign:
        reference = Reference.parse(text)
        if request.tag or request.digest:
            reference = _version(reference.without_version(), request)
        subjects.append(places.named(reference))
    return subjects


def _version(repository: Reference, request: PromoteRequest) -> Reference:
    return replace(repository, tag=request.tag, digest=request.digest)


# --- repositories ---------------------------------------------------------------------------------


@contextmanager
def _errands(
    workspace: Workspace, fleet: Fleet, destinations: Destinations, plan: Plan, branches: GitBranches
) -> Iterator[list[Errand]]:
    with followed(workspace, fleet, destinations, branches) as opened:
        yield [Errand(branch, plan, Manner(destinations.to, below)) for branch, below in opened]


@contextmanager
def followed(
    workspace: Workspace, fleet: Fleet, destinations: Destinations, branches: GitBranches
) -> Iterator[list[tuple[Branch, str]]]:
    """The branches that clusters follow, each with the directory in it that counts."""
    with ExitStack() as open_:
        opened = []
        for at in _repositories(workspace, fleet, destinations):
            below = destinations.below or at.directory
            if at.git is not None:
                scratch = Path(open_.enter_context(tempfile.TemporaryDirectory(prefix="shipway-gitops-")))
                opened.append((branches.elsewhere(at.git, at.branch, scratch), below))
                continue
            directory = Path(at.path or ".")
            if prefix := workspace.working_copy.prefix(directory) if directory.is_dir() else "":
                below = f"{prefix}/{below}".rstrip("/")
            opened.append((branches.at(directory, at.branch), below))
        yield opened


def _repositories(
    workspace: Workspace, fleet: Fleet, destinations: Destinations
) -> tuple[GitOpsRepository, ...]:
    """Where to; paths are of this machine."""
    if destinations.places:
        return tuple(map(_parse, destinations.places))
    if not fleet.gitops:
        raise UsageError(
            "no repository is named to promote to",
            help="name it with --to DIR, or under gitops: in shipway.yaml",
        )
    return tuple(
        replace(each, path=str(workspace.root / each.path)) if each.path is not None else each
        for each in fleet.gitops
    )


def _parse(text: str) -> GitOpsRepository:
    """``DIR[#BRANCH]`` or ``URL[#BRANCH]``; a bare repository on this machine is like one elsewhere."""
    place, _, branch = text.partition("#") if not Path(text).exists() else (text, "", "")
    path = Path(place)
    bare = not (path / ".git").exists() and (path / "HEAD").is_file() and (path / "objects").is_dir()
    if bare or (not path.exists() and _URL.match(place)):
        return GitOpsRepository(git=str(path.resolve()) if bare else place, branch=branch or None)
    return GitOpsRepository(path=place, branch=branch or None)
