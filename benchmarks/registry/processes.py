"""Programs run as a shell would run them: wall time and peak memory of the whole process tree's members."""

from __future__ import annotations

import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

_TAIL = 2000
_VERSION = re.compile(r"\d+\.\d+\.\d+")


@dataclass(frozen=True, slots=True)
class Spent:
    """Seconds of wall time; of processor time, the registries' included; and the resident memory in bytes
    that the largest process had at most, None where it was less than this process had ever itself."""

    seconds: float
    processor: float
    peak: int | None


class CommandFailed(Exception):
    """A program exited with another code than 0; its words are the message."""


class Runner:
    """Runs programs with output to a file, and an environment like that of an installed Shipway, with
    ``more`` in it."""

    def __init__(self, scratch: Path, more: Mapping[str, str] = MappingProxyType({})) -> None:
        self._scratch = scratch
        # compiled modules, as every installation has them, but none of another checkout
        compiled = {
            "PYTHONPYCACHEPREFIX": str(scratch / "compiled"),
            "XDG_STATE_HOME": str(scratch / "state"),
        }
        kept = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
        self._environment: Mapping[str, str] = {**kept, **compiled, **more}

    def run(self, argv: Sequence[str]) -> Spent:
        """Run one program to its end. Raises CommandFailed."""
        output = self._scratch / "output"
        with output.open("wb") as file:
            start, busy = time.perf_counter(), _processor()
            process = subprocess.Popen(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                env=self._environment,
                start_new_session=True,
            )
            try:
                _, status, usage = os.wait4(process.pid, 0)
            except BaseException:
                os.killpg(process.pid, signal.SIGKILL)
                raise
            seconds = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise CommandFailed(f"{' '.join(argv)[:300]}: exit {process.returncode}: {_tail(output)}")
        # a child starts with the memory of its parent, which hides what is smaller
        floor = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        peak = usage.ru_maxrss * 1024 if usage.ru_maxrss > floor else None
        return Spent(seconds, _processor() - busy, peak)

    def loop(self, program: str, lines: Sequence[Sequence[str]], at_once: int) -> list[str]:
        """The command that runs ``program`` once for each of ``lines``, ``at_once`` at a time."""
        file = self._scratch / f"lines-{Path(program).name}"
        file.write_text("".join(f"{' '.join(words)}\n" for words in lines))
        return ["xargs", "-a", str(file), "-P", str(at_once), "-L", "1", program]


def shipway() -> str:
    """The ``shipway`` command of this environment."""
    return str(Path(sys.executable).with_name("shipway"))


def usable(name: str, version: Sequence[str], directory: str | None) -> tuple[str, str] | None:
    """A program that starts, of ``directory`` or else of PATH, with its version (empty: it tells none)."""
    for path in ([directory] if directory else []) + [os.environ.get("PATH", "")]:
        program = shutil.which(name, path=path)
        if program is None:
            continue
        answer = subprocess.run([program, *version], capture_output=True, text=True, check=False)
        if answer.returncode == 0:
            found = _VERSION.search(answer.stdout)
            return program, found.group() if found else ""
    return None


def _processor() -> float:
    """Processor seconds of all processes that this one started, running or not."""
    done = resource.getrusage(resource.RUSAGE_CHILDREN)
    ticks = 0
    for task in Path("/proc/self/task").iterdir():
        for child in (task / "children").read_text().split():
            # the fields after the name: the 12th to 15th are user and system time, its own and its children's
            fields = Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()
            ticks += sum(map(int, fields[11:15]))
    return done.ru_utime + done.ru_stime + ticks / os.sysconf("SC_CLK_TCK")


def _tail(path: Path) -> str:
    return path.read_bytes()[-_TAIL:].decode(errors="replace").strip()
