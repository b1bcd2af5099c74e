"""In which order tags were made: by what they carry, or by when their images were created."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from shipway.errors import UsageError
from shipway.planning.retention.moments import (
    SchemeReader,
    Stamp,
    is_credible,
    read_number,
    read_time,
    trailing_number,
    trailing_time,
)
from shipway.planning.retention.policy import Pattern, Policy

CREATED = "the creation time of the image"
_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Ranking:
    """The stamps of the tags that are ordered, the reasons why others are not, and what the order is by."""

    by: str
    stamps: Mapping[str, Stamp]
    unordered: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_timed(self) -> bool:
        """Whether the stamps are times, not numbers."""
        return all(isinstance(stamp.moment, datetime) for stamp in self.stamps.values())


@dataclass(frozen=True, slots=True)
class _Source:
    """A way to order tags. ``partial``: a tag that it cannot read is kept; else that refuses the run."""

    by: str
    read: Callable[[str], Stamp | None]
    partial: str = ""


def rank(
    tags: Iterable[str],
    policy: Policy,
    schemes: Sequence[SchemeReader],
    created: Mapping[str, datetime | None] | None,
) -> Ranking | None:
    """The order of ``tags``; None when creation times are needed for it and ``created`` is None.

    Raises UsageError when a tag that is asked for does not tell its place in the order.
    """
    tags = sorted(tags)
    source = _source(tags, policy, schemes)
    if source is None:
        return None if created is None else _by_creation(tags, created)
    read = {tag: source.read(tag) for tag in tags}
    unread = [tag for tag, stamp in read.items() if stamp is None]
    if unread and not source.partial:
        raise _refusal(unread, f"{source.by} cannot be read from {{}}", policy)
    ranking = Ranking(
        source.by,
        {tag: stamp for tag, stamp in read.items() if stamp is not None},
        dict.fromkeys(unread, source.partial),
    )
    kinds = {type(stamp.moment) for stamp in ranking.stamps.values()}
    if len(kinds) > 1:
        raise _refusal(tags, "{} carry times and numbers, which have no order among them", policy)
    return ranking


def _source(tags: Sequence[str], policy: Policy, schemes: Sequence[SchemeReader]) -> _Source | None:
    """How to order ``tags``; None for by creation."""
    if policy.by == "created":
        return None
    if policy.match is not None and policy.match.group is not None:
        return _of_group(policy.match, policy, tags)
    ordered = [scheme for scheme in schemes if scheme.ordered]
    if ordered:
        return _of_schemes(ordered)
    if policy.by == "tag-number":
        return _Source("the number at the end of the tag", trailing_number)
    if policy.by == "tag-time":
        return _Source("the time at the end of the tag", trailing_time)
    if any(map(trailing_time, tags)):
        return _Source(
            "the time at the end of the tag", trailing_time, "has no time at its end as others here have"
        )
    return None


def _of_group(pattern: Pattern, policy: Policy, tags: Sequence[str]) -> _Source:
    """The named group of ``--match``: a time where all tags have one there, else a number."""
    name = f"group `{pattern.group}` of the tag"

    def time(tag: str) -> Stamp | None:
        moment = read_time(pattern.value(tag) or "")
        return Stamp(moment) if moment else None

    def number(tag: str) -> Stamp | None:
        moment = read_number(pattern.value(tag) or "")
        return None if moment is None else Stamp(moment)

    timed = policy.by == "tag-time" or (policy.by == "auto" and all(map(time, tags)))
    return _Source(f"the time in {name}", time) if timed else _Source(f"the number in {name}", number)


def _of_schemes(schemes: Sequence[SchemeReader]) -> _Source:
    texts = " or ".join(scheme.text for scheme in schemes)

    def read(tag: str) -> Stamp | None:
        for scheme in schemes:
            if stamp := scheme.read(tag):
                return Stamp(stamp.moment, f"{stamp.series} {scheme.text}" if schemes[1:] else stamp.series)
        return None

    return _Source(f"the tag scheme {texts}", read, f"is not of the tag scheme {texts}")


def _by_creation(tags: Sequence[str], created: Mapping[str, datetime | None]) -> Ranking:
    require_created(tags, created)
    return Ranking(CREATED, {tag: Stamp(moment) for tag in tags if (moment := created.get(tag)) is not None})


def require_created(tags: Iterable[str], created: Mapping[str, datetime | None]) -> None:
    """Raise UsageError unless every tag has a creation time that tells something."""
    missing = [tag for tag in tags if created.get(tag) is None]
    if missing:
        raise _refusal(missing, "the images of {} do not tell when they were created", None)
    useless = [tag for tag in tags if not is_credible(created[tag])]
    if useless:
        raise _refusal(useless, "the images of {} say 1970 or 1980, as reproducible builds do", None)


def _refusal(tags: Sequence[str], cause: str, policy: Policy | None) -> UsageError:
    shown = ", ".join(tags[:_SHOWN]) + (f" and {len(tags) - _SHOWN} more" if tags[_SHOWN:] else "")
    group = policy is not None and policy.match is not None and policy.match.group
    return UsageError(
        "nothing is deleted: it is not known which tags are the newest",
        cause=cause.format(shown),
        help="narrow --match to tags that carry it"
        if group
        else "tell where the time or number stands in the tag: --match '^main-[0-9a-f]+-(?P<time>[0-9]+)$'",
    )
