"""A fleet for people."""

from __future__ import annotations

from shipway.fleet.model import Fleet, Image
from shipway.report.text import plural, table


def fleet_text(fleet: Fleet) -> str:
    """One row an image with where it was found, then every problem."""
    headings = ("image", "dockerfile", "context", "builds on", "declared in")
    lines = [plural(len(fleet.images), "image")]
    if fleet.images:
        lines.append(table([headings, *map(_cells, fleet.images)], indent="  "))
    lines.extend(
        f"problem: {problem.place}: {problem.message} ({problem.kind})" for problem in fleet.problems
    )
    return "\n".join(lines)


def _cells(image: Image) -> tuple[str, ...]:
    bases = dict.fromkeys(base.image or base.reference for base in image.bases)
    places = dict.fromkeys(str(declaration.place) for declaration in image.declarations)
    return (
        image.name,
        image.inputs.dockerfile,
        image.inputs.context,
        ", ".join(bases) or "-",
        ", ".join(places),
    )
