"""Which tag Flux picks, and what becomes of every other one.

As image-reflector-controller does it: ``internal/policy``, and the order in which it stores tags.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cmp_to_key
from typing import Literal

from shipway.gitops.constraint import Range
from shipway.gitops.expand import expand
from shipway.gitops.numerals import parse_float
from shipway.gitops.patterns import literal_beginning
from shipway.gitops.policy import TagPolicy
from shipway.gitops.semver import Version
from shipway.regex import compile_re2

State = Literal["excluded", "unmatched", "hidden", "unparsable", "outside", "candidate"]

NO_CANDIDATES = "no tag is left to choose from"


@dataclass(frozen=True, slots=True)
class Considered:
    """What became of one tag. ``key`` is what is compared, None where it did not come to that. ``rank`` is 1
    for what is picked, and the same for tags between which nothing decides; None for what is no candidate."""

    tag: str
    state: State
    why: str
    key: str | None = None
    rank: int | None = None


@dataclass(frozen=True, slots=True)
class Selection:
    """What a policy makes of a list of tags, in the order of their ranks.

    ``tied`` are all tags that may be picked: with more than one, Flux picks by chance, and ``selected`` is
    the one that comes first by its bytes. ``error`` is why nothing is picked. ``compared`` are the tags that
    came to be compared, and those that one of them hides; ``drop`` tells of the others, when asked.
    """

    selected: str | None
    key: str | None
    tied: tuple[str, ...]
    error: str | None
    compared: tuple[Considered, ...]
    drop: Callable[[], Iterable[Considered]] = field(repr=False, compare=False)

    @property
    def considered(self) -> tuple[Considered, ...]:
        """What became of every tag, those that were compared first."""
        return (*self.compared, *self.drop())

    @property
    def unique(self) -> bool:
        """Whether the same tag is picked each time."""
        return len(self.tied) == 1

    @property
    def hidden(self) -> tuple[Considered, ...]:
        """Tags that nobody sees because another one has the same key."""
        return tuple(each for each in self.compared if each.state == "hidden")


def select(policy: TagPolicy, tags: Iterable[str]) -> Selection:
    """Decide as Flux does: leave out, filter, extract, compare."""
    return Tags(tags).select(policy)


# --- what comes to be compared --------------------------------------------------------------------


class Tags:
    """The tags of one repository, for any number of policies: what they share is worked out once."""

    def __init__(self, tags: Iterable[str]) -> None:
        self._rising = sorted(tag.encode() for tag in set(tags))
        self._left: dict[tuple[str, ...], _Left] = {}

    def select(self, policy: TagPolicy) -> Selection:
        """The pick of one policy."""
        left = self._left_by(policy.exclusions)
        near = left.beginning(literal_beginning(policy.pattern))
        keyed, hidden = _keyed(policy, near)
        ranking = _RANKINGS[policy.kind](policy, keyed)
        compared = (*_in_rank(ranking.candidates), *hidden)

        def drop() -> Iterator[Considered]:
            if policy.filtered:
                yield from _unmatched(policy, left.stored)
            yield from left.excluded

        if ranking.error or not ranking.best:
            return Selection(None, None, (), ranking.error or NO_CANDIDATES, compared, drop)
        selected = min(ranking.best, key=lambda tag: tag.encode())
        key = next(each.key for each in ranking.candidates if each.tag == selected)
        return Selection(selected, key, tuple(ranking.best), None, compared, drop)

    def _left_by(self, exclusions: tuple[str, ...]) -> _Left:
        if exclusions not in self._left:
            self._left[exclusions] = _Left.of(self._rising, exclusions)
        return self._left[exclusions]


@dataclass(frozen=True, slots=True)
class _Left:
    """What an exclusion list leaves, in rising order of bytes, and what it takes away."""

    rising: Sequence[bytes]
    excluded: tuple[Considered, ...]

    @classmethod
    def of(cls, rising: Iterable[bytes], exclusions: Iterable[str]) -> _Left:
        patterns = [(text, compile_re2(text, "the exclusion")) for text in exclusions]
        left, out = [], []
        for encoded in rising:
            tag = encoded.decode()
            hit = next((text for text, pattern in patterns if pattern.search(tag)), None)
            if hit is None:
                left.append(encoded)
            else:
                out.append(Considered(tag, "excluded", f"the exclusion list of the repository has {hit}"))
        return cls(left, tuple(reversed(out)))

    @property
    def stored(self) -> list[str]:
        """The tags in the order in which Flux stores them."""
        return self.beginning("")

    def beginning(self, literal: str) -> list[str]:
        """Those of them that begin so."""
        first, behind = literal.encode(), literal.encode() + b"\xff"
        start, end = bisect_left(self.rising, first), bisect_left(self.rising, behind)
        return [encoded.decode() for encoded in reversed(self.rising[start:end])]


def _in_rank(candidates: Iterable[Considered]) -> list[Considered]:
    return sorted(candidates, key=lambda each: (each.rank or math.inf, each.tag.encode()))


def _keyed(policy: TagPolicy, tags: Sequence[str]) -> tuple[dict[str, str], list[Considered]]:
    """Tags by their keys, in stored order, and those that are hidden: of the tags with one key the last, the
    byte-smallest, stays."""
    if not policy.filtered:
        return {tag: tag for tag in tags}, []
    pattern = compile_re2(policy.pattern)
    keyed: dict[str, str] = {}
    hidden = []
    for tag in tags:
        match = pattern.search(tag)
        if match is None:
            continue
        key = expand(policy.extract, match) if policy.extract else tag
        if key in keyed:
            why = f"{tag} has the same key and comes first by its bytes"
            hidden.append(Considered(keyed.pop(key), "hidden", why, key))
        keyed[key] = tag
    return keyed, hidden


def _unmatched(policy: TagPolicy, tags: Iterable[str]) -> Iterator[Considered]:
    pattern = compile_re2(policy.pattern)
    for tag in tags:
        if pattern.search(tag) is None:
            yield Considered(tag, "unmatched", f"the pattern {policy.pattern} does not match")


# --- comparing ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Ranking:
    """All candidates with rank or reason, and those that may be picked."""

    candidates: tuple[Considered, ...]
    best: tuple[str, ...] = ()
    error: str | None = None


def _alphabetical(policy: TagPolicy, keyed: Mapping[str, str]) -> _Ranking:
    order = sorted(keyed, key=lambda key: key.encode(), reverse=policy.order == "asc")
    candidates = tuple(
        Considered(keyed[key], "candidate", "compared by bytes", key, rank)
        for rank, key in enumerate(order, 1)
    )
    return _Ranking(candidates, tuple(each.tag for each in candidates[:1]))


def _numerical(policy: TagPolicy, keyed: Mapping[str, str]) -> _Ranking:
    values = {key: parse_float(key) for key in keyed}
    if bad := [key for key, value in values.items() if value is None]:
        candidates = tuple(
            Considered(tag, "unparsable", f"{key!r} is no number", key)
            if key in bad
            else Considered(tag, "candidate", "compared by its number", key)
            for key, tag in keyed.items()
        )
        return _Ranking(candidates, error=f"{bad[0]!r} is no number, and one such tag fails the whole policy")
    numbers = {key: value for key, value in values.items() if value is not None}
    sign = -1 if policy.order == "asc" else 1
    ranked = _ranked(keyed, numbers, lambda value: sign * value, "compared by its number")
    if any(map(math.isnan, numbers.values())):
        return _Ranking(ranked, _around_nan(policy, keyed, numbers))
    return _Ranking(ranked, _first(policy, ranked, last_of_ties=True))


def _around_nan(policy: TagPolicy, keyed: Mapping[str, str], numbers: Mapping[str, float]) -> tuple[str, ...]:
    """NaN is neither above nor below anything: it wins over what came before, and what comes next over it."""
    if policy.filtered:
        return tuple(keyed.values())
    best = next(iter(numbers))
    for key, value in numbers.items():
        worse = value < numbers[best] if policy.order == "asc" else value > numbers[best]
        best = best if worse else key
    return (keyed[best],)


def _semver(policy: TagPolicy, keyed: Mapping[str, str]) -> _Ranking:
    wanted = Range.parse(policy.range)
    versions: dict[str, Version] = {}
    left_out = []
    for key, tag in keyed.items():
        version = Version.of_tag(key)
        if version is None:
            left_out.append(Considered(tag, "unparsable", f"{key!r} is no version of three parts", key))
        elif not wanted.admits(version):
            left_out.append(Considered(tag, "outside", f"{version} is not in {policy.range}", key))
        else:
            versions[key] = version
    order = _places(versions)
    ranked = _ranked(keyed, order, lambda place: place, "compared by its version")
    error = None if ranked else (f"no tag is a version in {policy.range}" if keyed else None)
    return _Ranking((*ranked, *left_out), _first(policy, ranked, last_of_ties=False), error)


def _places(versions: Mapping[str, Version]) -> dict[str, float]:
    """Each key with its place, 0 for the highest version; equal versions share one."""
    order = sorted(set(versions.values()), key=cmp_to_key(Version.compare), reverse=True)
    place = {version: float(number) for number, version in enumerate(order)}
    return {key: place[version] for key, version in versions.items()}


def _ranked(
    keyed: Mapping[str, str], values: Mapping[str, float], height: Callable[[float], float], why: str
) -> tuple[Considered, ...]:
    """In stored order, with ranks by ``height``, the least first; NaN has no rank."""
    steps = sorted({height(value) for value in values.values() if not math.isnan(value)})
    rank = {step: number for number, step in enumerate(steps, 1)}
    return tuple(
        Considered(keyed[key], "candidate", why, key, rank.get(height(value)))
        for key, value in values.items()
    )


def _first(policy: TagPolicy, ranked: Sequence[Considered], *, last_of_ties: bool) -> tuple[str, ...]:
    """Those of rank 1: with a filter any of them, else the last or first in stored order."""
    best = [each.tag for each in ranked if each.rank == 1]
    if policy.filtered or len(best) < 2:
        return tuple(best)
    return (best[-1] if last_of_ties else best[0],)


_RANKINGS: Mapping[str, Callable[[TagPolicy, Mapping[str, str]], _Ranking]] = {
    "alphabetical": _alphabetical,
    "numerical": _numerical,
    "semver": _semver,
}
