"""A report as the section "Results" of the part on shipping in ``docs/performance.md``, word for word."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.registry.markdown import conditions, table
from benchmarks.registry.results import Outcome
from benchmarks.ship.contenders import OURS
from benchmarks.ship.results import Goal, Measured, Report


def markdown(report: Report) -> str:
    """Machine, a table with a line for each contender of each row, memory, and what is missing."""
    parts = [conditions(report.machine, report.tools, report.registry, report.rounds), _rows(report.rows)]
    parts += [f"Not measured: {name}: {why}" for name, why in {**report.missing, **report.failures}.items()]
    return "\n\n".join(parts) + "\n"


def _rows(rows: Sequence[Measured]) -> str:
    heads = ["what", "who", "s", "processor s", "MB", "times ours", "times ours, processor", "wanted"]
    return table(heads, (_line(row, each) for row in rows for each in row.outcomes))


def _line(row: Measured, each: Outcome) -> list[str]:
    mine = each.contender == OURS
    goals = [goal for goal in row.goals if goal.against == each.contender]
    if mine:
        goals = [
            goal for goal in row.goals if goal.against not in {other.contender for other in row.outcomes}
        ]
    return [
        row.title if mine else "",
        f"**{each.contender}**" if mine else each.contender,
        f"{each.seconds:.2f}",
        f"{each.processor:.2f}",
        "-" if each.megabytes is None else f"{each.megabytes:.0f}",
        "" if mine else f"{each.ratio.seconds:.1f}",
        "" if mine else f"{each.ratio.processor:.1f}",
        ", ".join(map(_wanted, goals)),
    ]


def _wanted(goal: Goal) -> str:
    said = "reached" if goal.reached else "missed"
    if goal.against.endswith("an image"):
        return f"{goal.seconds:.2f} times {goal.against}; {goal.wanted:g} is wanted: {said}"
    return f"{goal.wanted:g}: {said}"
