"""The registries that are measured against: Debian's docker-registry, or Shipway's own, as processes."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Literal, TypeAlias

from benchmarks.registry.processes import shipway
from shipway.testing.distribution import running_distribution

Kind: TypeAlias = Literal["docker-registry", "embedded"]
_VERSION = re.compile(r"\d+\.\d+\.\d+")
KINDS: tuple[Kind, ...] = ("docker-registry", "embedded")


def serving(kind: Kind, directory: Path) -> AbstractContextManager[str]:
    """Serve ``directory``, made if need be, until left; gives ``127.0.0.1:PORT``."""
    return running_distribution(directory) if kind == "docker-registry" else _embedded(directory)


def version(kind: Kind) -> str:
    """What is served with, as it calls itself."""
    program = "docker-registry" if kind == "docker-registry" else shipway()
    said = subprocess.run([program, "--version"], capture_output=True, text=True, check=False).stdout
    found = _VERSION.search(said)
    return f"{kind} {found.group()}" if found else kind


@contextmanager
def fresh(kind: Kind, directory: Path, like: Path | None = None) -> Iterator[str]:
    """Serve an empty ``directory``, or a copy of ``like``, and remove it afterwards."""
    shutil.rmtree(directory, ignore_errors=True)
    if like is not None:
        shutil.copytree(like, directory)
    try:
        with serving(kind, directory) as address:
            yield address
    finally:
        shutil.rmtree(directory, ignore_errors=True)


@contextmanager
def _embedded(directory: Path) -> Iterator[str]:
    directory.mkdir(parents=True, exist_ok=True)
    argv = [shipway(), "registry", "serve", "--listen", "127.0.0.1:0", "--data", str(directory)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as process:
        try:
            line = process.stdout.readline() if process.stdout else ""
            # registry ready on http://HOST:PORT, data in DIRECTORY
            yield line.partition("://")[2].partition(",")[0]
        finally:
            process.send_signal(signal.SIGTERM)
