"""What to wait for: promotions that the ledger knows, or a commit that is named."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from shipway.errors import InvalidValue, NotMet, ShipwayError, UsageError
from shipway.flows.promote.run import COMMITTED_EVENT
from shipway.gitops.judging.view import Target
from shipway.gitops.rollout import Promoted
from shipway.ports import Event, Ledger, Registry
from shipway.values import Reference

_EVERY = 10_000
_BUILDS = frozenset({"ship", "prune", "undo"})


@dataclass(frozen=True, slots=True)
class Promotion:
    """An image that a repository names since a commit. ``files`` are those that changed, from the top of the
    repository; ``is_pushed`` tells that the cluster can know of it."""

    run: int
    image: str
    repository: str
    branch: str | None
    commit: str
    files: tuple[str, ...]
    reference: Reference
    is_pushed: bool


def promotions(ledger: Ledger, run: int | None = None) -> Iterator[Promotion]:
    """The promotions of a run, or of all, newest first."""
    for record in ledger.runs(_EVERY):
        if run not in (None, record.id) or record.kind in _BUILDS:
            continue
        for _, event in reversed(ledger.events(record.id)):
            if event.kind == COMMITTED_EVENT:
                yield _promotion(record.id, event)


def _promotion(run: int, event: Event) -> Promotion:
    data: Mapping[str, Any] = event.data
    return Promotion(
        run,
        event.image or "",
        data["url"],
        data.get("branch") or None,
        data["commit"],
        tuple(data.get("files", ())),
        Reference.parse(data["reference"]),
        data.get("pushed", True),
    )


def promoted_in(ledger: Ledger, run: int) -> list[Promotion]:
    """The promotions of one run. Raises UsageError when it made none."""
    found = list(promotions(ledger, run))
    if not found:
        raise UsageError(
            f"run {run} promoted nothing",
            cause="there is no such run, it did something else, or it changed no file",
            help="shipway status --runs lists the runs",
        )
    return found


def last_promotions(ledger: Ledger, images: Sequence[str]) -> list[Promotion]:
    """The last promotion of each of ``images`` in every repository; those of the newest run for none."""
    every = promotions(ledger)
    if not images:
        newest = next(every, None)
        if newest is None:
            raise UsageError(
                "nothing was promoted yet",
                help="shipway promote does; or name a commit: shipway wait --commit SHA --repository URL",
            )
        return promoted_in(ledger, newest.run)
    found: dict[tuple[str, str], Promotion] = {}
    for each in every:
        if each.image in images:
            found.setdefault((each.image, each.repository), each)
    for image in images:
        if not any(name == image for name, _ in found):
            raise UsageError(
                f"{image} was not promoted yet",
                help=f"shipway promote {image}; or name a commit: --commit SHA --repository URL",
            )
    return list(found.values())


def require_pushed(found: Iterable[Promotion]) -> None:
    """Raises NotMet for a promotion that no cluster can see."""
    for each in found:
        if not each.is_pushed or not each.repository:
            raise NotMet(
                f"the promotion of {each.image} is commit {each.commit[:12]}, here alone",
                cause="the repository has no remote, or the commit was not pushed",
                help="push it, then wait again",
            )


Digests = Callable[[Reference], frozenset[str]]
"""All digests that a pod may run of a reference that has one."""


def targets_of(found: Sequence[Promotion], digests: Digests) -> tuple[Target, ...]:
    """One target for each commit."""
    commits: dict[tuple[str, str, str | None], list[Promotion]] = {}
    for each in found:
        commits.setdefault((each.repository, each.commit, each.branch), []).append(each)
    return tuple(
        Target(
            repository,
            commit,
            branch,
            tuple(sorted({file for each in group for file in each.files})),
            tuple(Promoted(each.image, each.reference, digests(each.reference)) for each in group),
        )
        for (repository, commit, branch), group in commits.items()
    )


def named_image(text: str, ledger: Ledger) -> tuple[str, Reference]:
    """An image of the fleet as it was delivered last, or a reference with its digest."""
    for delivery in ledger.deliveries():
        if delivery.image == text:
            return text, Reference.parse(f"{delivery.reference.partition('@')[0]}@{delivery.digest}")
    with suppress(InvalidValue):
        reference = Reference.parse(text)
        if reference.digest is not None:
            return reference.repository.rpartition("/")[2], reference
    raise UsageError(
        f"nobody knows which digest {text!r} should run",
        cause="it is no delivered image of the fleet, and no reference with a digest",
        help="ship it first, or write REGISTRY/REPOSITORY:TAG@sha256:…",
    )


async def known_digests(
    registry: Registry, references: Iterable[Reference]
) -> Mapping[Reference, frozenset[str]]:
    """Of each reference its own digest, and, where the registry tells, those of its platforms' manifests."""
    found: dict[Reference, frozenset[str]] = {}
    for reference in references:
        own = {str(reference.digest)} if reference.digest is not None else set()
        with suppress(ShipwayError):
            manifest = await registry.manifest(reference)
            own.add(str(manifest.digest))
            own.update(str(child.digest) for child in manifest.children)
        found[reference] = frozenset(own)
    return found
