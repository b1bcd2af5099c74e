"""What is built, promoted and running, for people and as JSON (``shipway.live/1``)."""

from __future__ import annotations

from shipway.flows.abreast import Abreast, Row, Version
from shipway.report.json_text import json_text
from shipway.report.text import encodable, labelled, plural, table

_HEADINGS = ("image", "built", "promoted", "in git", "running", "")


def abreast_text(found: Abreast, *, width: int | None = None) -> str:
    """One line an image, then what differs."""
    behind = [row for row in found.rows if row.differs]
    lines = [
        f"{plural(len(found.rows), 'image')} in {found.context}: {len(found.rows) - len(behind)} abreast,"
        f" {len(behind)} not"
    ]
    if found.rows:
        lines.append(table([_HEADINGS, *map(_cells, found.rows)], indent="  ", width=width))
    for row in behind:
        for each in row.differs:
            lines += labelled(f"{row.image}: ", each, width=width)
    for note in found.notes:
        lines += labelled("note  ", note, width=width)
    return "".join(f"{encodable(line)}\n" for line in lines)


def abreast_json(found: Abreast) -> str:
    """The document ``shipway.live/1``."""
    return json_text(found) + "\n"


def _cells(row: Row) -> tuple[str, ...]:
    return (
        row.image,
        _version(row.built),
        _version(row.promoted) if row.promoted else "-",
        ", ".join(dict.fromkeys(_version(place.version) for place in row.declared)) or "-",
        ", ".join(dict.fromkeys(_version(each.version) for each in row.running)) or "-",
        "differs" if row.differs else "abreast",
    )


def _version(version: Version) -> str:
    return version.tag or version.digest.partition(":")[2][:12]
