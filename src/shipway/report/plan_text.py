"""A plan for people."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from shipway.fleet.model import Problem
from shipway.place import Place
from shipway.planning.plan import Blocker, Plan, Step
from shipway.report.excerpt import Sources, no_sources
from shipway.report.json_text import json_text
from shipway.report.problems import problem_document, problem_text, quoted
from shipway.report.text import STAND_IN, labelled, plural, table


def plan_text(
    plan: Plan,
    problems: Sequence[Problem] = (),
    sources: Sources = no_sources,
    *,
    width: int | None = None,
) -> str:
    """Wave by wave what is built and why, then what stands in the way; ``width`` is the terminal's."""
    lines = []
    for number, wave in enumerate(plan.waves, start=1):
        lines.append(f"wave {number}")
        lines.append(table([_cells(step) for step in wave], indent="  ", width=width))
    built = sum(step.action == "build" for step in plan.steps)
    lines.append(f"{plural(built, 'image')} to build, {len(plan.steps) - built} stand as delivered")
    for origin in plan.origins:
        if origin.moved:
            moved = (
                f"{origin.reference} is {_short(origin.digest)} now; {', '.join(origin.moved)} had another"
            )
            lines += labelled("base: ", moved, width=width)
    for note in plan.notes:
        lines += labelled("note: ", note, width=width)
    lines.extend(problem_text(problem, sources, width=width) for problem in problems)
    lines.extend(blocker_text(blocker, sources, width=width) for blocker in plan.blockers)
    return "\n".join(lines)


def _short(digest: str) -> str:
    return digest.partition(":")[2][:12]


def _cells(step: Step) -> tuple[str, ...]:
    reference, at, digest = step.reference.partition("@")
    short = f"{reference}@{_short(digest)}" if at else reference
    notes = [step.engine or ""] if _is_told(step) else []
    notes += [STAND_IN] if step.stand_in else []
    why = "; ".join(step.why)
    return step.action, step.image, short, f"{why} ({', '.join(notes)})" if notes else why


def _is_told(step: Step) -> bool:
    """Whether the engine is known before it is looked for."""
    return step.engine not in (None, "auto")


def blocker_text(blocker: Blocker, sources: Sources = no_sources, *, width: int | None = None) -> str:
    """One blocker with place, line, cause and next step."""
    place = Place(blocker.path, blocker.line)
    whose = f"{blocker.image}: " if blocker.image else ""
    lines = labelled("blocked: ", f"{place}: {whose}{blocker.message}", width=width)
    lines += quoted(sources, place, width=width)
    if blocker.cause:
        lines += labelled("cause ", blocker.cause, indent="  ", width=width)
    if blocker.help:
        lines += labelled("next  ", blocker.help, indent="  ", width=width)
    return "\n".join(lines)


def plan_json(plan: Plan, problems: Sequence[Problem] = ()) -> str:
    """The document ``shipway.plan/1``."""
    document = {**msgspec.to_builtins(plan), "problems": [problem_document(each) for each in problems]}
    return json_text(document)
