"""Histories of deliveries that try a tag scheme at its edges: what may differ from one delivery to the next.

A history is what a registry holds: the tags of one branch, oldest first, and what others put beside them.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import product

from shipway.planning.tags import TagFacts, TagScheme

BRANCH = "main"
"""The branch whose newest delivery must win, unless another one is asked for."""

OTHER_BRANCHES = ("hotfix/main", "release/1.2-fix", "pull/12/merge", "mainline")
SUFFIXES = ("-arm64", "-amd64", "-debug", "-1", ".sig", ".att")

_START = datetime(2026, 1, 1, tzinfo=UTC)
_TIMES = (
    (_START, _START + timedelta(seconds=1)),
    (_START + timedelta(seconds=59), _START + timedelta(seconds=60)),
    (_START.replace(hour=9, minute=59, second=59), _START.replace(hour=10)),
    (_START.replace(hour=23, minute=59, second=59), _START + timedelta(days=1)),
    (_START.replace(month=1, day=31), _START.replace(month=2, day=1)),
    (_START.replace(month=9, day=30), _START.replace(month=10, day=1)),
    (_START.replace(month=12, day=31, hour=23), _START.replace(year=2027)),
    (datetime.fromtimestamp(1_999_999_999, UTC), datetime.fromtimestamp(2_000_000_000, UTC)),
    (_START, _START.replace(year=2126)),
)
_COMMITS = (
    "0" * 40,
    "f" * 40,
    "1c3a5e7" + "0" * 33,
    "f00dbad" + "1" * 33,
    "1234567" + "8" * 33,
    "0123456" + "7" * 33,
    "12e4567" + "a" * 33,
    "9" * 40,
    "deadbee" + "f" * 33,
)
_RUNS = (("1", "2"), ("9", "10"), ("99", "100"), ("999999", "1000000"))
_VERSIONS = (
    ("1.0.0", "1.0.1"),
    ("1.9.0", "1.10.0"),
    ("9.9.9", "10.0.0"),
    ("1.0.0-rc.9", "1.0.0-rc.10"),
    ("1.0.0-rc.1", "1.0.0"),
    *((f"{major}.2.9", f"{major}.2.10") for major in range(30)),
)


@dataclass(frozen=True, slots=True)
class Delivered:
    """What a scheme draws on, and the tag that came out."""

    facts: TagFacts
    version: str | None
    tag: str


@dataclass(frozen=True, slots=True)
class History:
    """``deliveries`` of the branch, oldest first; ``beside`` are tags that are none of them."""

    deliveries: tuple[Delivered, ...]
    beside: tuple[str, ...] = ()

    @property
    def newest(self) -> str:
        return self.deliveries[-1].tag

    @property
    def tags(self) -> tuple[str, ...]:
        """All tags, those beside before the newest."""
        *older, newest = (each.tag for each in self.deliveries)
        return (*dict.fromkeys((*older, *self.beside)), newest)


def deliver(scheme: TagScheme, facts: TagFacts, version: str | None) -> Delivered:
    return Delivered(facts, version, scheme.render(facts, version))


def pairs(scheme: TagScheme, branch: str) -> Iterator[History]:
    """Every two deliveries in a row, at the edges of all fields that the scheme has."""
    fields = frozenset(scheme.fields)
    times: Sequence[tuple[datetime, datetime]] = (
        _TIMES if fields & {"timestamp", "date", "time"} else _TIMES[:1]
    )
    commits: Iterable[tuple[str, str]] = _commits() if fields & {"sha", "sha7"} else (_COMMITS[:2],)
    runs = _RUNS if "run" in fields else _RUNS[:1]
    versions = _VERSIONS if "version" in fields else _VERSIONS[:1]
    for time, commit, run, version in product(times, commits, runs, versions):
        yield History(
            tuple(
                deliver(scheme, TagFacts(time[at], commit[at], branch, run[at]), version[at]) for at in (0, 1)
            )
        )


def _commits() -> list[tuple[str, str]]:
    """Two commits in every order, the same one (a re-run), and some drawn by chance."""
    drawn = random.Random(1)  # noqa: S311 -- no secret, and the same each time
    more = [(_commit(drawn), _commit(drawn)) for _ in range(20)]
    edges = [(one, other) for one in _COMMITS for other in _COMMITS]
    return [(_COMMITS[3], _COMMITS[2]), *edges, *more]


def _commit(drawn: random.Random) -> str:
    return f"{drawn.getrandbits(160):040x}"


def beside(scheme: TagScheme, branch: str, *, foreign: bool) -> Iterator[History]:
    """Histories with tags of other branches, later than the newest delivery, and with ``foreign`` tags:
    the same with a suffix, as platforms, variants and signatures have them, before and after the newest."""
    older, newest = next(pairs(scheme, branch)).deliveries
    later = replace(newest.facts, time=newest.facts.time + timedelta(seconds=5), run="3")
    if "branch" in scheme.fields:
        for name in (*OTHER_BRANCHES, f"feature/{branch}", f"{branch}-2"):
            other = deliver(scheme, replace(later, branch=name), newest.version)
            yield History((older, newest), (other.tag,))
    if foreign:
        next_one = deliver(scheme, later, newest.version)
        for suffix in SUFFIXES:
            yield History((older, newest), (older.tag + suffix,))
            yield History((older, newest), (next_one.tag + suffix,))


def drawn_histories(scheme: TagScheme, branch: str, count: int, length: int) -> Iterator[History]:
    """``count`` histories of ``length`` deliveries, minutes to days apart, with commits drawn by chance."""
    drawn = random.Random(2)  # noqa: S311 -- no secret, and the same each time
    for _ in range(count):
        time, deliveries = _START, []
        for run in range(1, length + 1):
            time += timedelta(seconds=drawn.randint(60, 200_000))
            facts = TagFacts(time, _commit(drawn), branch, str(run))
            deliveries.append(deliver(scheme, facts, f"1.{run}.0"))
        yield History(tuple(deliveries))
