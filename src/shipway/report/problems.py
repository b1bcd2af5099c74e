"""Problems of a fleet, for people and machines."""

from __future__ import annotations

from shipway.fleet.model import Problem
from shipway.place import Place
from shipway.report.excerpt import Sources, excerpt_of, no_sources
from shipway.report.text import labelled

_INDENT = "  "
_WIDTH = 110


def problem_text(problem: Problem, sources: Sources = no_sources, *, width: int | None = None) -> str:
    """What could not be read or resolved, where, and the line that says it."""
    text = f"{problem.place}: {problem.message} ({problem.kind})"
    shown = quoted(sources, problem.place, width=width)
    return "\n".join([*labelled("problem: ", text, width=width), *shown])


def quoted(sources: Sources, place: Place, *, width: int | None) -> list[str]:
    """The line of a place, set in."""
    room = (width or _WIDTH) - len(_INDENT)
    return [f"{_INDENT}{line}" for line in excerpt_of(sources, place, width=room)]


def problem_document(problem: Problem) -> dict[str, object]:
    """The same as plain JSON values."""
    return {
        "kind": problem.kind,
        "message": problem.message,
        "path": problem.place.path,
        "line": problem.place.line,
    }
