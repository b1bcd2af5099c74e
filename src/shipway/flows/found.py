"""Found again: an image that somebody else delivered from exactly these inputs, told by the registry.

Every image carries its fingerprint, and the digests of the images outside of the fleet that it was built on,
as labels; an index as annotations too. So a machine without a ledger needs a few requests to know what was
delivered. What a registry claims is trusted as far as the registry is: see docs/fingerprints.md.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from shipway.errors import Denied, InvalidValue, Mismatch, NotFound, Unauthorized, Unreachable
from shipway.flows.readback import read_back
from shipway.oci.manifest import Manifest, read_config
from shipway.planning.candidates import is_ordered, named, newest
from shipway.planning.inputs import BASES_LABEL, FINGERPRINT_LABEL, Inputs, decode_digests
from shipway.planning.tags import TagScheme
from shipway.ports import Delivery, Registry
from shipway.values import Digest, Platform, Reference

PATIENCE = 30.0
"""Seconds that looking for one image may take: building it is always an answer."""


@dataclass(frozen=True, slots=True)
class Sought:
    """What is looked for: the image, where it is delivered to (``real`` is its address on this machine), how
    it is tagged, and its inputs, given the digests of what it builds on from outside of the fleet.

    ``since`` is the tag of the last delivery that is known here, None where there is none.
    """

    image: str
    repository: Reference
    real: Reference
    scheme: TagScheme
    tag: str
    secondary: tuple[str, ...]
    since: str | None
    platforms: tuple[Platform, ...]
    inputs: Callable[[Mapping[str, Digest]], Inputs]


@dataclass(frozen=True, slots=True)
class Found:
    """A delivery that stands, with the inputs that it was made from. Its run is not set."""

    delivery: Delivery
    inputs: Inputs


async def find(registry: Registry, sought: Sought, now: datetime) -> Found | None:
    """The first delivery with these inputs among a few candidates, read back in full; None without one.

    A repository that does not exist, or that may not be read, has none. Raises RegistryError.
    """
    try:
        async with asyncio.timeout(PATIENCE):
            return await _Search(registry, sought, now).run()
    except (NotFound, Denied, Unauthorized):
        return None
    except TimeoutError:
        host = sought.repository.registry
        raise Unreachable(
            f"{host} did not tell within {PATIENCE:.0f} s what was delivered", cause=f"{host} is slow"
        ) from None


@dataclass(frozen=True, slots=True)
class _Search:
    registry: Registry
    sought: Sought
    now: datetime

    async def run(self) -> Found | None:
        sought = self.sought
        first = named(sought.scheme, sought.tag, sought.secondary)
        if (found := await self._among(first)) is not None or not is_ordered(sought.scheme):
            return found
        tags = await self.registry.tags(sought.real)
        candidates = newest(tags, sought.scheme, sought.tag, sought.since)
        return await self._among([tag for tag in candidates if tag not in first])

    async def _among(self, tags: Sequence[str]) -> Found | None:
        """The first of ``tags`` that stands: mostly the very first, so the others are asked together."""
        for some in (tags[:1], tags[1:]):
            claims = await asyncio.gather(*map(self._claim, some))
            for tag, claim in zip(some, claims, strict=True):
                if claim is not None and (found := await self._proven(tag, claim)) is not None:
                    return found
        return None

    async def _claim(self, tag: str) -> _Claim | None:
        """What the image at ``tag`` says that it was built from; None for no image, or one that is silent."""
        real = self.sought.real
        try:
            manifest = await self.registry.manifest(real.with_tag(tag))
            told: Mapping[str, str] = manifest.body.annotations or {}
            if FINGERPRINT_LABEL not in told:
                told = await self._labels(manifest)
            return _Claim(manifest.digest, told[FINGERPRINT_LABEL], told.get(BASES_LABEL, ""))
        except (NotFound, Mismatch, InvalidValue, KeyError):
            return None

    async def _labels(self, manifest: Manifest) -> Mapping[str, str]:
        """The labels of an image, of an index those of its first image."""
        children = [child for child in manifest.children if child.parsed_platform is not None]
        if children:
            manifest = await self.registry.manifest(self.sought.real.with_digest(children[0].parsed_digest))
        if manifest.body.config is None:
            return {}
        config = read_config(await self.registry.blob(self.sought.real, manifest.body.config))
        return (config.config.Labels if config.config else None) or {}

    async def _proven(self, tag: str, claim: _Claim) -> Found | None:
        """The delivery, if today's inputs on the bases of that day give this fingerprint and all is there."""
        sought = self.sought
        inputs = sought.inputs(decode_digests(claim.bases))
        if inputs.fingerprint != claim.fingerprint:
            return None
        try:
            at = sought.real.with_digest(claim.digest)
            seen = await read_back(self.registry, at, sought.platforms, inputs.fingerprint)
        except (Mismatch, NotFound):
            return None
        delivery = Delivery(
            image=sought.image,
            fingerprint=inputs.fingerprint,
            reference=str(sought.repository.with_tag(tag)),
            digest=str(claim.digest),
            platforms=tuple(map(str, seen.platforms)),
            size=seen.size,
            seconds=0.0,
            verified=self.now,
            run=0,
            tags=(tag,),
            stand_in=seen.stand_in,
        )
        return Found(delivery, inputs)


@dataclass(frozen=True, slots=True)
class _Claim:
    """What an image says of itself."""

    digest: Digest
    fingerprint: str
    bases: str
