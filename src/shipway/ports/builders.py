"""Who builds one platform of an image, wherever that is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

from shipway.oci.manifest import Descriptor
from shipway.ports.engines import BuildRequest
from shipway.values import Platform, Reference


@dataclass(frozen=True, slots=True)
class Built:
    """One platform of an image that is built: its manifest, and by digest where it is. ``tool`` is what built
    it, with its version, such as ``buildah 1.28.2``. ``attestations`` are entries for an index, of
    manifests beside it that are about it."""

    descriptor: Descriptor
    at: Reference
    tool: str = ""
    attestations: tuple[Descriptor, ...] = ()


class Builder(Protocol):
    """Builds single platforms of images and leaves each one, by digest, in a registry.

    ``name`` is for people. ``bases_from`` tells where it takes the bases of the fleet from: the staging
    registry on this machine's loopback, or the repository that they were delivered to.
    """

    name: str
    bases_from: Literal["staging", "destination"]

    async def platforms(self) -> tuple[Platform, ...]:
        """What it builds, RUN included; its own platform first. Raises EngineMissing when it is of no use."""

    async def build(
        self,
        request: BuildRequest,
        staged: Reference,
        destination: Reference,
        on_line: Callable[[str], None],
    ) -> Built:
        """Build, and leave the manifest in one of two repositories: ``staged``, on loopback, or
        ``destination``, where the image is delivered to. It gets no tag there. A builder that takes its bases
        from the destination is given that twice, so that staging need not run.

        Raises BuildFailed with the cause, DiskFull, and what a registry refuses.
        """

    async def finish(self) -> None:
        """Nothing more will be built: give back what builds left behind. Never raises for want of order."""
