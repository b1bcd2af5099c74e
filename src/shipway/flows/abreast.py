"""What is built, promoted, declared in git and running in a cluster, and where they differ."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import msgspec

from shipway.errors import ClusterNotFound, ConfigError
from shipway.flows.promote.publish import Snapshot
from shipway.flows.wait.targets import Promotion
from shipway.gitops.edits.places import find_places
from shipway.gitops.kubernetes import CRON_JOB, POD, WORKLOADS, Kind, Name, Object, items, name_of
from shipway.gitops.rollout import Promoted, images_of, judge_workload, parsed, pods_of, running
from shipway.ports import Cluster, Delivery
from shipway.values import Reference

SCHEMA = "shipway.live/1"
_MANIFESTS = (".yaml", ".yml")


class Version(msgspec.Struct, frozen=True):
    """A version of an image: its tag and digest, ``""`` where unknown."""

    tag: str
    digest: str


class Declared(msgspec.Struct, frozen=True):
    """A place of a repository that names the image."""

    repository: str
    file: str
    line: int
    version: Version


class Running(msgspec.Struct, frozen=True):
    """A workload that names the image. ``state`` is done, waiting or failed, as its rollout is; ``digests``
    are those that its pods run."""

    kind: str
    namespace: str
    name: str
    version: Version
    digests: tuple[str, ...]
    state: str
    message: str


class Row(msgspec.Struct, frozen=True):
    """One image. ``built`` is its last delivery, at ``verified``; ``promoted`` the last promotion, with the
    ``commit`` that made it. ``differs`` says in words where these do not agree; empty: all abreast."""

    image: str
    repository: str
    built: Version
    verified: datetime
    promoted: Version | None
    commit: str
    declared: tuple[Declared, ...]
    running: tuple[Running, ...]
    differs: tuple[str, ...]


class Abreast(msgspec.Struct, frozen=True):
    """All images of a fleet, and the cluster that they were looked for in. ``sources`` are the repositories
    whose manifests were read."""

    context: str
    sources: tuple[str, ...]
    rows: tuple[Row, ...]
    notes: tuple[str, ...]
    schema: str = SCHEMA


@dataclass(frozen=True, slots=True)
class Known:
    """What ledger and git tell: the last delivery of each image, promotions newest first, and the
    repositories that clusters follow, at their tip. ``digests`` are all that a reference stands for."""

    deliveries: Sequence[Delivery]
    promotions: Sequence[Promotion]
    snapshots: Sequence[Snapshot]
    digests: Mapping[Reference, frozenset[str]]


async def look(known: Known, cluster: Cluster, namespace: str | None) -> Abreast:
    """Compare them, for every image that was delivered. Raises a ClusterError."""
    built = {each.image: reference_of(each) for each in known.deliveries}
    notes: list[str] = []
    declared = _declared(known.snapshots, tuple(built.values()), notes)
    workloads = await _workloads(cluster, namespace, notes)
    pods = await _pods(cluster, built.values(), workloads)
    rows = tuple(_row(each, known, declared, workloads, pods) for each in known.deliveries)
    titles = tuple(snapshot.branch.title for snapshot in known.snapshots)
    return Abreast(cluster.name, titles, rows, tuple(notes))


def reference_of(delivery: Delivery) -> Reference:
    """What was delivered: its repository, tag and digest."""
    return Reference.parse(f"{delivery.reference.partition('@')[0]}@{delivery.digest}")


# --- git ------------------------------------------------------------------------------------------


def _declared(
    snapshots: Sequence[Snapshot], built: Sequence[Reference], notes: list[str]
) -> Mapping[str, list[Declared]]:
    """The places that name one of the repositories, by repository."""
    found: dict[str, list[Declared]] = {}
    names = {reference.name: reference for reference in built}
    texts = sorted({reference.repository for reference in built})
    for snapshot in snapshots:
        for path, data in snapshot.holding(texts, lambda path: path.endswith(_MANIFESTS)).items():
            try:
                places = find_places(data, path)
            except ConfigError as error:
                notes.append(f"{snapshot.branch.title}: {error}")
                continue
            for place in places:
                reference = place.reference
                if reference is not None and reference.name in names:
                    told = Declared(snapshot.branch.title, path, place.line, version_of(reference))
                    found.setdefault(reference.name, []).append(told)
    return found


# --- cluster --------------------------------------------------------------------------------------


async def _workloads(cluster: Cluster, namespace: str | None, notes: list[str]) -> list[tuple[Kind, Object]]:
    found: list[tuple[Kind, Object]] = []
    for kind in WORKLOADS:
        try:
            listed = await cluster.list(kind, namespace)
        except ClusterNotFound as error:
            notes.append(error.message)
            continue
        # pods that a workload made are told with it
        found += (
            (kind, thing)
            for thing in listed
            if kind != POD or not items(thing, "metadata", "ownerReferences")
        )
    return found


async def _pods(
    cluster: Cluster, built: Iterable[Reference], workloads: Sequence[tuple[Kind, Object]]
) -> Mapping[str, Sequence[Object]]:
    """The pods of each namespace in which one of the images is named."""
    names = {reference.name for reference in built}
    spaces = {name_of(kind, thing).namespace for kind, thing in workloads if names & set(_named(kind, thing))}
    return {space: await cluster.list(POD, space) for space in sorted(spaces)}


def _named(kind: Kind, thing: Object) -> Iterator[str]:
    for written in images_of(kind, thing):
        reference = parsed(written)
        if reference is not None:
            yield reference.name


def _running(
    kind: Kind, thing: Object, reference: Reference, pods: Mapping[str, Sequence[Object]]
) -> Running:
    name: Name = name_of(kind, thing)
    standing = judge_workload(kind, thing)
    # whatever version it declares: here it is told, not judged
    own = Promoted("", reference, frozenset({str(reference.digest)} if reference.digest else ()))
    of_it = [thing] if kind == POD else pods_of(kind, thing, pods.get(name.namespace, ()))
    digests = sorted({each.digest for each in running(own, of_it) if each.digest})
    state = "done" if kind == CRON_JOB else standing.phase
    return Running(
        kind.name, name.namespace, name.name, version_of(reference), tuple(digests), state, standing.message
    )


# --- comparing ------------------------------------------------------------------------------------


def version_of(reference: Reference) -> Version:
    """Tag and digest of a reference."""
    return Version(reference.tag or "", str(reference.digest or ""))


def _row(
    delivery: Delivery,
    known: Known,
    declared: Mapping[str, list[Declared]],
    workloads: Sequence[tuple[Kind, Object]],
    pods: Mapping[str, Sequence[Object]],
) -> Row:
    built = reference_of(delivery)
    promotion = next((each for each in known.promotions if each.image == delivery.image), None)
    run = tuple(
        _running(kind, thing, reference, pods)
        for kind, thing in workloads
        for reference in dict.fromkeys(map(parsed, images_of(kind, thing)))
        if reference is not None and reference.name == built.name
    )
    places = tuple(declared.get(built.name, ()))
    return Row(
        image=delivery.image,
        repository=built.name,
        built=version_of(built),
        verified=delivery.verified,
        promoted=version_of(promotion.reference) if promotion else None,
        commit=promotion.commit if promotion else "",
        declared=places,
        running=run,
        differs=tuple(dict.fromkeys(_differs(built, promotion, places, run, known))),
    )


def _differs(
    built: Reference,
    promotion: Promotion | None,
    declared: Sequence[Declared],
    run: Sequence[Running],
    known: Known,
) -> Iterator[str]:
    """Where two neighbours on the way from the build to the pods do not agree."""
    wanted = promotion.reference if promotion else built
    digests = known.digests.get(wanted, frozenset({str(wanted.digest)}))
    if promotion is not None and promotion.reference.digest != built.digest:
        yield f"built {built.tag} is not promoted, {promotion.reference.tag} is"
    if promotion is None and known.snapshots:
        yield "never promoted from here"
    if promotion is not None and not promotion.is_pushed:
        yield f"the promotion is commit {promotion.commit[:12]}, not pushed"
    for place in declared:
        if not _is(place.version, wanted):
            yield f"{place.file}:{place.line} names {_shown(place.version)}"
    in_git = {place.version for place in declared}
    for each in run:
        named = f"{each.kind} {each.namespace}/{each.name}"
        if in_git and not any(_same(each.version, version) for version in in_git):
            yield f"{named} declares {_shown(each.version)}, git does not"
        elif not in_git and not _is(each.version, wanted):
            yield f"{named} declares {_shown(each.version)}"
        if _is(each.version, wanted) and any(digest not in digests for digest in each.digests):
            yield f"{named} runs {', '.join(each.digests)}"
        if each.state != "done":
            yield f"{named}: {each.message}"
    if not run:
        yield "nothing runs it"


def _is(version: Version, wanted: Reference) -> bool:
    return _same(version, version_of(wanted))


def _same(one: Version, other: Version) -> bool:
    """The same digest, or the same tag where one of them has no digest."""
    if one.digest and other.digest:
        return one.digest == other.digest
    return one.tag == other.tag


def _shown(version: Version) -> str:
    return version.tag or version.digest or "no version"
