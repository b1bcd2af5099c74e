"""``python -m tests.fuzz``: a number of seeded cases, or as many as fit into some seconds.

Each case is a small repository of bent files that is read, checked and mended in memory. It fails when
anything but a ShipwayError comes out, when it takes longer than it may, or when something outside of the
repository is read. A case is known by its seed and number: ``--seed 1 --first 512 --cases 1`` repeats it.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

WORKER = ("-m", "tests.fuzz.worker")


@dataclass
class Outcome:
    """How far it went, and what was wrong: the case, what it showed, its bent files."""

    at: int
    wrong: list[dict[str, object]] = field(default_factory=list)


def fuzz(seed: int, first: int, cases: int, seconds: float, limit: float) -> Outcome:
    """Run ``cases`` from number ``first``, for at most ``seconds``; a case may take ``limit`` seconds. A
    worker that dies or hangs is a bad case, and the next one goes on behind it."""
    outcome = Outcome(first)
    deadline = time.monotonic() + seconds
    while outcome.at < first + cases and time.monotonic() < deadline:
        argv = [sys.executable, *WORKER, *map(str, (seed, outcome.at, first + cases, limit))]
        worker = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert worker.stdout is not None
        assert worker.stderr is not None
        ended = _listen(worker.stdout, outcome, deadline)
        if not ended:
            worker.kill()
        said = worker.stderr.read()[-1500:]
        if worker.wait() != 0 and ended:
            print(f"--- case {outcome.at}: the worker died:\n{said}", flush=True)
            outcome.wrong.append({"case": outcome.at, "wrong": said, "files": {}})
            outcome.at += 1
    return outcome


def _listen(lines: IO[str], outcome: Outcome, deadline: float) -> bool:
    """Follow a worker; True when it ended by itself, False when the time is up."""
    for line in lines:
        news = json.loads(line)
        if "at" in news:
            outcome.at = news["at"]
        else:
            outcome.wrong.append(news)
            print(f"--- case {news['case']}: {news['wrong']}", flush=True)
        if time.monotonic() > deadline:
            return False
    return True


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--cases", type=int, default=50_000)
    parser.add_argument("--seconds", type=float, default=3600, help="stop after this time")
    parser.add_argument("--limit", type=float, default=2.0, help="seconds that one case may take")
    parser.add_argument("--keep", type=Path, help="directory for the files of bad cases")
    options = parser.parse_args()
    outcome = fuzz(options.seed, options.first, options.cases, options.seconds, options.limit)
    for bad in outcome.wrong:
        if options.keep is not None:
            _keep(options.keep / str(bad["case"]), bad["files"])
    print(f"{outcome.at - options.first} cases of seed {options.seed}, {len(outcome.wrong)} bad")
    return 1 if outcome.wrong else 0


def _keep(directory: Path, files: object) -> None:
    assert isinstance(files, dict)
    for name, text in files.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode("latin-1"))


if __name__ == "__main__":
    sys.exit(main())
