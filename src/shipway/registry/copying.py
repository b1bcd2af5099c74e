"""Images copied from one place to another: only what is missing moves, and never over the disk.

The walk is the same for registries, layouts and archives: parts first, then the manifest by digest, then
what refers to it, and its name last, so that whoever dies on the way leaves no name on half an image, and
whoever goes on finds what is there already.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass, field
from typing import TypeVar

from shipway.errors import Mismatch, NotFound
from shipway.oci.manifest import INDEX_TYPES, Descriptor, Manifest
from shipway.registry.shipment import Taken
from shipway.registry.stores import At, Store, Target
from shipway.values import Digest

OnBlob = Callable[[Descriptor, Taken], None]


def _unheard(_descriptor: Descriptor, _taken: Taken) -> None:
    """Nobody listens."""


@dataclass(slots=True)
class Tally:
    """What one copy did: blobs by what became of them, the bytes that moved, manifests put, and how many
    manifests came along because they refer to the image."""

    blobs: dict[Taken, int] = field(default_factory=lambda: {"there": 0, "mounted": 0, "moved": 0})
    bytes: int = 0
    manifests: int = 0
    referrers: int = 0


class Copier:
    """Copies one image. With ``whole`` what refers to it comes along, where the target keeps such things, and
    all of it is read back."""

    def __init__(
        self, source: Store, target: Target, *, whole: bool = True, on_blob: OnBlob = _unheard
    ) -> None:
        self._source = source
        self._target = target
        self._whole = whole
        self._takes_along = whole and target.keeps_referrers
        self._on_blob = on_blob
        self._attached: set[Digest] = set()
        self._manifests: set[Digest] = set()
        self._known: dict[Digest, tuple[list[Descriptor], list[str]]] = {}
        self.tally = Tally()

    async def image(self, manifest: Manifest, name: str | None) -> Descriptor:
        """Copy ``manifest`` with all it names to ``name``, or by digest alone; what is then there.

        Raises NotFound when the source lacks something, Mismatch when the read-back shows something else.
        """
        there = await self._target.head(name or manifest.digest)
        if manifest.is_index or not _is(there, manifest):
            try:
                await self._parts(manifest)
                there = await self._named(manifest, name, there)
            except BaseException:
                # what was seen there may have been collected since
                self._target.forget()
                raise
        elif self._takes_along:
            await self._about(manifest.digest)
        if there is None or not _is(there, manifest):
            raise self._other(name, manifest, there)
        return there

    async def _named(
        self, manifest: Manifest, name: str | None, there: Descriptor | None
    ) -> Descriptor | None:
        """Put a manifest whose parts are there, what is about it, and its name last."""
        if self._takes_along and any(await self._attachments(manifest.digest)):
            if await self._target.head(manifest.digest) is None:
                await self._put(manifest, None)
            await self._about(manifest.digest)
        if not _is(there, manifest):
            await self._put(manifest, name, root=True)
            if self._whole:
                await self._read_back(manifest, name or manifest.digest)
                return manifest.descriptor
            return await self._target.head(name or manifest.digest)
        return there

    # --- parts --------------------------------------------------------------------------------

    async def _parts(self, manifest: Manifest) -> None:
        """Everything that ``manifest`` names, not the manifest itself."""
        if manifest.is_index:
            await all_of(self._child(child) for child in manifest.children)
            return
        blobs = {blob.digest: blob for blob in manifest.blobs if not _is_foreign(blob)}
        await all_of(self._blob(blob) for blob in blobs.values())

    async def _blob(self, descriptor: Descriptor) -> None:
        taken = await self._target.take(self._source, descriptor)
        self.tally.blobs[taken] += 1
        self.tally.bytes += descriptor.size if taken == "moved" else 0
        self._on_blob(descriptor, taken)

    async def _child(self, child: Descriptor) -> None:
        digest = child.parsed_digest
        # a registry takes an image manifest only when it has its blobs; an index says nothing of the sort
        if child.media_type in INDEX_TYPES or await self._target.head(digest) is None:
            manifest = await self._source.manifest(digest)
            await self._parts(manifest)
            await self._put(manifest, None)
        if self._takes_along:
            await self._about(digest)

    async def _put(self, manifest: Manifest, name: str | None, *, root: bool = False) -> None:
        try:
            await self._target.put(manifest, name, root=root)
        except NotFound:
            # collected between the look and the put: what is missing is moved once more
            self._target.forget()
            await self._parts(manifest)
            await self._target.put(manifest, name, root=root)
        self._manifests.add(manifest.digest)
        self.tally.manifests = len(self._manifests)

    # --- what refers to it --------------------------------------------------------------------

    async def _attachments(self, digest: Digest) -> tuple[list[Descriptor], list[str]]:
        """What refers to a manifest at the source, and the tags beside it."""
        if digest not in self._known:
            self._known[digest] = (await self._source.referrers(digest), await self._source.about(digest))
        return self._known[digest]

    async def _about(self, digest: Digest) -> None:
        """Copy what refers to a manifest, and what refers to that."""
        if digest in self._attached:
            return
        self._attached.add(digest)
        referrers, beside = await self._attachments(digest)
        if referrers:
            listed = {entry.digest for entry in await self._target.referrers(digest)}
            await all_of(self._referrer(entry, listed) for entry in referrers)
        await all_of(self._beside(tag) for tag in beside)

    async def _referrer(self, entry: Descriptor, listed: set[str]) -> None:
        self.tally.referrers += 1
        digest = entry.parsed_digest
        # one that is there and not listed was put by someone who died before they listed it
        if entry.digest not in listed or await self._target.head(digest) is None:
            manifest = await self._source.manifest(digest)
            await self._parts(manifest)
            await self._put(manifest, None)
        await self._about(digest)

    async def _beside(self, tag: str) -> None:
        """Copy what cosign keeps at a tag of its own."""
        self.tally.referrers += 1
        manifest = await self._source.manifest(tag)
        if not _is(await self._target.head(tag), manifest):
            await self._parts(manifest)
            await self._put(manifest, tag, root=True)
        await self._about(manifest.digest)

    # --- proof --------------------------------------------------------------------------------

    async def _read_back(self, manifest: Manifest, at: At) -> None:
        """See that the target has the very bytes, and everything that they name."""
        found = await self._target.manifest(at)
        if found.data != manifest.data:
            raise self._other(str(at), manifest, found.descriptor)
        await self._complete(found)

    async def _complete(self, manifest: Manifest) -> None:
        if manifest.is_index:
            digests = [child.parsed_digest for child in manifest.children]
            children = await all_of(self._target.manifest(digest) for digest in digests)
            await all_of(self._complete(child) for child in children)
            return
        blobs = {blob.digest: blob for blob in manifest.blobs if not _is_foreign(blob)}.values()
        present = await all_of(self._target.has_blob(blob) for blob in blobs)
        for blob, there in zip(blobs, present, strict=True):
            if not there:
                raise Mismatch(
                    f"{self._target.name} took {manifest.digest} and lacks its blob {blob.digest}",
                    cause="the registry took a manifest without looking, or its garbage collection runs",
                    help="run the same command again",
                )

    def _other(self, name: str | None, manifest: Manifest, there: Descriptor | None) -> Mismatch:
        shows = there.digest if there else "nothing"
        return Mismatch(
            f"{self._target.name}: {name or 'an image'} was copied as {manifest.digest}, and shows {shows}",
            cause="someone else moved the tag meanwhile, or the registry changes manifests",
            help="look at it, then run the same command again",
        )


def _is(there: Descriptor | None, manifest: Manifest) -> bool:
    return there is not None and there.digest == str(manifest.digest)


def _is_foreign(blob: Descriptor) -> bool:
    """Layers that may not be redistributed live at their ``urls`` (image spec, layer.md)."""
    return bool(blob.urls) and ("nondistributable" in blob.media_type or "foreign" in blob.media_type)


_T = TypeVar("_T")


async def all_of(work: Iterable[Coroutine[object, object, _T]]) -> list[_T]:
    """Do all at once; the first failure stops the others and is raised as it is."""
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(item) for item in work]
    except BaseExceptionGroup as failed:
        raise failed.exceptions[0] from None
    return [task.result() for task in tasks]
