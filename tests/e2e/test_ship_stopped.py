"""Ships that are stopped, by a person, a CI system or the clock: nothing of them goes on, all is recorded."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

pytestmark = [pytest.mark.engine, pytest.mark.xdist_group("engine")]


@dataclass
class Sleeper:
    """A fleet of one image whose build sleeps for hours; ``seconds``, how long, is what it is known by."""

    root: Path
    state: Path
    engine: str
    seconds: int

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "shipway", *arguments, "-C", str(self.root), "--state", str(self.state)]

    def ship(self, *arguments: str) -> subprocess.Popen[str]:
        argv = self.command("ship", "--engine", self.engine, "-v", *arguments)
        return subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)

    def sleeps(self) -> bool:
        """Whether the RUN step is under way."""
        for directory in Path("/proc").glob("[0-9]*"):
            try:
                argv = (directory / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if argv[:3] == [b"/bin/busybox", b"sleep", str(self.seconds).encode()]:
                return True
        return False

    def state_of_run(self) -> str:
        done = subprocess.run(self.command("status", "--json"), capture_output=True, check=True)
        return str(json.loads(done.stdout)["state"])


@pytest.fixture
def sleeper(tmp_path: Path, engine_name: str) -> Sleeper:
    busybox = next((path for path in ("/bin/busybox", "/usr/bin/busybox") if Path(path).exists()), None)
    if busybox is None:
        pytest.skip("there is no busybox")
    made = Sleeper(tmp_path / "repo", tmp_path / "state", engine_name, 100_000 + os.getpid() % 50_000)
    image = made.root / "slow"
    image.mkdir(parents=True)
    (made.root / "shipway.yaml").write_text("tag: '1'\nimages:\n  slow: {context: slow}\n")
    shutil.copy(busybox, image / "busybox")
    run = json.dumps(["/bin/busybox", "sleep", str(made.seconds)])
    (image / "Dockerfile").write_text(f"FROM scratch\nCOPY busybox /bin/busybox\nRUN {run}\n")
    return made


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_a_signal_ends_the_build_with_all_its_processes_and_is_recorded(
    sleeper: Sleeper, number: signal.Signals
) -> None:
    with sleeper.ship() as process:
        until(sleeper.sleeps)
        process.send_signal(number)
        assert process.stderr is not None
        said = process.stderr.read()
    assert process.returncode == 130, said
    assert "it goes on where it stopped" in said
    assert "Traceback" not in said
    until(lambda: not sleeper.sleeps())
    assert sleeper.state_of_run() == "interrupted"


@pytest.mark.parametrize("where", ["option", "fleet file"])
def test_a_build_that_takes_too_long_is_stopped_with_all_its_processes(sleeper: Sleeper, where: str) -> None:
    if where == "fleet file":
        (sleeper.root / "shipway.yaml").write_text("images:\n  slow: {context: slow, timeout: 4s}\n")
    with sleeper.ship(*(["--timeout", "4s"] if where == "option" else [])) as process:
        assert process.stderr is not None
        said = process.stderr.read()
    assert process.returncode == 3, said
    assert "could not build slow within 4s" in said
    until(lambda: not sleeper.sleeps())
    assert sleeper.state_of_run() == "failed"


def test_a_registry_that_is_gone_is_named_and_what_was_built_is_kept(sleeper: Sleeper) -> None:
    (sleeper.root / "slow" / "Dockerfile").write_text("FROM scratch\nCOPY busybox /bin/busybox\n")
    for builds in (True, False):
        nowhere = ("--registry", "127.0.0.1:1/shop", "--no-preflight", "--retries", "0")
        with sleeper.ship(*nowhere) as process:
            assert process.stderr is not None
            said = process.stderr.read()
        assert process.returncode == 3, said
        assert "127.0.0.1:1 refused the connection" in said
        assert ("slow: build" in said) is builds


def test_an_atomic_group_that_is_none_is_wrong_usage(sleeper: Sleeper) -> None:
    with sleeper.ship("--atomic", "shop") as process:
        assert process.stderr is not None
        said = process.stderr.read()
    assert process.returncode == 2
    assert "no image is in the group 'shop'" in said
