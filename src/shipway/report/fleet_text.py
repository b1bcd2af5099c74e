"""A fleet for people."""

from __future__ import annotations

from shipway.errors import InvalidValue
from shipway.fleet.model import Base, Fleet, Image
from shipway.fleet.roots import below, prefix_of
from shipway.report.excerpt import Sources, no_sources
from shipway.report.problems import problem_text
from shipway.report.text import plural, table
from shipway.values import Reference

_HEADINGS = ("image", "dockerfile", "context", "builds on", "declared in")


def fleet_text(fleet: Fleet, sources: Sources = no_sources, *, width: int | None = None) -> str:
    """One row an image with where it was found, then every problem; ``width`` is the terminal's."""
    lines = [plural(len(fleet.images), "image")]
    if fleet.images:
        rows = [_cells(fleet, image) for image in fleet.images]
        lines.append(table([_HEADINGS, *rows], indent="  ", width=width))
    lines.extend(problem_text(problem, sources, width=width) for problem in fleet.problems)
    return "\n".join(lines)


def _cells(fleet: Fleet, image: Image) -> tuple[str, ...]:
    prefix = prefix_of(fleet.roots, image.root)
    bases = dict.fromkeys(_name(base) for base in image.bases)
    places = dict.fromkeys(str(declaration.place) for declaration in image.declarations)
    return (
        image.name,
        below(prefix, image.inputs.dockerfile),
        below(prefix, image.inputs.context),
        ", ".join(bases) or "-",
        ", ".join(places) or "-",
    )


def _name(base: Base) -> str:
    """What people call a base: the image of the fleet, or the reference with no more than it needs."""
    if base.image is not None:
        return base.image
    try:
        reference = Reference.parse(base.reference)
    except InvalidValue:
        return base.reference
    if reference.digest is None:
        return reference.familiar
    if reference.tag is not None:
        return reference.with_tag(reference.tag).familiar
    return f"{reference.without_version().familiar}@{reference.digest.short}"
