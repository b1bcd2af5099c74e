"""A plan for people."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from shipway.fleet.model import Problem
from shipway.planning.plan import Blocker, Plan
from shipway.report.text import plural, table


def plan_text(plan: Plan, problems: Sequence[Problem] = ()) -> str:
    """Wave by wave what is built and why, then what stands in the way."""
    lines = []
    for number, wave in enumerate(plan.waves, start=1):
        lines.append(f"wave {number}")
        lines.append(
            table(
                [(step.action, step.image, step.reference, "; ".join(step.why)) for step in wave], indent="  "
            )
        )
    built = sum(step.action == "build" for step in plan.steps)
    lines.append(f"{plural(built, 'image')} to build, {len(plan.steps) - built} stand as delivered")
    lines.extend(f"note: {note}" for note in plan.notes)
    lines.extend(f"problem: {problem.place}: {problem.message} ({problem.kind})" for problem in problems)
    lines.extend(blocker_text(blocker) for blocker in plan.blockers)
    return "\n".join(lines)


def blocker_text(blocker: Blocker) -> str:
    """One blocker with place, cause and next step."""
    whose = f"{blocker.image}: " if blocker.image else ""
    lines = [f"blocked: {blocker.path}:{blocker.line}: {whose}{blocker.message}"]
    if blocker.cause:
        lines.append(f"  cause {blocker.cause}")
    if blocker.help:
        lines.append(f"  next  {blocker.help}")
    return "\n".join(lines)


def plan_json(plan: Plan, problems: Sequence[Problem] = ()) -> str:
    """The document ``shipway.plan/1``."""
    listed = [
        {
            "kind": problem.kind,
            "message": problem.message,
            "path": problem.place.path,
            "line": problem.place.line,
        }
        for problem in problems
    ]
    document = {**msgspec.to_builtins(plan), "problems": listed}
    return msgspec.json.format(msgspec.json.encode(document), indent=2).decode()
