"""Gather what was attached to an image: among its referrers, and at the tags of older cosign."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from shipway.errors import InvalidValue, Mismatch, NotFound
from shipway.evidence.attachment import EVIDENCE_TYPES, Exhibit, exhibited
from shipway.oci.manifest import Descriptor, Manifest
from shipway.oci.referrers import cosign_tags
from shipway.ports import Referring
from shipway.values import Digest, Reference

# whoever may push can attach anything: more than anybody needs, and little enough to look through
_MOST = 256
_MOST_BYTES = 4 << 20
_AT_ONCE = 8


async def referred(registry: Referring, reference: Reference) -> list[Exhibit]:
    """The evidence among what refers to the digest of ``reference``. Raises RegistryError."""
    listed = await registry.referrers(reference)
    chosen = [each for each in listed if each.artifact_type in EVIDENCE_TYPES]
    if len(chosen) > _MOST:
        raise Mismatch(
            f"{len(chosen)} pieces of evidence refer to {reference}",
            cause="somebody who may push attached them",
            help="look at who may push there, and delete what is not yours",
        )
    slots = asyncio.Semaphore(_AT_ONCE)

    async def one(entry: Descriptor) -> list[Exhibit]:
        async with slots:
            return await _at(registry, reference, reference.with_digest(entry.parsed_digest))

    try:
        return _flat(await asyncio.gather(*map(one, chosen)))
    except InvalidValue as error:
        raise Mismatch(f"what refers to {reference} cannot be read: {error.message}") from None


async def tagged(registry: Referring, reference: Reference, digest: Digest) -> list[Exhibit]:
    """The evidence at the tags where cosign looked before version 3. Raises RegistryError."""
    tags = cosign_tags(digest)[:2]
    return _flat(await asyncio.gather(*(_at(registry, reference, reference.with_tag(tag)) for tag in tags)))


async def _at(registry: Referring, repository: Reference, at: Reference) -> list[Exhibit]:
    """What one manifest holds; nothing when it is gone."""
    try:
        manifest = await registry.manifest(at)
    except NotFound:
        return []
    try:
        layers = (manifest.body.layers or ())[:_MOST]
    except Mismatch as error:
        return [Exhibit(manifest.digest, trouble=error.message)]
    return _flat([await _in_layer(registry, repository, manifest, layer) for layer in layers])


async def _in_layer(
    registry: Referring, repository: Reference, manifest: Manifest, layer: Descriptor
) -> list[Exhibit]:
    if layer.size > _MOST_BYTES:
        return [Exhibit(manifest.digest, trouble=f"it has {layer.size} bytes")]
    try:
        found = exhibited(manifest.digest, layer, await registry.blob(repository, layer))
    except (NotFound, Mismatch, InvalidValue) as error:
        return [Exhibit(manifest.digest, trouble=error.message)]
    return [] if found is None else [found]


def _flat(lists: Iterable[list[Exhibit]]) -> list[Exhibit]:
    return [each for some in lists for each in some]
