"""Policies for a whole fleet, each proven for the tags of its image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from shipway.errors import NotMet, UsageError
from shipway.fleet.model import Fleet, Image
from shipway.fleet.settings.image import DEFAULT_TAG
from shipway.gitops.policy import TagPolicy
from shipway.gitops.suggest import suggest
from shipway.planning.destination import EMBEDDED, destination
from shipway.planning.tags import TagScheme
from shipway.values import Reference


@dataclass(frozen=True, slots=True)
class Generated:
    """The policy of one image. ``name`` is fit for an object of Kubernetes."""

    name: str
    repository: Reference
    policy: TagPolicy


def generate(fleet: Fleet, names: Sequence[str], scheme: str | None, branch: str) -> tuple[Generated, ...]:
    """A proven policy for each image of ``names``, or of the fleet.

    Raises UsageError for an unknown image or one without a registry, NotMet where no policy can be right.
    """
    images = {image.name: image for image in fleet.images}
    if unknown := [name for name in names if name not in images]:
        raise UsageError(f"there is no image {unknown[0]!r}", help=f"images: {', '.join(sorted(images))}")
    wanted = [images[name] for name in names] if names else list(fleet.images)
    return tuple(_generated(image, scheme, branch) for image in wanted)


def _generated(image: Image, scheme: str | None, branch: str) -> Generated:
    repository = destination(image, None)
    if repository.registry == EMBEDDED:
        raise UsageError(
            f"{image.name} has no registry that a cluster could read",
            help="set registry: in shipway.yaml, such as ghcr.io/acme/shop",
        )
    parsed = TagScheme.parse(scheme or image.tag or DEFAULT_TAG)
    found = suggest(parsed, branch)
    if found.scheme != parsed:
        raise NotMet(
            f"no policy can be right for the tags {parsed.text} of {image.name}",
            cause="nothing in them tells which delivery is newer",
            help=f'set tag: "{found.scheme.text}" in shipway.yaml, then run the same command again',
        )
    return Generated(image.name.replace("_", "-").lower(), repository, found.policy)
