"""What this machine can do at most: the speed of sha256, and of bytes over loopback."""

from __future__ import annotations

import hashlib
import os
import platform
import socket
import threading
import time
from dataclasses import dataclass
from pathlib import Path

_PIECE = 1 << 20
_PIECES = 512


@dataclass(frozen=True, slots=True)
class Machine:
    """Where it was measured. ``hashing`` and ``loopback`` are GB/s; loads are averages over a minute."""

    cores: int
    processor: str
    system: str
    python: str
    load_before: float
    load_after: float
    hashing: float
    loopback: float


def look() -> Machine:
    """This machine, its limits measured now; the load afterwards is for later."""
    load = os.getloadavg()[0]
    return Machine(
        cores=os.cpu_count() or 1,
        processor=_processor(),
        system=f"{platform.system()} {platform.release().partition('-')[0]}",
        python=platform.python_version(),
        load_before=load,
        load_after=load,
        hashing=_hashing(),
        loopback=_loopback(),
    )


def filesystem(directory: Path) -> str:
    """The kind of file system that holds ``directory``: ``tmpfs`` is memory."""
    mounts = [line.split() for line in Path("/proc/mounts").read_text().splitlines()]
    holding = [mount for mount in mounts if directory.resolve().is_relative_to(mount[1])]
    return max(holding, key=lambda mount: len(mount[1]))[2]


def _processor() -> str:
    """The name of the processor where the kernel tells it."""
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        key, _, value = line.partition(":")
        if key.strip() == "model name":
            return value.strip()
    return platform.machine()


def _hashing() -> float:
    piece, digest = os.urandom(_PIECE), hashlib.sha256()
    start = time.perf_counter()
    for _ in range(_PIECES):
        digest.update(piece)
    return _PIECE * _PIECES / (time.perf_counter() - start) / 1e9


def _loopback() -> float:
    """From one thread to another, in pieces of 1 MiB."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        sender = threading.Thread(target=_send, args=(server.getsockname(),))
        start = time.perf_counter()
        sender.start()
        taken, _ = server.accept()
        buffer = bytearray(_PIECE)
        with taken:
            while taken.recv_into(buffer):
                pass
        sender.join()
        return _PIECE * _PIECES / (time.perf_counter() - start) / 1e9


def _send(address: tuple[str, int]) -> None:
    piece = os.urandom(_PIECE)
    with socket.create_connection(address) as connection:
        for _ in range(_PIECES):
            connection.sendall(piece)
