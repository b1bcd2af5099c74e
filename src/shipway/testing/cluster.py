"""A Dask cluster for tests: a scheduler and workers of Shipway, processes on loopback that can be killed."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from shipway.errors import HostError

_START_SECONDS = 120.0


@dataclass
class Cluster:
    """``address`` is that of the scheduler, ``HOST:PORT``; logs and state are below ``directory``.

    ``environ`` is the environment of its processes, None for that of this one.
    """

    directory: Path
    environ: Mapping[str, str] | None = None
    address: str = ""
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def start_scheduler(self) -> None:
        """Raises HostError when it does not come up."""
        file = self.directory / "scheduler.json"
        own = (
            "--host",
            "127.0.0.1",
            "--port",
            "0",
            "--dashboard-address",
            "127.0.0.1:0",
            "--scheduler-file",
            str(file),
        )
        self._start("scheduler", ("distributed.cli.dask_scheduler", *own))
        # it is there before it is written whole
        self._await("scheduler", lambda: file.exists() and file.read_text().rstrip().endswith("}"))
        self.address = json.loads(file.read_text())["address"].partition("://")[2]

    def start_worker(self, name: str, *options: str) -> None:
        """A worker that connects to the scheduler; see ``await_worker``."""
        own = ("--scheduler", f"tcp://{self.address}", "--name", name, "--state", str(self.directory / name))
        self._start(name, ("shipway", "worker", *own, *options))

    def await_worker(self, name: str) -> None:
        """Raises HostError when a worker that was started does not connect."""
        signs = (f"worker {name} ready", f'"name": "{name}"')
        self._await(name, lambda: any(sign in self.log(name) for sign in signs))

    def log(self, name: str) -> str:
        """What a process has said so far."""
        return (self.directory / f"{name}.log").read_text()

    def kill(self, name: str) -> None:
        """SIGKILL."""
        self.processes[name].kill()
        self.processes[name].wait()

    def _start(self, name: str, arguments: Sequence[str]) -> None:
        with (self.directory / f"{name}.log").open("wb") as log:
            self.processes[name] = subprocess.Popen(
                [sys.executable, "-m", *arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=self.environ,
                start_new_session=True,
            )

    def _await(self, name: str, ready: Callable[[], bool]) -> None:
        end = time.monotonic() + _START_SECONDS
        while not ready():
            if self.processes[name].poll() is not None or time.monotonic() > end:
                raise HostError(f"{name} does not come up", cause=self.log(name))
            time.sleep(0.05)


@contextmanager
def running_cluster(
    directory: Path, workers: int = 2, *options: str, environ: Mapping[str, str] | None = None
) -> Iterator[Cluster]:
    """A scheduler and workers ``w1``, ``w2`` … that are started with ``options`` of ``shipway worker``."""
    directory.mkdir(parents=True, exist_ok=True)
    cluster = Cluster(directory, environ)
    try:
        cluster.start_scheduler()
        names = [f"w{number}" for number in range(1, workers + 1)]
        for name in names:
            cluster.start_worker(name, *options)
        for name in names:
            cluster.await_worker(name)
        yield cluster
    finally:
        for process in cluster.processes.values():
            process.kill()
            process.wait()
