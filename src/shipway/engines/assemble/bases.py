"""Base images: their configuration, and where it is needed what their layers hold.

A layer is read for the list of its files alone, once on this machine; the list is kept by its digest.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from shipway.assemble.base import BaseImage, read_base
from shipway.assemble.listing import LayerReader, pack, unpack
from shipway.assemble.nodes import Node
from shipway.assemble.root import Root
from shipway.errors import CannotAssemble, HostError, InvalidValue
from shipway.oci.compression import decompressed
from shipway.oci.files import reported, write_durably
from shipway.oci.manifest import Descriptor, Manifest
from shipway.ports import Registry
from shipway.values import Platform, Reference

_MOST_ROOTS = 32


class Bases:
    """Reads each base once, however many images build on it. ``cache`` keeps the lists of layers."""

    def __init__(self, registry: Registry, cache: Path) -> None:
        self._registry = registry
        self._cache = cache
        self._images: dict[tuple[str, Platform], asyncio.Task[BaseImage]] = {}
        self._roots: OrderedDict[tuple[str, ...], asyncio.Task[Root]] = OrderedDict()

    async def load(self, text: str, platform: Platform, *, files: bool) -> BaseImage:
        """The image called ``text``, with its files where they are wanted or its triggers may want them.

        Raises CannotAssemble for what only an engine understands, and what the registry refuses.
        """
        key = (text, platform)
        if key not in self._images:
            self._images[key] = asyncio.ensure_future(self._read(text, platform))
        base = await asyncio.shield(self._images[key])
        if not files and not base.config.get("OnBuild"):
            return base
        return replace(base, root=(await self._root(base)))

    async def _read(self, text: str, platform: Platform) -> BaseImage:
        try:
            reference = Reference.parse(text)
        except InvalidValue:
            raise CannotAssemble(f"the base {text} is in no registry") from None
        if reference.tag is None and reference.digest is None:
            reference = reference.with_tag("latest")
        manifest = await self._manifest(reference, platform)
        if manifest.body.config is None:
            raise CannotAssemble(f"{text} is no image")
        return read_base(reference, manifest, await self._registry.blob(reference, manifest.body.config))

    async def _manifest(self, reference: Reference, platform: Platform) -> Manifest:
        manifest = await self._registry.manifest(reference)
        if not manifest.is_index:
            return manifest
        child = next((each for each in manifest.children if each.parsed_platform == platform), None)
        if child is None:
            raise CannotAssemble(f"{reference} is not there for {platform} by that name")
        return await self._registry.manifest(reference.with_digest(child.parsed_digest))

    # --- files --------------------------------------------------------------------------------

    async def _root(self, base: BaseImage) -> Root:
        key = tuple(layer.digest for layer in base.layers)
        if key not in self._roots:
            self._roots[key] = asyncio.ensure_future(self._stacked(base.at, base.layers))
            while len(self._roots) > _MOST_ROOTS:
                self._roots.popitem(last=False)
        self._roots.move_to_end(key)
        return await asyncio.shield(self._roots[key])

    async def _stacked(self, repository: Reference, layers: Sequence[Descriptor]) -> Root:
        listed = await asyncio.gather(*(self._list(repository, layer) for layer in layers))
        return await asyncio.to_thread(_stack, listed)

    async def _list(self, repository: Reference, layer: Descriptor) -> list[tuple[str, Node]]:
        kept = self._cache / layer.digest.replace(":", "-")
        known = await asyncio.to_thread(_read_list, kept)
        if known is not None:
            return known
        reader = LayerReader()
        async for piece in decompressed(self._registry.stream_blob(repository, layer)):
            await asyncio.to_thread(reader.feed, piece)
        await asyncio.to_thread(_keep_list, kept, reader.entries)
        return reader.entries


def _stack(layers: Sequence[list[tuple[str, Node]]]) -> Root:
    root = Root()
    for layer in layers:
        root.apply(layer)
    return root


def _read_list(path: Path) -> list[tuple[str, Node]] | None:
    try:
        return unpack(path.read_bytes())
    except OSError:
        return None


def _keep_list(path: Path, entries: list[tuple[str, Node]]) -> None:
    """Keep a list for the next run; without space it is read again."""
    try:
        with reported(f"make {path.parent}"):
            path.parent.mkdir(parents=True, exist_ok=True)
        write_durably(path, pack(entries))
    except HostError:
        return
