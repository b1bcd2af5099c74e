"""What waiting came to, for people and as JSON (``shipway.wait/1``)."""

from __future__ import annotations

from collections.abc import Iterator

import click

from shipway.flows.wait.result import Row, Verdict, Waited
from shipway.gitops.verdict import Standing
from shipway.report.json_text import json_text
from shipway.report.text import encodable, labelled, one_line, seconds, table

_COLOURS = {"live": "green", "superseded": "yellow", "suspended": "yellow"}
_TIED: dict[Verdict, str] = {
    "failed": "because of",
    "superseded": "seen at",
    "suspended": "at",
    "blocked": "by",
    "timed-out": "waiting for",
}


def standing_line(standing: Standing) -> str:
    """One line of progress."""
    told = one_line(standing.message or standing.reason)
    return encodable(f"{standing.phase:<9} {standing.name}" + (f": {told}" if told else ""))


def wait_text(waited: Waited, *, width: int | None = None) -> str:
    """The verdict first, then what decided it, and all objects on the way."""
    verdict = click.style(waited.verdict, fg=_COLOURS.get(waited.verdict, "red"), bold=True)
    what = ", ".join(waited.images or [commit[:12] for commit in waited.commits])
    lines = [f"{verdict} after {seconds(waited.seconds)}: {what} in {waited.context}"]
    if waited.cause is not None:
        lines += _cause(waited, waited.cause, width)
    if waited.objects:
        lines.append(table([_cells(row) for row in waited.objects], indent="  ", width=width))
    for note in waited.notes:
        lines += labelled("note  ", note, indent="  ", width=width)
    return "".join(f"{encodable(line)}\n" for line in lines)


def wait_json(waited: Waited) -> str:
    """The document ``shipway.wait/1``."""
    return json_text(waited) + "\n"


def _cause(waited: Waited, row: Row, width: int | None) -> Iterator[str]:
    yield from labelled(f"{_TIED.get(waited.verdict, 'by')} ", f"{_name(row)}: {row.message}", width=width)
    for event in waited.events:
        yield from labelled("event ", f"{event.reason}: {event.message}", indent="  ", width=width)
    yield from labelled("next  ", _next(waited.verdict, row), indent="  ", width=width)


def _next(verdict: Verdict, row: Row) -> str:
    where = f"-n {row.namespace} " if row.namespace else ""
    if verdict == "superseded":
        return "a later change came in: shipway status --live tells what runs"
    if row.reason == "Suspended":
        return f"flux {where}resume {row.kind.lower()} {row.name}".replace("gitrepository", "source git")
    if row.reason in ("NotFound", "OtherRef"):
        return "kubectl get gitrepositories,kustomizations -A lists what this cluster follows"
    return f"kubectl {where}describe {row.kind.lower()} {row.name}"


def _cells(row: Row) -> tuple[str, ...]:
    return row.phase, _name(row), one_line(row.message)


def _name(row: Row) -> str:
    return f"{row.kind} {row.namespace}/{row.name}" if row.namespace else f"{row.kind} {row.name}"
