"""Problems of a fleet, for people and machines."""

from __future__ import annotations

from shipway.fleet.model import Problem
from shipway.report.text import labelled


def problem_text(problem: Problem, *, width: int | None = None) -> str:
    """What could not be read or resolved, and where."""
    text = f"{problem.place}: {problem.message} ({problem.kind})"
    return "\n".join(labelled("problem: ", text, width=width))


def problem_document(problem: Problem) -> dict[str, object]:
    """The same as plain JSON values."""
    return {
        "kind": problem.kind,
        "message": problem.message,
        "path": problem.place.path,
        "line": problem.place.line,
    }
