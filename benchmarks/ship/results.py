"""What was measured, as values: medians, ratios within rounds, and whether the goals are met."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from benchmarks.registry.limits import Machine
from benchmarks.registry.processes import Spent
from benchmarks.registry.results import Outcome, outcome
from benchmarks.ship.contenders import OURS
from benchmarks.ship.rows import ROWS, Row

SCHEMA = "shipway.benchmarks-ship/1"


@dataclass(frozen=True, slots=True)
class Goal:
    """How often as fast as ``against`` was ``wanted``, and what was measured, in wall time and in processor
    time; of memory and cost per image the least that is wanted is less."""

    against: str
    wanted: float
    seconds: float
    processor: float
    reached: bool


@dataclass(frozen=True, slots=True)
class Measured:
    """One row; ``outcomes`` are ours first, ``load`` the average load after it."""

    name: str
    title: str
    images: int
    outcomes: tuple[Outcome, ...]
    goals: tuple[Goal, ...]
    load: float


@dataclass(frozen=True, slots=True)
class Report:
    """A whole run; ``tools`` maps what took part to what it says of its version, ``missing`` what did not to
    the reason."""

    machine: Machine
    registry: str
    rounds: int
    tools: Mapping[str, str]
    missing: Mapping[str, str]
    rows: tuple[Measured, ...]
    failures: Mapping[str, str]
    schema: str = SCHEMA


def joined(report: Report, earlier: Report) -> Report:
    """``report`` with the rows of ``earlier`` that it does not have itself, in the order of the table."""
    rows = {row.name: row for row in (*earlier.rows, *report.rows)}
    failures = {name: why for name, why in earlier.failures.items() if name not in rows}
    return replace(
        report,
        tools={**earlier.tools, **report.tools},
        missing={name: why for name, why in report.missing.items() if name not in earlier.tools},
        rows=tuple(rows[row.name] for row in ROWS if row.name in rows),
        failures={**failures, **report.failures},
    )


def judged(row: Row, spent: Mapping[str, Sequence[Spent]], earlier: Sequence[Measured]) -> Measured:
    """A row with its medians and ratios; ``earlier`` are the rows before it."""
    outcomes = tuple(outcome(name, runs, spent[OURS]) for name, runs in spent.items())
    goals = (*_rivals(row, outcomes), *_scale(row, outcomes[0], earlier))
    return Measured(row.name, row.title, row.images, outcomes, goals, os.getloadavg()[0])


def _rivals(row: Row, outcomes: Sequence[Outcome]) -> Iterator[Goal]:
    """Each goal against the fastest of its kind; none where nobody of that kind took part."""
    for kind, wanted in row.goals.items():
        rivals = [each for each in outcomes if each.contender.startswith(kind)]
        if rivals:
            rival = min(rivals, key=lambda each: each.ratio.seconds)
            ratio = rival.ratio
            reached = ratio.seconds >= wanted
            yield Goal(rival.contender, wanted, ratio.seconds, ratio.processor, reached)


def _scale(row: Row, mine: Outcome, earlier: Sequence[Measured]) -> Iterator[Goal]:
    """What an image costs in units of what it costs in a smaller fleet."""
    for other in earlier:
        if other.name == row.per_image_of:
            fewer, times = other.outcomes[0], other.images / row.images
            seconds = mine.seconds / fewer.seconds * times
            processor = mine.processor / fewer.processor * times
            yield Goal(
                f"{other.title}, an image", row.per_image, seconds, processor, seconds <= row.per_image
            )
