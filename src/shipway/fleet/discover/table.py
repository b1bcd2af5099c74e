"""Every kind of file that declares images, and its reader."""

from __future__ import annotations

from shipway.errors import ConfigError
from shipway.fleet.discover.bake import BAKE
from shipway.fleet.discover.compose.reader import COMPOSE, COMPOSE_NAMED
from shipway.fleet.discover.dockerfiles import DOCKERFILES
from shipway.fleet.discover.reader import Reader
from shipway.fleet.discover.skaffold import SKAFFOLD
from shipway.fleet.discover.workflows import WorkflowReader
from shipway.place import Place

# Bare Dockerfiles come last: only those that no other file builds are read.
READERS: tuple[Reader, ...] = (BAKE, COMPOSE, COMPOSE_NAMED, SKAFFOLD, WorkflowReader(), DOCKERFILES)


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
