"""Read-back: what the registry really holds, compared with what was meant."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from shipway.errors import Mismatch, NotFound
from shipway.oci.manifest import Descriptor, Manifest, read_config
from shipway.planning.inputs import FINGERPRINT_LABEL
from shipway.planning.stand_in import says_stand_in
from shipway.ports import Registry
from shipway.values import Platform, Reference

OTHER_IMAGE = "other-image"
"""The reason of a Mismatch that no further look will mend: the image is not what was asked for."""
INCOMPLETE = "incomplete"
"""The reason of a Mismatch where the registry says that it has no such layer."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What a read-back saw: the manifest, and over all platforms what their configs say that they were built
    from, the bytes of configs and layers, and the layers. ``stand_in`` tells that one of them says that it
    runs in place of a service without code."""

    manifest: Manifest
    platforms: tuple[Platform, ...]
    size: int
    fingerprints: frozenset[str] = frozenset()
    layers: tuple[Descriptor, ...] = ()
    stand_in: bool = False


async def read_back(
    registry: Registry, reference: Reference, wanted: tuple[Platform, ...], fingerprint: str
) -> Seen:
    """Read an image by digest, whole: manifest bytes, every config, the presence of every layer.

    ``wanted`` are the platforms it must have, no more and no fewer; ``fingerprint`` is what each of its
    configs must say it was built from. Raises Mismatch with what was seen, NotFound.
    """
    seen = await look(registry, reference)
    _require_fingerprint(reference, seen, fingerprint)
    if sorted(seen.platforms) != sorted(wanted):
        raise Mismatch(
            f"{reference} has the platforms {_names(seen.platforms)}",
            cause=f"{_names(wanted)} was asked for",
            help="look at the build log: the engine built something else",
            reason=OTHER_IMAGE,
        )
    return seen


async def look(registry: Registry, reference: Reference) -> Seen:
    """The same for an image of whatever platforms and origin: what it is, and that it is whole."""
    manifest = await registry.manifest(reference)
    if reference.digest is None or manifest.digest != reference.digest:
        raise Mismatch(f"{reference} was read back as {manifest.digest}")
    children = await _image_manifests(registry, reference, manifest)
    parts = await asyncio.gather(
        *(_read_image(registry, reference, child, claimed) for claimed, child in children)
    )
    layers = {layer.digest: layer for part in parts for layer in part.layers}
    return Seen(
        manifest,
        tuple(part.platform for part in parts),
        sum(part.size for part in parts),
        frozenset(part.fingerprint for part in parts),
        tuple(layers.values()),
        any(part.stand_in for part in parts),
    )


async def found_whole(
    registry: Registry, reference: Reference, wanted: tuple[Platform, ...], fingerprint: str
) -> Seen | None:
    """What ``read_back`` sees; None where there is no such image, or not all of it, or it is another one."""
    if await registry.head(reference) is None:
        return None
    try:
        return await read_back(registry, reference, wanted, fingerprint)
    except NotFound:
        return None
    except Mismatch as error:
        if error.reason not in (OTHER_IMAGE, INCOMPLETE):
            raise
        return None


async def _image_manifests(
    registry: Registry, reference: Reference, manifest: Manifest
) -> list[tuple[Platform | None, Manifest]]:
    if not manifest.is_index:
        return [(None, manifest)]
    images = [child for child in manifest.children if child.parsed_platform is not None]
    manifests = await asyncio.gather(
        *(registry.manifest(reference.with_digest(child.parsed_digest)) for child in images)
    )
    return [(child.parsed_platform, found) for child, found in zip(images, manifests, strict=True)]


@dataclass(frozen=True, slots=True)
class _Part:
    """One platform of an image; ``fingerprint`` is empty where its config tells none."""

    platform: Platform
    size: int
    fingerprint: str
    layers: tuple[Descriptor, ...]
    stand_in: bool


async def _read_image(
    registry: Registry, reference: Reference, manifest: Manifest, claimed: Platform | None
) -> _Part:
    config = manifest.body.config
    if config is None:
        raise Mismatch(f"{reference.name}@{manifest.digest} has no config", reason=OTHER_IMAGE)
    parsed = read_config(await registry.blob(reference, config))
    layers = manifest.body.layers or ()
    if len(layers) != len(parsed.rootfs.diff_ids):
        named = len(parsed.rootfs.diff_ids)
        raise Mismatch(
            f"{reference.name}@{manifest.digest} has {len(layers)} layers, its config names {named}",
            reason=OTHER_IMAGE,
        )
    if claimed is not None and claimed != parsed.platform:
        raise Mismatch(
            f"{reference}: the index says {claimed}, the image says {parsed.platform}", reason=OTHER_IMAGE
        )
    present = await asyncio.gather(*(registry.has_blob(reference, layer.parsed_digest) for layer in layers))
    missing = [layer for layer, there in zip(layers, present, strict=True) if not there]
    if missing:
        raise Mismatch(
            f"{reference.name} lacks the layer {missing[0].digest}",
            help="run the same command again",
            reason=INCOMPLETE,
        )
    labels = (parsed.config.Labels if parsed.config else None) or {}
    size = config.size + sum(layer.size for layer in layers)
    return _Part(parsed.platform, size, labels.get(FINGERPRINT_LABEL, ""), layers, says_stand_in(labels))


def _require_fingerprint(reference: Reference, seen: Seen, fingerprint: str) -> None:
    if others := seen.fingerprints - {fingerprint}:
        said = min(others) or "nothing"
        raise Mismatch(
            f"{reference} was built from other inputs: it says {said}, not {fingerprint}",
            cause="another build pushed to the same place meanwhile",
            help="run the same command again",
            reason=OTHER_IMAGE,
        )


def _names(platforms: tuple[Platform, ...]) -> str:
    return ", ".join(map(str, platforms)) or "none"
