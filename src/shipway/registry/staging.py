"""The embedded registry as staging area and default destination; it starts when it is first needed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

from shipway.planning.destination import EMBEDDED
from shipway.registry.server.embedded import EmbeddedRegistry
from shipway.values import Reference


class EmbeddedStaging:
    """The registry over ``directory`` on loopback."""

    def __init__(self, directory: Path) -> None:
        self._server = EmbeddedRegistry(directory)
        self._started = False

    @property
    def address(self) -> str:
        """``127.0.0.1:PORT``; starts the registry."""
        if not self._started:
            self._server.start()
            self._started = True
        return self._server.address

    def locate(self, destination: Reference) -> Reference:
        """See ``flows.yard.Staging``."""
        return replace(destination, registry=self.address)

    def real(self, reference: Reference) -> Reference:
        """See ``flows.yard.Staging``."""
        return self.locate(reference) if reference.registry == EMBEDDED else reference

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._started:
            self._server.stop()
