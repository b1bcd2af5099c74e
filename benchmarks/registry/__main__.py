"""``python -m benchmarks.registry``: the table of the registry in ``docs/performance.md``, measured here.

Every round runs each contender once, so that what else the machine does meets them all. Peers come from the
directory in BENCH_PEERS, else from PATH; those that are missing are said.
"""

from __future__ import annotations

import argparse
import resource
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median

from benchmarks.registry.contenders import TOOLS, peers
from benchmarks.registry.limits import limits
from benchmarks.registry.processes import CommandFailed, Runner, Spent, shipway
from benchmarks.registry.rows import OURS, ROWS, Row, World
from benchmarks.registry.servers import KINDS

Measured = Mapping[str, Sequence[Spent]]


def main() -> int:
    """Measure, and print Markdown as it comes."""
    asked = _arguments()
    taking_part = [peer for peer in peers() if not asked.alone]
    print("Peers:", ", ".join(f"{peer.name} ({peer.version or 'tells no version'})" for peer in taking_part))
    for name in [] if asked.alone else sorted(set(TOOLS) - {peer.name for peer in taking_part}):
        print(f"Missing: {name}; put it on PATH, or name its directory in BENCH_PEERS")
    print(limits(), flush=True)
    failed = 0
    with tempfile.TemporaryDirectory(prefix="benchreg-", dir=asked.scratch) as directory:
        scratch = Path(directory)
        runner = Runner(scratch)
        for program in [shipway(), *(peer.program for peer in taking_part)]:
            runner.run([program, "--help"])
        world = World(scratch, asked.registry, taking_part, runner)
        for row in (row for row in ROWS if row.name in asked.rows):
            failed += _row(row, world, asked.runs)
    return 1 if failed else 0


def _row(row: Row, world: World, runs: int) -> int:
    print(f"\n**{row.title}** ({world.kind}, {runs} runs)\n", flush=True)
    try:
        measured = _measure(row, world, runs)
    except CommandFailed as failure:
        print(f"failed: {failure}", flush=True)
        return 1
    print(table(row, measured), flush=True)
    return 0


def _measure(row: Row, world: World, runs: int) -> Measured:
    with row.attempts(world) as attempts:
        measured: dict[str, list[Spent]] = {name: [] for name in attempts}
        for _ in range(runs):
            for name, attempt in attempts.items():
                with attempt() as argv:
                    measured[name].append(world.runner.run(argv))
    return measured


def table(row: Row, measured: Measured) -> str:
    """Wall and processor time, others in units of ours of the same round, and memory, as Markdown."""
    lines = [
        "| | s (least to most) | times ours | processor s | times ours | peak MB |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    ratios = {name: _ratio(measured, name, "seconds") for name in measured}
    for name, spent in measured.items():
        seconds = sorted(each.seconds for each in spent)
        span = f"{median(seconds):.2f} ({seconds[0]:.2f} to {seconds[-1]:.2f})"
        busy = f"{median(each.processor for each in spent):.2f} | {_ratio(measured, name, 'processor'):.2f}"
        lines.append(f"| {name} | {span} | {ratios[name]:.2f} | {busy} | {_peak(spent)} |")
    return "\n".join([*lines, "", _verdict(row, ratios, median(each.seconds for each in measured[OURS]))])


def _ratio(measured: Measured, name: str, what: str) -> float:
    """The median of how often as much as ours in the same round."""
    pairs = zip(measured[name], measured[OURS], strict=True)
    return float(median(getattr(each, what) / getattr(ours, what) for each, ours in pairs))


def _peak(spent: Sequence[Spent]) -> str:
    # a child starts with the memory of its parent, which hides what is smaller
    floor = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    most = max(each.peak for each in spent)
    return f"{most / 1e6:.0f}" if most > floor else f"under {floor / 1e6:.0f}"


def _verdict(row: Row, ratios: Mapping[str, float], seconds: float) -> str:
    if row.absolute:
        return f"Goal: under {row.goal} s: {'reached' if seconds < row.goal else 'missed'}."
    others = {name: ratio for name, ratio in ratios.items() if name != OURS}
    if not others:
        return ""
    fastest = min(others, key=others.__getitem__)
    reached = "reached" if others[fastest] >= row.goal else "missed"
    return f"Goal: {row.goal:g} times as fast as the fastest ({fastest}, {others[fastest]:.2f}): {reached}."


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.registry", description=__doc__)
    names = [row.name for row in ROWS]
    parser.add_argument("--runs", type=int, default=5, help="rounds of each row")
    parser.add_argument("--registry", choices=KINDS, default=KINDS[0])
    parser.add_argument("--alone", action="store_true", help="measure Shipway without peers")
    parser.add_argument("--scratch", help="a directory with 10 GB for what is measured (default: TMPDIR)")
    parser.add_argument("rows", nargs="*", default=names, metavar="ROW", help=f"of {', '.join(names)}")
    asked = parser.parse_args()
    if unknown := set(asked.rows) - set(names):
        parser.error(f"no such row: {', '.join(sorted(unknown))}")
    return asked


if __name__ == "__main__":
    sys.exit(main())
