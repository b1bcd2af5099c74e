"""Every kind of file that declares images, and its reader."""

from __future__ import annotations

from shipway.errors import ConfigError
from shipway.fleet.discover.bake import BakeReader
from shipway.fleet.discover.compose.reader import COMPOSE, COMPOSE_NAMED
from shipway.fleet.discover.dockerfiles import DOCKERFILES
from shipway.fleet.discover.reader import Reader
from shipway.fleet.discover.skaffold import SKAFFOLD
from shipway.values import Place

READERS: tuple[Reader, ...] = (BakeReader(), COMPOSE, COMPOSE_NAMED, SKAFFOLD, DOCKERFILES)


def reader_of(path: str, place: Place) -> Reader:
    """The reader of a file that somebody names. Raises ConfigError, at ``place``, when there is none."""
    for reader in READERS:
        if reader.accepts(path):
            return reader
    raise ConfigError(
        f"{path} is of no kind that declares images",
        place=place,
        cause="by its name it is no Compose, bake, Skaffold or workflow file, and no Dockerfile",
    )
