"""Contexts on their way: put into a repository of the registry that images are delivered to, and taken out.

A context is there as the one layer of an artifact without a tag, so that a registry does not collect it while
a worker needs it, and no automation takes it for an image. It is pushed once, however many builds read it;
what a ship has put there it takes away when it ends. One that died leaves it to the registry's collection.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from pathlib import Path

import msgspec

from shipway.assemble.layer import Entries, Layer, make_layer
from shipway.errors import Denied, NotFound, RegistryError, Unauthorized
from shipway.oci.manifest import OCI_EMPTY, OCI_MANIFEST, Descriptor, Manifest, ManifestBody
from shipway.ports import Registry
from shipway.values import Digest, Reference
from shipway.workers.parcel import Context

CONTEXTS = "shipway-contexts"
_ARTIFACT = "application/vnd.shipway.context.v1"
_EMPTY = b"{}"


def shelf_of(destination: Reference) -> Reference:
    """The repository of contexts beside the one of an image."""
    prefix = destination.repository.rpartition("/")[0]
    return Reference(destination.registry, f"{prefix}/{CONTEXTS}" if prefix else CONTEXTS)


class Shelf:
    """Where contexts wait for workers. ``repository`` is where they are put instead of beside the image,
    ``scratch`` a directory for what is too large to be held."""

    def __init__(self, registry: Registry, repository: Reference | None, scratch: Path) -> None:
        self._registry = registry
        self._repository = repository
        self._scratch = scratch
        self._locks: dict[Reference, asyncio.Lock] = {}
        self._known: set[Reference] = set()
        self._own: dict[Reference, Descriptor] = {}

    async def put(self, entries: Entries, destination: Reference) -> Context:
        """Have these files at hand for whoever builds for ``destination``.

        Raises HostError for a file that cannot be read, and what the registry refuses.
        """
        repository = self._repository or shelf_of(destination)
        self._scratch.mkdir(parents=True, exist_ok=True)
        layer = await asyncio.to_thread(make_layer, entries, "gzip", self._scratch)
        try:
            manifest = _artifact(layer.descriptor)
            at = repository.with_digest(manifest.digest)
            async with self._locks.setdefault(at, asyncio.Lock()):
                if at not in self._known:
                    await self._push(at, manifest, layer)
                    self._known.add(at)
        finally:
            layer.blob.close()
        return Context(at, layer.descriptor)

    async def _push(self, at: Reference, manifest: Manifest, layer: Layer) -> None:
        try:
            if await self._registry.head(at) is not None:
                return
            await self._registry.push_blob(at, layer.descriptor, _pieces(layer))
            await self._registry.put_blob(at, _EMPTY)
            await self._registry.put_manifest(at, manifest)
        except (Denied, NotFound, Unauthorized) as error:
            error.message = f"no build context can be put into {at.name}: {error.message}"
            error.help = f"{error.help or 'create that repository'}; or name another: --contexts REPOSITORY"
            raise
        self._own[at] = layer.descriptor

    def forget(self, context: Context) -> None:
        """Somebody has taken a context away: the next ``put`` looks again."""
        self._known.discard(context.held_by)

    async def finish(self) -> None:
        """Take away what was put here. Where a registry deletes nothing, it stays."""
        await asyncio.gather(*(self._remove(at, layer) for at, layer in self._own.items()))
        self._known.clear()
        self._own.clear()

    async def _remove(self, at: Reference, layer: Descriptor) -> None:
        with suppress(RegistryError):
            await self._registry.delete(at)
            await self._registry.delete_blob(at, layer.parsed_digest)


def _pieces(layer: Layer) -> Callable[[], AsyncIterator[bytes]]:
    async def pieces() -> AsyncIterator[bytes]:
        for piece in layer.blob.pieces():
            yield piece

    return pieces


def _artifact(layer: Descriptor) -> Manifest:
    """An artifact without a config of its own (OCI image specification 1.1, § Artifact Usage)."""
    body = ManifestBody(
        media_type=OCI_MANIFEST,
        artifact_type=_ARTIFACT,
        config=Descriptor(OCI_EMPTY, str(Digest.of(_EMPTY)), len(_EMPTY)),
        layers=(layer,),
    )
    return Manifest(OCI_MANIFEST, msgspec.json.encode(body))
