"""A real registry for tests: the embedded one, on loopback, over a folder that goes away with it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from shipway.registry.server.embedded import EmbeddedRegistry, TlsFiles


@contextmanager
def running_registry(
    directory: Path | None = None, tls: TlsFiles | None = None, *, read_only: bool = False
) -> Iterator[EmbeddedRegistry]:
    """An empty registry, or the one that ``directory`` holds; ``.address`` is ``127.0.0.1:PORT``."""
    with (
        tempfile.TemporaryDirectory(prefix="shipway-registry-") as temporary,
        EmbeddedRegistry(directory or Path(temporary), tls=tls, read_only=read_only) as registry,
    ):
        yield registry
