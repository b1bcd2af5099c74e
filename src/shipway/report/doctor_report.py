"""What probes saw, for people and as JSON (``shipway.doctor/1``)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

import click

from shipway.checks.finding import Finding
from shipway.flows.live.probed import Probed, State
from shipway.report.json_text import json_text
from shipway.report.text import encodable, labelled, one_line

SCHEMA = "shipway.doctor/1"
DIAGNOSIS = "shipway.registry-diagnose/1"
_WIDTH = 110
_COLOURS: dict[State, str] = {"ok": "green", "warning": "yellow", "failed": "red"}


def doctor_text(probed: Sequence[Probed], *, quiet: bool = False) -> str:
    """One line a probe, with cause and remedy where something is wrong; only those with ``quiet``."""
    shown = [each for each in probed if not quiet or each.state != "ok"]
    width = max((len(each.probe) for each in shown), default=0)
    lines = [line for each in shown for line in _lines(each, width)]
    counts = Counter(each.state for each in probed)
    total = ", ".join(f"{counts[state]} {state}" for state in _COLOURS)
    return "".join(f"{encodable(line)}\n" for line in (*lines, *(() if quiet else (total,))))


def _lines(probed: Probed, width: int) -> Iterable[str]:
    state = click.style(f"{probed.state:<7}", fg=_COLOURS[probed.state])
    yield f"{state} {probed.probe:<{width}} {one_line(probed.subject)}: {one_line(probed.seen)}"
    for finding in probed.findings:
        yield from _labelled(finding.rule, finding.message)
        for label, text in (("cause", finding.cause), ("next", finding.help)):
            if text:
                yield from _labelled(label, text)


def _labelled(label: str, text: str) -> Iterable[str]:
    return labelled(f"{label:<6}", text, indent=" " * 8, width=_WIDTH)


def doctor_json(probed: Sequence[Probed], schema: str = SCHEMA) -> str:
    """The same as JSON."""
    counts = Counter(each.state for each in probed)
    document = {
        "schema": schema,
        "probes": [
            {
                "probe": each.probe,
                "subject": each.subject,
                "state": each.state,
                "seen": each.seen,
                "findings": [_finding(finding) for finding in each.findings],
            }
            for each in probed
        ],
        "summary": {state: counts[state] for state in _COLOURS},
    }
    return json_text(document) + "\n"


def _finding(finding: Finding) -> dict[str, object]:
    return {
        "rule": finding.rule,
        "severity": finding.severity,
        "image": finding.image,
        "message": finding.message,
        "cause": finding.cause,
        "help": finding.help,
    }
