"""A plan for people."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from shipway.fleet.model import Problem
from shipway.planning.plan import Blocker, Plan, Step
from shipway.report.json_text import json_text
from shipway.report.problems import problem_document, problem_text
from shipway.report.text import labelled, plural, table


def plan_text(plan: Plan, problems: Sequence[Problem] = (), *, width: int | None = None) -> str:
    """Wave by wave what is built and why, then what stands in the way; ``width`` is the terminal's."""
    lines = []
    for number, wave in enumerate(plan.waves, start=1):
        lines.append(f"wave {number}")
        lines.append(table([_cells(step) for step in wave], indent="  ", width=width))
    built = sum(step.action == "build" for step in plan.steps)
    lines.append(f"{plural(built, 'image')} to build, {len(plan.steps) - built} stand as delivered")
    for note in plan.notes:
        lines += labelled("note: ", note, width=width)
    lines.extend(problem_text(problem, width=width) for problem in problems)
    lines.extend(blocker_text(blocker, width=width) for blocker in plan.blockers)
    return "\n".join(lines)


def _cells(step: Step) -> tuple[str, ...]:
    reference, at, digest = step.reference.partition("@")
    short = f"{reference}@{digest.partition(':')[2][:12]}" if at else reference
    return step.action, step.image, short, "; ".join(step.why)


def blocker_text(blocker: Blocker, *, width: int | None = None) -> str:
    """One blocker with place, cause and next step."""
    text = f"{blocker.path}:{blocker.line}: {blocker.image}: {blocker.message}"
    lines = labelled("blocked: ", text, width=width)
    if blocker.cause:
        lines += labelled("cause ", blocker.cause, indent="  ", width=width)
    if blocker.help:
        lines += labelled("next  ", blocker.help, indent="  ", width=width)
    return "\n".join(lines)


def plan_json(plan: Plan, problems: Sequence[Problem] = ()) -> str:
    """The document ``shipway.plan/1``."""
    document = {**msgspec.to_builtins(plan), "problems": [problem_document(each) for each in problems]}
    return json_text(document)
