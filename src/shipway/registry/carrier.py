"""Copies images between registries, image layouts and docker archives; one for all that belong together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Self

from shipway.errors import InvalidValue, NotFound
from shipway.oci.locator import Locator
from shipway.oci.manifest import Descriptor, Manifest, read_config
from shipway.oci.referrers import is_about_another
from shipway.oci.selection import select_platforms
from shipway.ports import Copied
from shipway.registry.client import RegistryClient
from shipway.registry.content import MAX_BLOB_BYTES
from shipway.registry.copying import Copier
from shipway.registry.filestores import ArchiveStore, ArchiveTarget, LayoutStore
from shipway.registry.shipment import Taken
from shipway.registry.stores import At, Rehearsal, Store, Target
from shipway.values import Platform, Reference

_Key = tuple[str, str]


class ImageCarrier:
    """Satisfies ``ports.Carrier``. With ``dry_run`` it looks at everything and writes nothing."""

    def __init__(self, client: RegistryClient, *, dry_run: bool = False) -> None:
        self._client = client
        self._dry_run = dry_run
        self._sources: dict[_Key, Store] = {}
        self._targets: dict[_Key, Target] = {}
        self._archives: list[ArchiveTarget] = []

    async def names(self, place: Locator) -> list[str]:
        """See ``ports.Carrier``."""
        return [name for name in await self._source(place).names() if not is_about_another(name)]

    async def copy(
        self,
        source: Locator,
        destination: Locator,
        platforms: Sequence[Platform],
        on_line: Callable[[str], None],
    ) -> Copied:
        """See ``ports.Carrier``."""

        def on_blob(descriptor: Descriptor, taken: Taken) -> None:
            on_line(f"{taken} {descriptor.parsed_digest.short} ({descriptor.size} bytes)")

        store = self._source(source)
        found = await store.manifest(await self._at(store, source))
        chosen = await _chosen(store, found, platforms, single=destination.kind == "docker-archive")
        copier = Copier(store, self._target(destination), on_blob=on_blob)
        there = await copier.image(chosen, destination.name)
        tally = copier.tally
        return Copied(
            digest=there.parsed_digest,
            source_digest=found.digest,
            manifests=tally.manifests,
            bytes=tally.bytes,
            referrers=tally.referrers,
            **tally.blobs,
        )

    async def finish(self) -> None:
        """See ``ports.Carrier``."""
        while self._archives:
            self._archives.pop().finish()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        """Leave no half-written archive behind; the client is left open."""
        while self._archives:
            self._archives.pop().abandon()

    def _source(self, locator: Locator) -> Store:
        key = (locator.kind, locator.place)
        if key not in self._sources:
            self._sources[key] = self._opened(locator)
        return self._sources[key]

    def _opened(self, locator: Locator) -> Store:
        if locator.kind == "oci":
            return LayoutStore(Path(locator.place))
        if locator.kind == "docker-archive":
            return ArchiveStore(Path(locator.place))
        return self._client.store(Reference.parse(locator.place))

    def _target(self, locator: Locator) -> Target:
        key = (locator.kind, locator.place)
        if key not in self._targets:
            target = self._created(locator)
            self._targets[key] = Rehearsal(target) if self._dry_run else target
        return self._targets[key]

    def _created(self, locator: Locator) -> Target:
        if locator.kind == "registry":
            return self._client.store(Reference.parse(locator.place))
        if locator.kind == "oci":
            layout = LayoutStore(Path(locator.place), may_lack=self._dry_run)
            if not self._dry_run:
                layout.create()
            return layout
        archive = ArchiveTarget(Path(locator.place))
        if not self._dry_run:
            self._archives.append(archive)
        return archive

    async def _at(self, store: Store, source: Locator) -> At:
        """What to look for: a digest, a name, ``latest``, or the one image of a file."""
        if source.digest is not None:
            return source.digest
        if source.name is not None:
            return source.name
        if not isinstance(store, LayoutStore | ArchiveStore):
            return "latest"
        names = await self.names(source)
        unnamed = {entry.digest: entry for entry in store.unnamed()}
        only: list[At] = [*names, *(entry.parsed_digest for entry in unnamed.values())]
        if len(only) != 1:
            raise InvalidValue(
                f"{store.name} holds {len(only)} images",
                cause=f"their names are {', '.join(names)}" if names else "none of them has a name",
                help=f"name one, {source}:NAME or {source}@DIGEST, or take all of them with --all-tags",
            )
        return only[0]


async def _chosen(store: Store, found: Manifest, platforms: Sequence[Platform], *, single: bool) -> Manifest:
    """The image, or an index with the chosen platforms; where ``single`` counts, the manifest of the one."""
    if not platforms:
        return found
    if found.is_index:
        index = select_platforms(found, platforms)
        images = [child for child in index.children if child.parsed_platform is not None]
        return await store.manifest(images[0].parsed_digest) if single and len(images) == 1 else index
    has = await _platform(store, found)
    if set(platforms) != {has}:
        raise NotFound(f"the image has the platform {has}, and no other", help="copy it without --platform")
    return found


async def _platform(store: Store, manifest: Manifest) -> Platform:
    config = manifest.body.config
    if config is None or config.size > MAX_BLOB_BYTES:
        raise NotFound(f"{store.name}: {manifest.digest} is no image, and has no platform")
    async with aclosing(store.stream(config)) as pieces:
        return read_config(b"".join([piece async for piece in pieces])).platform
