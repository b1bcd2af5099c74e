"""The report of a run as text, Markdown, JSON and HTML; every number comes from the ledger."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from importlib import resources

from shipway.flows.status import Row, Runs, Status
from shipway.report.escape import markdown, markdown_code
from shipway.report.json_text import json_text
from shipway.report.text import STAND_IN, encodable, labelled, plural, seconds, size, table, visible

_HEADINGS = ("state", "image", "tag", "digest", "platforms", "size", "time", "evidence")
_RUN_HEADINGS = ("run", "kind", "state", "started", "time", "command")


def summary_line(status: Status) -> str:
    """One sentence: the run, how it ended, steps done of steps planned, images by state."""
    counts = ", ".join(f"{count} {state}" for state, count in status.totals.items() if count)
    took = f" in {seconds(status.seconds)}" if status.seconds is not None else ""
    if status.kind != "ship":
        return f"run {status.run} ({status.kind}) {status.state}{took}: {counts or 'nothing changed'}"
    stand_ins = sum(row.stand_in for row in status.rows)
    return (
        f"run {status.run} {status.state}{took}: {status.steps_done} of {status.steps_planned} steps done; "
        f"{plural(len(status.rows), 'image')}: {counts or 'none'}; {status.verified} verified by read-back"
        + (f"; {plural(stand_ins, STAND_IN)} without code yet" if stand_ins else "")
    )


def cells(row: Row) -> tuple[str, ...]:
    """What a table shows of an image."""
    return (
        row.state,
        f"{row.image} ({STAND_IN})" if row.stand_in else row.image,
        row.reference,
        row.digest.partition(":")[2][:12] or "-",
        ", ".join(row.platforms) or "-",
        size(row.size) if row.digest else "-",
        seconds(row.seconds) if row.digest else "-",
        row.evidence or "-",
    )


def as_text(status: Status, *, width: int | None = None) -> str:
    """For a terminal of ``width`` columns."""
    lines = [summary_line(status)]
    if status.rows:
        lines.append(table([_HEADINGS, *map(cells, status.rows)], indent="  ", width=width))
    for trouble in status.troubles:
        lines += labelled(f"{trouble.image}: ", trouble.message, width=width)
        following = f"{trouble.help}; then {trouble.command}" if trouble.help else trouble.command
        if trouble.cause:
            lines += labelled("cause ", trouble.cause, indent="  ", width=width)
        lines += labelled("next  ", following, indent="  ", width=width)
    return "\n".join(lines) + "\n"


def as_json(status: Status) -> str:
    """The document ``shipway.status/1``."""
    return json_text(status) + "\n"


def runs_text(runs: Runs, *, width: int | None = None) -> str:
    """One line a run."""
    rows = [
        (str(run.run), run.kind, run.state, _moment(run.started), _took(run.seconds), visible(run.command))
        for run in runs.runs
    ]
    return table([_RUN_HEADINGS, *rows], width=width) + "\n"


def runs_json(runs: Runs) -> str:
    """The document ``shipway.runs/1``."""
    return json_text(runs) + "\n"


def _took(count: float | None) -> str:
    return "-" if count is None else seconds(count)


def as_markdown(status: Status) -> str:
    return _render("report.md.j2", status, escape=False)


def as_html(status: Status) -> str:
    """One self-contained page: no script, nothing loaded from elsewhere."""
    return _render("report.html.j2", status, escape=True)


FORMATS: dict[str, Callable[[Status], str]] = {
    "text": as_text,
    "md": as_markdown,
    "json": as_json,
    "html": as_html,
}


def _moment(time: datetime) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S UTC")


def _render(name: str, status: Status, *, escape: bool) -> str:
    from jinja2 import Environment, StrictUndefined

    environment = Environment(
        autoescape=escape,  # noqa: S701 - Markdown must not be escaped as HTML
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(md=lambda text: markdown(str(text)), code=markdown_code, moment=_moment)
    source = resources.files("shipway.report").joinpath("templates", name).read_text("utf-8")
    page = environment.from_string(source).render(
        status=status,
        summary=summary_line(status),
        headings=_HEADINGS,
        rows=[cells(row) for row in status.rows],
    )
    return encodable(page)
