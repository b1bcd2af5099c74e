"""The decision: every tag with its reason, every manifest that goes, and in which order."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from shipway.planning.retention.graph import Graph, reach, waves
from shipway.planning.retention.moments import Moment, SchemeReader
from shipway.planning.retention.policy import Limits, Policy, Uses
from shipway.planning.retention.ranking import Ranking, rank, require_created
from shipway.values import Digest


@dataclass(frozen=True, slots=True)
class Untag:
    """A tag that goes alone: ``stays`` tells why its manifest does not."""

    tag: str
    digest: Digest
    stays: str


@dataclass(frozen=True, slots=True)
class Removal:
    """A manifest that goes, with all the tags on it."""

    digest: Digest
    tags: tuple[str, ...]
    why: str


@dataclass(frozen=True, slots=True)
class Retention:
    """What happens to one repository: tags that stay and go, each with its reason; then what is to be done,
    removals in waves with parents before children."""

    graph: Graph
    keep: Mapping[str, str]
    delete: Mapping[str, str]
    untags: tuple[Untag, ...]
    waves: tuple[tuple[Removal, ...], ...]

    @property
    def removals(self) -> Iterator[Removal]:
        for wave in self.waves:
            yield from wave


@dataclass(frozen=True, slots=True)
class Question:
    """All that is known before deciding. ``created`` are the creation times of the images by tag, None
    while nobody has asked for them."""

    graph: Graph
    policy: Policy
    schemes: Sequence[SchemeReader]
    uses: Uses
    limits: Limits
    created: Mapping[str, datetime | None] | None = None


def candidates(question: Question) -> tuple[list[str], dict[str, str]]:
    """The tags that the policy is about, and those that it leaves alone, with reasons."""
    chosen, kept = [], {}
    policy = question.policy
    for tag in sorted(question.graph.tags):
        if tag in question.graph.companions:
            continue
        pattern = next((each for each in policy.keep_tags if each.fits(tag)), None)
        if pattern is not None:
            kept[tag] = f"matches {pattern.text}, which is always kept"
        elif policy.match is not None and not policy.match.fits(tag):
            kept[tag] = f"does not match {policy.match.text}"
        else:
            chosen.append(tag)
    return chosen, kept


def decide(question: Question) -> Retention | None:
    """What stays and what goes; None when creation times are needed for it and were not given.

    Raises UsageError when the policy does not tell which tags are the newest.
    """
    chosen, kept = candidates(question)
    ranking = rank(chosen, question.policy, question.schemes, question.created)
    if ranking is None:
        return None
    kept.update(ranking.unordered)
    times = _times(question, ranking)
    if times is None:
        return None
    going = dict(_too_old(question, ranking, times, kept))
    for tag in list(going):
        user = _user(question, tag)
        if user is not None:
            kept[tag] = user
            del going[tag]
    _spare(going, question.limits.removals, kept)
    return _settled(question, kept, going)


def _times(question: Question, ranking: Ranking) -> Mapping[str, Moment] | None:
    """What the age of a tag is counted from: the time it carries, else the creation of its image."""
    stamps = ranking.stamps
    if question.policy.older_than is None or ranking.is_timed:
        return {tag: stamp.moment for tag, stamp in stamps.items()}
    if question.created is None:
        return None
    require_created(stamps, question.created)
    return {tag: time for tag in stamps if (time := question.created[tag]) is not None}


def _too_old(
    question: Question, ranking: Ranking, times: Mapping[str, Moment], kept: dict[str, str]
) -> Iterator[tuple[str, str]]:
    """The tags beyond the newest, oldest first; those that stay are added to ``kept``."""
    policy = question.policy
    newest = _newest(ranking, policy.keep)
    age = policy.older_than
    limit = None if age is None else question.limits.now - timedelta(seconds=age.seconds)
    for tag in sorted(ranking.stamps, key=lambda tag: _order(ranking, question.graph, tag)):
        stamp = ranking.stamps[tag]
        of = f" of {stamp.series}" if stamp.series else ""
        place = f"the {policy.keep} newest{of} by {ranking.by}"
        time = times[tag]
        if stamp.moment in newest[stamp.series]:
            kept[tag] = f"one of {place}: {stamp.moment}"
        elif limit is not None and isinstance(time, datetime) and time >= limit:
            kept[tag] = f"younger than {age}: {time}"
        else:
            aged = f" and older than {age}" if age else ""
            yield tag, f"not among {place}{aged}: {stamp.moment}"


def _newest(ranking: Ranking, keep: int) -> Mapping[str, frozenset[Moment]]:
    """The last ``keep`` moments of every series. Tags of one moment (one push with two tags, two builds in
    one second) count once and stay together, so that N is never used up by fewer than N deliveries."""
    moments: dict[str, set[Moment]] = defaultdict(set)
    for stamp in ranking.stamps.values():
        moments[stamp.series].add(stamp.moment)
    return {series: frozenset(_last(found, keep)) for series, found in moments.items()}


def _last(moments: Iterable[Moment], count: int) -> list[Moment]:
    return sorted(moments, key=_number, reverse=True)[:count]


def _number(moment: Moment) -> float | int:
    return moment.timestamp() if isinstance(moment, datetime) else moment


def _order(ranking: Ranking, graph: Graph, tag: str) -> tuple[float | int, Digest, str]:
    return _number(ranking.stamps[tag].moment), graph.tags[tag], tag


def _user(question: Question, tag: str) -> str | None:
    """Who uses a tag or what it names."""
    uses = question.uses
    user = uses.tags.get(tag) or uses.digests.get(str(question.graph.tags[tag]))
    return None if user is None else f"in use: {user}"


def _spare(going: dict[str, str], most: int, kept: dict[str, str]) -> None:
    """Leave what is beyond the cap of a run to the next one; the oldest go first."""
    for tag in list(going)[most:]:
        kept[tag] = f"left to the next run: this one takes {most} tags at most"
        del going[tag]


# --- the graph ----------------------------------------------------------------------------------


def _settled(question: Question, kept: dict[str, str], going: dict[str, str]) -> Retention:
    graph = question.graph
    owned = reach((graph.tags[tag] for tag in going), graph.below)
    staying = _staying(question, kept, owned)
    for tag in graph.companions:
        owners = graph.owners(tag)
        if not owners:
            kept[tag] = "belongs to a manifest that was not found here"
        elif any(owner in staying for owner in owners):
            kept[tag] = f"belongs to {_names(graph, owners)}, which stays"
        else:
            going[tag] = f"belongs to {_names(graph, owners)}, which goes"
    leaving = [digest for digest in owned if digest in graph.nodes and digest not in staying]
    return Retention(
        graph,
        {tag: kept[tag] for tag in sorted(kept)},
        {tag: going[tag] for tag in sorted(going)},
        tuple(
            Untag(tag, graph.tags[tag], _holder(graph, staying, graph.tags[tag]))
            for tag in sorted(going)
            if graph.tags[tag] in staying
        ),
        tuple(
            tuple(_removal(graph, owned, going, digest) for digest in wave) for wave in waves(graph, leaving)
        ),
    )


def _staying(
    question: Question, kept: Mapping[str, str], owned: Mapping[Digest, Digest | None]
) -> dict[Digest, Digest | None]:
    """Every digest that must not go: what kept tags name and what is in use, what nobody asked to delete,
    and all that hangs on them, each with the one it hangs on."""
    graph = question.graph
    starts = [graph.tags[tag] for tag in kept]
    starts += [graph.tags[tag] for tag in graph.companions if not graph.owners(tag)]
    starts += [digest for digest in graph.nodes if str(digest) in question.uses.digests]
    starts += [digest for digest in graph.nodes if digest not in owned]
    return reach(starts, graph.around)


def _removal(
    graph: Graph, owned: Mapping[Digest, Digest | None], going: Mapping[str, str], digest: Digest
) -> Removal:
    tags = graph.tags_of.get(digest, ())
    if tags:
        return Removal(digest, tags, going[tags[0]])
    at, first = digest, digest
    while (parent := owned[at]) is not None:
        at = parent
        first = at
    return Removal(digest, (), f"only {_names(graph, (first,))} led to it, which goes")


def _holder(graph: Graph, staying: Mapping[Digest, Digest | None], digest: Digest) -> str:
    holder = staying[digest]
    if holder is not None:
        return f"its manifest stays with {_names(graph, (holder,))}"
    return f"its manifest stays: {_names(graph, (digest,))} is kept"


def _names(graph: Graph, digests: Iterable[Digest]) -> str:
    """A manifest as people know it: by a tag, else by its digest."""
    names = []
    for digest in digests:
        tags = [tag for tag in graph.tags_of.get(digest, ()) if tag not in graph.companions]
        names.append(tags[-1] if tags else f"{digest.algorithm}:{digest.short}")
    return ", ".join(names)
