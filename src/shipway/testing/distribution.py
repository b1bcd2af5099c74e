"""The reference implementation of a registry for tests: the ``docker-registry`` program of Debian."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from shipway.errors import HostError
from shipway.registry.server.embedded import TlsFiles

_START_SECONDS = 20.0


@contextmanager
def running_distribution(
    directory: Path, *, tls: TlsFiles | None = None, htpasswd: str | None = None, read_only: bool = False
) -> Iterator[str]:
    """Serve ``directory`` (made if need be) on a free port of loopback; gives ``127.0.0.1:PORT``.

    Deletes are on. ``htpasswd`` is the text of a password file with bcrypt hashes, ``read_only`` the
    maintenance mode. Raises HostError when the program is missing or does not come up.
    """
    program = shutil.which("docker-registry")
    if program is None:
        raise HostError("docker-registry is not installed", help="apt-get install docker-registry")
    address = f"127.0.0.1:{_free_port()}"
    directory.mkdir(parents=True, exist_ok=True)
    settings: dict[str, Any] = {
        "version": 0.1,
        "log": {"level": "error", "accesslog": {"disabled": True}},
        "storage": {"filesystem": {"rootdirectory": str(directory / "data")}, "delete": {"enabled": True}},
        "http": {"addr": address},
    }
    if tls is not None:
        settings["http"]["tls"] = {"certificate": str(tls.certificate), "key": str(tls.key)}
    if htpasswd is not None:
        accounts = directory / "htpasswd"
        accounts.write_text(htpasswd)
        settings["auth"] = {"htpasswd": {"realm": "registry", "path": str(accounts)}}
    if read_only:
        settings["storage"]["maintenance"] = {"readonly": {"enabled": True}}
    file = directory / "config.yml"
    file.write_bytes(msgspec.json.encode(settings))
    with subprocess.Popen(
        [program, "serve", str(file)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        try:
            _await(address)
            yield address
        finally:
            process.kill()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def _await(address: str) -> None:
    host, _, port = address.rpartition(":")
    deadline = time.monotonic() + _START_SECONDS
    while True:
        try:
            socket.create_connection((host, int(port)), 1).close()
        except OSError:
            if time.monotonic() > deadline:
                raise HostError(f"docker-registry does not listen on {address}") from None
            time.sleep(0.02)
        else:
            return
