"""Where an image is delivered to."""

from __future__ import annotations

from shipway.fleet.implied import default_repository
from shipway.fleet.model import Image
from shipway.values import Reference

# Stands for the fleet's own embedded registry; wiring maps it to an address on loopback.
EMBEDDED = "shipway.local"
_HUB_LIBRARY = "docker.io/library/"


def destination(image: Image, registry: str | None = None) -> Reference:
    """The repository that ``image`` is pushed to.

    ``registry`` (host, or host and prefix) overrides what the files say. An image without a repository, or
    whose repository is one bare word (which Docker would read as its own official images), goes to the
    embedded registry.
    """
    if registry is not None:
        return Reference.parse(f"{registry}/{_short_name(image)}").without_version()
    if image.repository is None:
        return Reference.parse(default_repository(EMBEDDED, image.name))
    reference = Reference.parse(image.repository).without_version()
    if str(reference).startswith(_HUB_LIBRARY):
        return Reference(EMBEDDED, str(reference).removeprefix(_HUB_LIBRARY))
    return reference


def _short_name(image: Image) -> str:
    if image.repository is None:
        return Reference.parse(default_repository(EMBEDDED, image.name)).repository
    return Reference.parse(image.repository).repository.rpartition("/")[2]
