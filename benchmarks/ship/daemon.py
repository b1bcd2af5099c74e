"""A docker daemon of the benchmark's own: data, socket and bridge apart from everybody else's."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_BRIDGE = "shipway-bench"
_ADDRESS = "10.213.47.1/24"
_PATIENCE = 60.0
_ALONE = {
    "live-restore": False,
    "iptables": False,
    "ip6tables": False,
    "ip-forward": False,
    "ip-masq": False,
    "userland-proxy": False,
}


class NoDaemon(Exception):
    """No daemon can be had here; the message says why."""


@contextmanager
def daemon(home: Path) -> Iterator[str]:
    """Run dockerd until left, everything of it in ``home``; gives the address of its socket.

    Its network is a bridge of its own without rules in the firewall, so that it meets no other daemon
    there. RUN steps can start, and reach nothing. Raises NoDaemon.
    """
    for program in ("dockerd", "docker", "ip"):
        if shutil.which(program) is None:
            raise NoDaemon(f"{program} is not installed")
    if os.geteuid() != 0:
        raise NoDaemon("a daemon of its own needs root")
    home.mkdir(parents=True)
    with _bridge():
        yield from _running(home)


@contextmanager
def _bridge() -> Iterator[None]:
    """The bridge, made and removed."""
    if Path("/sys/class/net", _BRIDGE).exists():
        raise NoDaemon(f"another run has the bridge {_BRIDGE}; if it was killed: ip link delete {_BRIDGE}")
    _ip("link", "add", _BRIDGE, "type", "bridge")
    try:
        _ip("address", "add", _ADDRESS, "dev", _BRIDGE)
        _ip("link", "set", _BRIDGE, "up")
        yield
    finally:
        _ip("link", "delete", _BRIDGE)


def _ip(*words: str) -> None:
    done = subprocess.run(["ip", *words], capture_output=True, text=True, check=False)
    if done.returncode:
        raise NoDaemon(f"ip {' '.join(words)}: {done.stderr.strip()}")


def _running(home: Path) -> Iterator[str]:
    socket = f"unix://{home}/docker.sock"
    flags = [f"--{name}={str(value).lower()}" for name, value in _ALONE.items()]
    argv = [
        "dockerd", "--host", socket, "--bridge", _BRIDGE, "--pidfile", f"{home}/pid",
        "--data-root", f"{home}/data", "--exec-root", f"{home}/exec", "--config-file", f"{home}/none", *flags,
    ]  # fmt: skip
    (home / "none").write_text("{}\n")
    with (home / "log").open("w") as log:
        process = subprocess.Popen(argv, stdout=log, stderr=log)
        try:
            _await(socket, process, home / "log")
            yield socket
        finally:
            process.terminate()
            process.wait()


def _await(socket: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _PATIENCE
    while subprocess.run(["docker", "-H", socket, "info"], capture_output=True, check=False).returncode:
        if process.poll() is not None or time.monotonic() > deadline:
            said = log.read_text(errors="replace").strip().splitlines()
            raise NoDaemon(f"dockerd does not come up: {said[-1] if said else 'it says nothing'}")
        time.sleep(0.1)
