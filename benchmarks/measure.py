"""Whole processes, measured: wall time, processor time and memory, medians of several runs."""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

DROP_CACHES = Path("/proc/sys/vm/drop_caches")


@dataclass(frozen=True, slots=True)
class Run:
    """One run: seconds of wall time, of processor time (user and system), and the peak memory in MB."""

    wall: float
    cpu: float
    memory: float


@dataclass(frozen=True, slots=True)
class Result:
    """Medians of ``runs`` runs; ``spread`` is the slowest wall time less the quickest."""

    name: str
    wall: float
    cpu: float
    memory: float
    runs: int
    spread: float


def measure(
    name: str,
    command: Sequence[str],
    *,
    codes: Sequence[int] = (0,),
    runs: int = 5,
    before: Callable[[], None] | None = None,
) -> Result:
    """The medians of ``command``, run once more before them unless ``before`` is called for each run.

    Raises SystemExit with the output when a run ends with another code than ``codes``.
    """
    if before is None:
        _run(command, codes)
    found = []
    for _ in range(runs):
        if before is not None:
            before()
        found.append(_run(command, codes))
    walls = [run.wall for run in found]
    return Result(
        name,
        median(walls),
        median(run.cpu for run in found),
        median(run.memory for run in found),
        runs,
        max(walls) - min(walls),
    )


def _run(command: Sequence[str], codes: Sequence[int]) -> Run:
    started = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=_environ())
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in codes:
        raise SystemExit(f"{' '.join(command[:6])} ended with {process.returncode}")
    return Run(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def _environ() -> dict[str, str]:
    """Modules are compiled once, as they are where a package is installed, beside nobody's sources."""
    environ = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**environ, "PYTHONPYCACHEPREFIX": str(Path(tempfile.gettempdir()) / "shipway-bench-bytecode")}


def can_drop_caches() -> bool:
    """Whether this process may empty the page cache."""
    return os.access(DROP_CACHES, os.W_OK)


def drop_caches() -> None:
    """Empty the page cache, and the caches of directories and inodes."""
    os.sync()
    DROP_CACHES.write_text("3\n")
