"""Images copied between repositories: only what is missing moves, and never over the disk."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine, Iterable

from shipway.errors import Mismatch
from shipway.oci.manifest import INDEX_TYPES, Descriptor, Manifest
from shipway.registry.content import Content
from shipway.registry.upload import Mount, Upload, Uploader
from shipway.values import Reference

# each holds one connection for reading and one for writing, half of what a host is given: with all of
# them held by uploads within one registry, the downloads that feed them would wait for ever
_TRANSFERS = 4


class Copier:
    """Copies blobs and images, and remembers where it saw which blob."""

    def __init__(self, content: Content, uploader: Uploader) -> None:
        self._content = content
        self._uploader = uploader
        self._transfers = asyncio.Semaphore(_TRANSFERS)
        self._seen: dict[tuple[str, str], set[str]] = {}
        self._locks: dict[tuple[str, str], asyncio.Lock] = {}

    async def blob(self, source: Reference, descriptor: Descriptor, destination: Reference) -> bool:
        """Make the blob present at ``destination``. True when bytes moved."""
        # a blob that several images share moves once; the others wait, then mount it
        async with self._locks.setdefault((destination.registry, descriptor.digest), asyncio.Lock()):
            if await self._is_there(destination, descriptor):
                return False
            mount = await self._mounted(source, descriptor, destination)
            if not mount.done:
                await self._stream(source, descriptor, destination, mount.opened)
            self._remember(destination, descriptor)
            return not mount.done

    async def image(self, source: Reference, destination: Reference) -> Descriptor:
        """Copy a manifest or an index with its children and blobs; what ``destination`` then holds.

        Raises NotFound when the source lacks something, Mismatch when the read-back shows something else.
        """
        manifest = await self._content.manifest(source)
        target = destination if destination.tag else destination.with_digest(manifest.digest)
        there = await self._content.head(target)
        if manifest.is_index or not _is(there, manifest):
            try:
                await self._parts(source, destination, manifest)
                if not _is(there, manifest):
                    await self._content.put_manifest(target, manifest)
            except BaseException:
                # what was seen there may have been collected since
                self._forget(destination)
                raise
            there = await self._content.head(target)
        if there is None or not _is(there, manifest):
            raise Mismatch(
                f"{target} was copied as {manifest.digest}, and shows {there.digest if there else 'nothing'}",
                cause="someone else moved the tag meanwhile, or the registry changes manifests",
                help=f"look at it: skopeo inspect --raw docker://{target}",
            )
        return there

    async def _parts(self, source: Reference, destination: Reference, manifest: Manifest) -> None:
        """Everything that ``manifest`` names, not the manifest itself."""
        if manifest.is_index:
            await all_of(self._child(source, destination, child) for child in manifest.children)
            return
        blobs = {blob.digest: blob for blob in manifest.blobs if not _is_foreign(blob)}
        await all_of(self.blob(source, blob, destination) for blob in blobs.values())

    async def _child(self, source: Reference, destination: Reference, child: Descriptor) -> None:
        target = destination.with_digest(child.parsed_digest)
        # a registry takes an image manifest only when it has its blobs; an index says nothing of the sort
        if child.media_type not in INDEX_TYPES and await self._content.head(target) is not None:
            return
        manifest = await self._content.manifest(source.with_digest(child.parsed_digest))
        await self._parts(source, destination, manifest)
        await self._content.put_manifest(target, manifest)

    async def _is_there(self, destination: Reference, descriptor: Descriptor) -> bool:
        if destination.repository in self._repositories(destination, descriptor):
            return True
        there = await self._content.has_blob(destination, descriptor.parsed_digest, "push")
        if there:
            self._remember(destination, descriptor)
        return there

    async def _mounted(self, source: Reference, descriptor: Descriptor, destination: Reference) -> Mount:
        """Try the repositories of the same registry that have the blob, two at most."""
        candidates = set(self._repositories(destination, descriptor))
        if source.registry == destination.registry:
            candidates.add(source.repository)
        mount = Mount()
        for candidate in sorted(candidates - {destination.repository})[:2]:
            mount = await self._uploader.mount(destination, descriptor, candidate)
            if mount.done or mount.opened:
                break
        return mount

    async def _stream(
        self, source: Reference, descriptor: Descriptor, destination: Reference, opened: Upload | None
    ) -> None:
        def body() -> AsyncIterator[bytes]:
            return self._content.stream_blob(source, descriptor)

        async with self._transfers:
            await self._uploader.upload(destination, descriptor, body, opened)

    def _repositories(self, destination: Reference, descriptor: Descriptor) -> set[str]:
        return self._seen.setdefault((destination.registry, descriptor.digest), set())

    def _remember(self, destination: Reference, descriptor: Descriptor) -> None:
        self._repositories(destination, descriptor).add(destination.repository)

    def _forget(self, destination: Reference) -> None:
        for (registry, _), repositories in self._seen.items():
            if registry == destination.registry:
                repositories.discard(destination.repository)


def _is(there: Descriptor | None, manifest: Manifest) -> bool:
    return there is not None and there.digest == str(manifest.digest)


def _is_foreign(blob: Descriptor) -> bool:
    """Layers that may not be redistributed live at their ``urls`` (image spec, layer.md)."""
    return bool(blob.urls) and ("nondistributable" in blob.media_type or "foreign" in blob.media_type)


async def all_of(work: Iterable[Coroutine[object, object, object]]) -> None:
    """Do all at once; the first failure stops the others and is raised as it is."""
    try:
        async with asyncio.TaskGroup() as group:
            for item in work:
                group.create_task(item)
    except BaseExceptionGroup as failed:
        raise failed.exceptions[0] from None
