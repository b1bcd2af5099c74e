"""``python -m benchmarks.ship``: the table of shipping in ``docs/performance.md``, measured here.

Every round runs each contender once, so that what else the machine does meets them all. Engines run with
data of their own; docker-buildx and buildkitd come from the directories in BENCH_PEERS, else from PATH.
What is missing is said. Progress goes to standard error, the Markdown for the page to standard output,
everything to a file of JSON.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import msgspec

from benchmarks.registry.limits import filesystem, look
from benchmarks.registry.processes import CommandFailed, Runner, Spent, shipway
from benchmarks.registry.rounds import measure
from benchmarks.registry.servers import KINDS, version
from benchmarks.ship.engines import engines
from benchmarks.ship.markdown import markdown
from benchmarks.ship.results import Measured, Report, joined, judged
from benchmarks.ship.rows import ROWS, Row, World
from shipway.report.json_text import json_text

RESULTS = Path(__file__).parents[1] / "results" / "ship.json"


def main() -> int:
    """Measure, print, and write the JSON. Exit code 1 when a row failed."""
    asked = _arguments()
    # daemons and what they made in the kernel go with us, however we are told to end
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    machine = look()
    with (
        tempfile.TemporaryDirectory(prefix="shipway-bench-", dir=asked.scratch) as directory,
        engines(Path(directory), _needed(asked.rows)) as there,
    ):
        scratch = Path(directory)
        for name, why in there.missing.items():
            _tell(f"missing: {name}: {why}")
        runner = Runner(scratch, there.environment)
        runner.run([shipway(), "--help"])
        rows, failures = _measured(World(scratch, asked.registry, there, runner), asked.rows, asked.runs)
        registry = f"{version(asked.registry)} on {filesystem(scratch)}"
    report = Report(
        machine=replace(machine, load_after=os.getloadavg()[0]),
        registry=registry,
        rounds=asked.runs,
        tools=there.versions,
        missing=there.missing,
        rows=tuple(rows),
        failures=failures,
    )
    if asked.add is not None:
        report = joined(report, msgspec.json.decode(asked.add.read_bytes(), type=Report))
    if asked.output is not None:
        asked.output.parent.mkdir(parents=True, exist_ok=True)
        asked.output.write_text(f"{json_text(report)}\n")
    print(markdown(report), end="")
    return 1 if failures else 0


def _needed(rows: Sequence[Row]) -> set[str]:
    """The engines of everybody who may take part."""
    return {each.engine for row in rows for each in row.everybody().values() if each.engine is not None}


def _measured(world: World, rows: Sequence[Row], rounds: int) -> tuple[list[Measured], dict[str, str]]:
    """What each row gave, and why others gave nothing."""
    measured: list[Measured] = []
    failures: dict[str, str] = {}
    for row in rows:
        _tell(f"{row.name}: {row.title}")
        try:
            measured.append(judged(row, _rounds(row, world, min(rounds, row.most)), measured))
        except CommandFailed as failure:
            failures[row.name] = str(failure)
            _tell(f"failed: {failure}")
    return measured, failures


def _rounds(row: Row, world: World, rounds: int) -> Mapping[str, Sequence[Spent]]:
    with row.attempts(world) as attempts:
        slow = {name for name, each in row.everybody().items() if each.slow}
        return measure(world.runner, attempts, rounds, _tell, slow)


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ship", description=__doc__)
    names = {row.name: row for row in ROWS}
    parser.add_argument("--runs", type=int, default=3, help="rounds of each row (default: 3)")
    parser.add_argument("--registry", choices=KINDS, default=KINDS[0])
    parser.add_argument("--alone", action="store_true", help="measure Shipway without peers")
    parser.add_argument("--scratch", help="a directory with 10 GB for what is measured (default: TMPDIR)")
    parser.add_argument("--output", type=Path, help=f"the JSON (default, with all rows: {RESULTS.name})")
    parser.add_argument("--add", type=Path, metavar="JSON", help="keep the other rows of an earlier run")
    parser.add_argument("rows", nargs="*", metavar="ROW", help=f"of {', '.join(names)}")
    asked = parser.parse_args()
    if unknown := set(asked.rows) - set(names):
        parser.error(f"no such row: {', '.join(sorted(unknown))}")
    if asked.output is None and not asked.rows and not asked.alone:
        asked.output = RESULTS
    rows = [row for name, row in names.items() if not asked.rows or name in asked.rows]
    asked.rows = [replace(row, peers=()) for row in rows] if asked.alone else rows
    return asked


if __name__ == "__main__":
    sys.exit(main())
