"""What this machine can do at most: the speed of sha256, and of bytes over loopback."""

from __future__ import annotations

import hashlib
import os
import platform
import socket
import threading
import time

_PIECE = 1 << 20
_PIECES = 512


def limits() -> str:
    """One line on the machine, one on its limits."""
    load = f"load before {os.getloadavg()[0]:.1f}"
    machine = f"{os.cpu_count()} cores, {platform.machine()}, Linux {platform.release()}, {load}"
    speed = f"sha256 {_hashing():.2f} GB/s on one core, loopback {_loopback():.2f} GB/s"
    return f"Machine: {machine}, Python {platform.python_version()}\nLimits: {speed}"


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
