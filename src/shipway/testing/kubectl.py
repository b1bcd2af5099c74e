"""A kubectl for tests: it forwards to ports of this machine, and dies on demand."""

from __future__ import annotations

import json
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path

_PROGRAM = """\
#!{python}
import json, os, re, socket, sys, threading
from pathlib import Path

home = Path({home!r})
with (home / "started").open("a") as file:
    file.write(json.dumps([os.getpid(), sys.argv[1:]]) + "\\n")
services = json.loads((home / "services.json").read_text())
namespace = sys.argv[sys.argv.index("--namespace") + 1]
target, _, port = sys.argv[-2].partition("/")[2], *sys.argv[-1].split(":")
address = services.get(f"{{namespace}}/{{target}}:{{port}}")
if address is None:
    print(f'Error from server (NotFound): services "{{target}}" not found', file=sys.stderr)
    sys.exit(1)
host, _, real = address.rpartition(":")
listening = socket.create_server(("127.0.0.1", 0))
print(f"Forwarding from 127.0.0.1:{{listening.getsockname()[1]}} -> {{port}}", flush=True)
print(f"Forwarding from [::1]:{{listening.getsockname()[1]}} -> {{port}}", flush=True)

def carry(source, target):
    try:
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        pass

while True:
    client, _ = listening.accept()
    print(f"Handling connection for {{listening.getsockname()[1]}}", flush=True)
    server = socket.create_connection((host, int(real)))
    for pair in ((client, server), (server, client)):
        threading.Thread(target=carry, args=pair, daemon=True).start()
"""


class FakeKubectl:
    """A program ``kubectl`` in ``directory``, to be put on PATH, that knows of ``port-forward`` alone.

    ``serve`` tells which service leads to which address of this machine; for any other one it says that there
    is none, and ends. ``started`` are the argument lists it was started with, ``die`` kills what still runs,
    with all connections through it.
    """

    def __init__(self, directory: Path) -> None:
        self._home = directory
        directory.mkdir(parents=True, exist_ok=True)
        self._services: dict[str, str] = {}
        self._write()
        program = directory / "kubectl"
        program.write_text(_PROGRAM.format(python=sys.executable, home=str(directory)))
        program.chmod(0o755)

    def serve(self, namespace: str, service: str, port: int, address: str) -> None:
        """Let ``port`` of a service lead to ``address`` (host:port)."""
        self._services[f"{namespace}/{service}:{port}"] = address
        self._write()

    def withdraw(self) -> None:
        """Let there be no service any more; forwards that stand go on."""
        self._services.clear()
        self._write()

    @property
    def started(self) -> list[list[str]]:
        """The arguments of every start, the first one first."""
        return [arguments for _, arguments in self._starts()]

    def die(self) -> int:
        """Kill every forward that runs, and tell how many there were."""
        running = [pid for pid, _ in self._starts() if self._runs(pid)]
        for pid in running:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return len(running)

    @property
    def running(self) -> int:
        """How many forwards run."""
        return sum(self._runs(pid) for pid, _ in self._starts())

    def _runs(self, pid: int) -> bool:
        """Whether ``pid`` is one of ours: numbers are used again. A zombie has no command line."""
        try:
            return os.fsencode(self._home / "kubectl") in Path(f"/proc/{pid}/cmdline").read_bytes()
        except OSError:
            return False

    def _starts(self) -> list[tuple[int, list[str]]]:
        file = self._home / "started"
        return [tuple(json.loads(line)) for line in file.read_text().splitlines()] if file.exists() else []

    def _write(self) -> None:
        (self._home / "services.json").write_text(json.dumps(self._services))
