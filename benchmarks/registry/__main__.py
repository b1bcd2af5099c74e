"""``python -m benchmarks.registry``: the tables of the registry in ``docs/performance.md``, measured here.

Every round runs each contender once, so that what else the machine does meets them all. Peers come from the
directory in BENCH_PEERS, else from PATH; those that are missing are said. Progress goes to standard error,
the Markdown for the page to standard output, everything to a file of JSON.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from benchmarks.registry.contenders import TOOLS, peers
from benchmarks.registry.limits import filesystem, look
from benchmarks.registry.markdown import markdown
from benchmarks.registry.processes import CommandFailed, Runner, Spent, shipway
from benchmarks.registry.results import Measured, Report, judged
from benchmarks.registry.rounds import measure
from benchmarks.registry.rows import ROWS, Row, World
from benchmarks.registry.servers import KINDS, version
from shipway.report.json_text import json_text

RESULTS = Path(__file__).parents[1] / "results" / "registry.json"


def main() -> int:
    """Measure, print, and write the JSON. Exit code 1 when a row failed."""
    asked = _arguments()
    taking_part = [peer for peer in peers() if not asked.alone]
    for name in [] if asked.alone else sorted(set(TOOLS) - {peer.name for peer in taking_part}):
        _tell(f"missing: {name}; put it on PATH, or name its directory in BENCH_PEERS")
    machine = look()
    rows: list[Measured] = []
    failures: dict[str, str] = {}
    with tempfile.TemporaryDirectory(prefix="shipway-bench-", dir=asked.scratch) as directory:
        scratch = Path(directory)
        runner = Runner(scratch)
        for program in [shipway(), *(peer.program for peer in taking_part)]:
            runner.run([program, "--help"])
        world = World(scratch, asked.registry, taking_part, runner)
        for row in (row for row in ROWS if row.name in asked.rows):
            _tell(f"{row.name}: {row.title}")
            try:
                rows.append(judged(row, _measure(row, world, min(asked.runs, row.most))))
            except CommandFailed as failure:
                failures[row.name] = str(failure)
                _tell(f"failed: {failure}")
        registry = f"{version(asked.registry)} on {filesystem(scratch)}"
    report = Report(
        machine=replace(machine, load_after=os.getloadavg()[0]),
        registry=registry,
        rounds=asked.runs,
        peers={peer.name: peer.version for peer in taking_part},
        rows=tuple(rows),
        failures=failures,
    )
    if asked.output is not None:
        asked.output.parent.mkdir(parents=True, exist_ok=True)
        asked.output.write_text(f"{json_text(report)}\n")
    print(markdown(report), end="")
    return 1 if failures else 0


def _measure(row: Row, world: World, rounds: int) -> Mapping[str, Sequence[Spent]]:
    with row.attempts(world) as attempts:
        return measure(world.runner, attempts, rounds, _tell)


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.registry", description=__doc__)
    names = [row.name for row in ROWS]
    parser.add_argument("--runs", type=int, default=3, help="rounds of each row (default: 3)")
    parser.add_argument("--registry", choices=KINDS, default=KINDS[0])
    parser.add_argument("--alone", action="store_true", help="measure Shipway without peers")
    parser.add_argument("--scratch", help="a directory with 10 GB for what is measured (default: TMPDIR)")
    parser.add_argument("--output", type=Path, help=f"the JSON (default, with all rows: {RESULTS.name})")
    parser.add_argument("rows", nargs="*", default=names, metavar="ROW", help=f"of {', '.join(names)}")
    asked = parser.parse_args()
    if unknown := set(asked.rows) - set(names):
        parser.error(f"no such row: {', '.join(sorted(unknown))}")
    if asked.output is None and set(asked.rows) == set(names) and not asked.alone:
        asked.output = RESULTS
    return asked


if __name__ == "__main__":
    sys.exit(main())
