"""A report as the section "Results" of the registry's part in ``docs/performance.md``, word for word."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from benchmarks.registry.contenders import TOOLS
from benchmarks.registry.limits import Machine
from benchmarks.registry.results import Measured, Outcome, Report, Rival
from benchmarks.registry.rows import OURS
from shipway.report.text import plural

_SYNC = "skopeo sync"
_COLUMNS = (*TOOLS, _SYNC)
_BUSY = 1.0


def markdown(report: Report) -> str:
    """Machine, a table of wall time, one of processor time, and the memory of pushes of several sizes."""
    compared = [row for row in report.rows if len(row.outcomes) > 1]
    alone = [row for row in report.rows if len(row.outcomes) == 1]
    parts = [conditions(report.machine, report.peers, report.registry, report.rounds)]
    if compared:
        parts += [_seconds(compared), _processor(compared)]
    if alone:
        parts.append(_memory(alone))
    parts += [f"Failed: {name}: {why}" for name, why in report.failures.items()]
    return "\n\n".join(parts) + "\n"


def conditions(machine: Machine, tools: Mapping[str, str], registry: str, rounds: int) -> str:
    """The machine, who took part and under which load."""
    load = f"a load of {machine.load_before:.1f} before and {machine.load_after:.1f} after"
    state = "Other work kept the machine busy" if machine.load_before >= _BUSY else "Nothing else ran"
    peers = ", ".join(f"{name} {version}".strip() for name, version in tools.items())
    return (
        f"{machine.cores} cores ({machine.processor}), {machine.system}, Python {machine.python};\n"
        f"{peers or 'no peers'}; {registry}; {plural(rounds, 'round')}.\n"
        f"{state}: {load}.\n"
        f"Limits of the machine: sha256 {machine.hashing:.2f} GB/s on one core,"
        f" loopback {machine.loopback:.2f} GB/s."
    )


def _seconds(rows: Sequence[Measured]) -> str:
    """Seconds of wall time: one after another, four at once."""
    heads = ["seconds", OURS, *_columns(rows), "times ours, one by one", "times ours, any way", "wanted"]
    return table(
        heads,
        (
            [
                row.title,
                f"**{row.outcomes[0].seconds:.2f}**",
                *(_cell(row, tool, "seconds") for tool in _columns(rows)),
                _times(row.single),
                _times(row.fastest),
                f"{row.wanted}: {'reached' if row.reached else 'missed'}",
            ]
            for row in rows
        ),
    )


def _processor(rows: Sequence[Measured]) -> str:
    """Processor seconds, the registries' included."""
    heads = ["processor seconds, registries included", OURS, *_columns(rows)]
    return table(
        heads,
        (
            [
                row.title,
                f"{row.outcomes[0].processor:.2f}",
                *(_cell(row, tool, "processor") for tool in _columns(rows)),
            ]
            for row in rows
        ),
    )


def _memory(rows: Sequence[Measured]) -> str:
    said = ", ".join(f"{_megabytes(row.outcomes[0])} for {row.title}" for row in rows)
    return f"Peak memory: {said}; wanted is less than 200 MB."


def _megabytes(outcome: Outcome) -> str:
    return "less than is measured" if outcome.megabytes is None else f"{outcome.megabytes:.0f} MB"


def _columns(rows: Sequence[Measured]) -> list[str]:
    """The tools that took part, in the order of the table of tools."""
    present = {outcome.contender.partition(",")[0] for row in rows for outcome in row.outcomes}
    return [tool for tool in _COLUMNS if tool in present]


def _cell(row: Measured, tool: str, what: str) -> str:
    """One figure a way of running ``tool``, ``-`` for none."""
    found = [each for each in row.outcomes if each.contender.partition(",")[0] == tool]
    return ", ".join(f"{getattr(each, what):.2f}" for each in found) or "-"


def _times(rival: Rival | None) -> str:
    return "-" if rival is None else f"{rival.ratio.seconds:.1f} ({rival.contender})"


def table(heads: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    """A table of Markdown."""
    rows = [heads, ["---"] * len(heads), *lines]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in rows)
