"""What images of the fleet hold, read from the layers of their last delivery."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable, Iterable
from typing import IO

from shipway.dockerfile.trace import StageTree
from shipway.errors import ShipwayError
from shipway.oci.layers import LayerFiles
from shipway.oci.manifest import Descriptor, Manifest
from shipway.ports import Delivery, Registry
from shipway.values import Platform, Reference

MAX_BYTES = 1 << 30
_IN_MEMORY = 8 << 20


async def published_trees(
    registry: Registry,
    deliveries: Iterable[Delivery],
    wanted: frozenset[tuple[str, Platform]],
    real: Callable[[Reference], Reference],
) -> dict[tuple[str, Platform], StageTree]:
    """The files of the images ``wanted`` as they were last delivered; ``real`` gives a reference an address.

    What was never delivered, cannot be read, or has more than 1 GiB of layers is left out: nothing is said
    of it then.
    """
    last = {delivery.image: delivery for delivery in deliveries}
    keys = sorted(key for key in wanted if key[0] in last)
    trees = await asyncio.gather(*(_tree(registry, last[name], platform, real) for name, platform in keys))
    return {key: tree for key, tree in zip(keys, trees, strict=True) if tree is not None}


async def _tree(
    registry: Registry, delivery: Delivery, platform: Platform, real: Callable[[Reference], Reference]
) -> StageTree | None:
    try:
        reference = real(Reference.parse(f"{Reference.parse(delivery.reference).name}@{delivery.digest}"))
        manifest = await _of_platform(registry, reference, platform)
        layers = manifest.body.layers or ()
        if sum(layer.size for layer in layers) > MAX_BYTES:
            return None
        files = LayerFiles()
        for layer in layers:
            with tempfile.SpooledTemporaryFile(_IN_MEMORY) as spool:
                await _download(registry, reference, layer, spool)
                await asyncio.to_thread(files.add, spool)
    except ShipwayError:
        return None
    return _as_tree(files)


async def _of_platform(registry: Registry, reference: Reference, platform: Platform) -> Manifest:
    manifest = await registry.manifest(reference)
    for child in manifest.children:
        if child.parsed_platform == platform:
            return await registry.manifest(reference.with_digest(child.parsed_digest))
    return manifest


async def _download(registry: Registry, reference: Reference, layer: Descriptor, spool: IO[bytes]) -> None:
    async for piece in registry.stream_blob(reference, layer):
        spool.write(piece)
    spool.seek(0)


def _as_tree(files: LayerFiles) -> StageTree:
    tree = StageTree()
    for path in sorted(files.entries):
        entry = files.entries[path]
        if entry.kind == "dir":
            tree.make_directory(path)
        else:
            tree.add(path, entry.kind, entry.target)
    return tree
