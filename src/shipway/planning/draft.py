"""What goes into an image before it is known which images its references stand for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from shipway.fleet.matching import parsed_reference
from shipway.fleet.model import NOTHING
from shipway.planning.inputs import Inputs, resolved
from shipway.values import Digest

UNREADABLE = "unreadable"
"""In place of the Dockerfile of an image that cannot be read."""


@dataclass(frozen=True, slots=True)
class Draft:
    """The inputs of an image without what its bases stand for.

    ``needs`` maps references to the images of the fleet that publish them, ``outside`` are the references of
    all other images, and ``tags`` those of them that name an image by a tag, which may move, and that can be
    pinned to a digest where they stand. ``uncovered`` is what the build takes from elsewhere and no
    fingerprint can tell: the URLs of ADD without a checksum. ``stand_in`` is true of an image that runs in
    place of a service without code.
    """

    dockerfile: str
    files: Mapping[str, str] = field(default_factory=lambda: NOTHING)
    settings: Mapping[str, str] = field(default_factory=lambda: NOTHING)
    needs: Mapping[str, str] = field(default_factory=lambda: NOTHING)
    outside: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    uncovered: tuple[str, ...] = ()
    stand_in: bool = False

    def inputs(self, fingerprints: Mapping[str, str], digests: Mapping[str, Digest]) -> Inputs:
        """The inputs, given the ``fingerprints`` of the images of the fleet and the ``digests`` that are
        known for ``tags``; a reference without one stands for itself."""
        bases = {text: resolved(text, digests[text]) if text in digests else text for text in self.outside}
        bases.update({text: fingerprints[image] for text, image in self.needs.items()})
        return Inputs(self.dockerfile, dict(self.files), dict(self.settings), bases)


def is_moving(reference: str) -> bool:
    """Whether ``reference`` names an image by its tag, not by its digest."""
    parsed = parsed_reference(reference)
    return parsed is not None and parsed.digest is None
