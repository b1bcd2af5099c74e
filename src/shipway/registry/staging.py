"""The embedded registry as staging area and default destination; it starts when it is first needed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from shipway.planning.destination import EMBEDDED
from shipway.values import Reference

if TYPE_CHECKING:
    from shipway.registry.server.embedded import EmbeddedRegistry


class EmbeddedStaging:
    """The registry over ``directory`` on loopback."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._server: EmbeddedRegistry | None = None

    @property
    def address(self) -> str:
        """``127.0.0.1:PORT``; starts the registry."""
        if self._server is None:
            from shipway.registry.server.embedded import EmbeddedRegistry

            server = EmbeddedRegistry(self._directory)
            server.start()
            self._server = server
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
        if self._server is not None:
            self._server.stop()
