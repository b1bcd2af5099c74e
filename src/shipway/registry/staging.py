"""The embedded registry as staging area and default destination; it starts when it is first needed."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from shipway.errors import ShipwayError
from shipway.planning.destination import EMBEDDED
from shipway.values import Reference

if TYPE_CHECKING:
    from shipway.registry.server.embedded import EmbeddedRegistry

_LOG = logging.getLogger(__name__)
_DAY_SECONDS = 24 * 3600.0
_GRACE_SECONDS = 14 * _DAY_SECONDS


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

    def tidy(self) -> None:
        """Remove what no tag needs and nobody used for two weeks, once a day at most.

        Two weeks keep caches and bases warm from release to release. A run that succeeded does not fail
        for want of order: what goes wrong is logged, and the next one tries again.
        """
        if self._server is None:
            return
        try:
            self._server.collect(_GRACE_SECONDS, every=_DAY_SECONDS)
        except ShipwayError as error:
            _LOG.warning("staging was not tidied: %s", error)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._server is not None:
            self._server.stop()
