"""What was measured, as values: medians, ratios within rounds, and whether the goals are met."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from benchmarks.registry.limits import Machine
from benchmarks.registry.processes import Spent
from benchmarks.registry.rows import OURS, Row

SCHEMA = "shipway.benchmarks-registry/1"


@dataclass(frozen=True, slots=True)
class Ratio:
    """How often as much as ours a contender spent: the median over the rounds."""

    seconds: float
    processor: float


@dataclass(frozen=True, slots=True)
class Outcome:
    """One contender of a row. ``seconds`` and ``processor`` are medians over ``runs``; ``megabytes`` the most
    resident memory of any one process, None where it was less than the measuring process has itself."""

    contender: str
    seconds: float
    processor: float
    megabytes: float | None
    ratio: Ratio
    runs: tuple[Spent, ...]


@dataclass(frozen=True, slots=True)
class Rival:
    """A contender that was the fastest of its kind, and what it took in units of ours."""

    contender: str
    ratio: Ratio


@dataclass(frozen=True, slots=True)
class Measured:
    """One row. ``single`` is the fastest of the others that ran one process after another, ``fastest`` the
    fastest of all others; ``reached`` compares the goal with ``fastest``, None where nobody else ran."""

    name: str
    title: str
    wanted: str
    outcomes: tuple[Outcome, ...]
    single: Rival | None
    fastest: Rival | None
    reached: bool | None


@dataclass(frozen=True, slots=True)
class Report:
    """A whole run; ``peers`` maps the others to what they say of their version."""

    machine: Machine
    registry: str
    rounds: int
    peers: Mapping[str, str]
    rows: tuple[Measured, ...]
    failures: Mapping[str, str]
    schema: str = SCHEMA


def judged(row: Row, spent: Mapping[str, Sequence[Spent]]) -> Measured:
    """A row with its medians and ratios."""
    outcomes = tuple(outcome(name, runs, spent[OURS]) for name, runs in spent.items())
    others = [each for each in outcomes if each.contender != OURS]
    single = _fastest([each for each in others if " at once" not in each.contender])
    fastest = _fastest(others)
    wanted = f"under {row.goal:g} s" if row.absolute else f"{row.goal:g} times"
    if row.absolute:
        reached: bool | None = outcomes[0].seconds < row.goal
    else:
        reached = fastest.ratio.seconds >= row.goal if fastest else None
    return Measured(row.name, row.title, wanted, outcomes, single, fastest, reached)


def outcome(name: str, runs: Sequence[Spent], ours: Sequence[Spent]) -> Outcome:
    """The medians of one contender, and how they compare with ``ours``, in the rounds of both."""
    pairs = list(zip(runs, ours, strict=False))
    peak = max((each.peak for each in runs if each.peak is not None), default=None)
    return Outcome(
        contender=name,
        seconds=median(each.seconds for each in runs),
        processor=median(each.processor for each in runs),
        megabytes=None if peak is None else peak / 1e6,
        ratio=Ratio(
            seconds=median(each.seconds / own.seconds for each, own in pairs),
            processor=median(each.processor / own.processor for each, own in pairs),
        ),
        runs=tuple(runs),
    )


def _fastest(outcomes: Sequence[Outcome]) -> Rival | None:
    if not outcomes:
        return None
    first = min(outcomes, key=lambda each: each.ratio.seconds)
    return Rival(first.contender, first.ratio)
