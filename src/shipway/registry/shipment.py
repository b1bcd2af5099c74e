"""Blobs made present in repositories: nothing, a mount, or a stream, each blob moved once."""

from __future__ import annotations

import asyncio
from typing import Literal

from shipway.oci.manifest import Descriptor
from shipway.registry.content import Content
from shipway.registry.transport import Body
from shipway.registry.upload import Mount, Uploader
from shipway.values import Reference

# sending so much costs no more than a look
_SMALL_BYTES = 64 << 10
Taken = Literal["there", "mounted", "moved"]


class Shipment:
    """Puts blobs into repositories, and remembers where it saw which, for all that are copied at once.

    At most ``transfers`` move at a time: each holds one connection for reading and one for writing, so with
    more than half of what a host is given, uploads could keep the downloads that feed them waiting for ever.
    """

    def __init__(self, content: Content, uploader: Uploader, transfers: int) -> None:
        self._content = content
        self._uploader = uploader
        self._transfers = asyncio.Semaphore(transfers)
        self._seen: dict[tuple[str, str], set[str]] = {}
        self._locks: dict[tuple[str, str], asyncio.Lock] = {}

    async def blob(
        self,
        destination: Reference,
        descriptor: Descriptor,
        body: Body,
        source: Reference | None = None,
        *,
        is_made: bool = False,
    ) -> Taken:
        """Make the blob present at ``destination``; ``source`` is the repository that ``body`` reads.

        One that ``is_made`` here is new as a rule: a small one is sent without a look whether it is there.
        """
        unseen = is_made and descriptor.size <= _SMALL_BYTES
        known = self._repositories(destination, descriptor)
        if not known:
            # a blob that several images share moves once; the others wait, then mount it side by side
            async with self._lock(destination.registry, descriptor):
                if not known:
                    return await self._taken(destination, descriptor, body, source, unseen=unseen)
        async with self._lock(destination.name, descriptor):
            if destination.repository in known:
                return "there"
            return await self._taken(destination, descriptor, body, source, unseen=unseen)

    async def _taken(
        self,
        destination: Reference,
        descriptor: Descriptor,
        body: Body,
        source: Reference | None,
        *,
        unseen: bool,
    ) -> Taken:
        known = self._repositories(destination, descriptor)
        # where it is elsewhere in the registry a mount tells as much as a look, in one request
        mount = await self._mounted(source, descriptor, destination) if known else None
        if mount is None or not (mount.done or mount.opened):
            if not unseen and await self._content.has_blob(destination, descriptor.parsed_digest, "push"):
                known.add(destination.repository)
                return "there"
            mount = mount or await self._mounted(source, descriptor, destination)
        if unseen and not (mount.done or mount.opened):
            mount = await self._uploader.at_once(destination, descriptor, body)
            if mount.done:
                known.add(destination.repository)
                return "moved"
        if not mount.done:
            async with self._transfers:
                await self._uploader.upload(destination, descriptor, body, mount.opened)
        known.add(destination.repository)
        return "mounted" if mount.done else "moved"

    def _lock(self, place: str, descriptor: Descriptor) -> asyncio.Lock:
        return self._locks.setdefault((place, descriptor.digest), asyncio.Lock())

    def forget(self, destination: Reference) -> None:
        """What was seen in this repository may have been collected since."""
        for (registry, _), repositories in self._seen.items():
            if registry == destination.registry:
                repositories.discard(destination.repository)

    async def _mounted(
        self, source: Reference | None, descriptor: Descriptor, destination: Reference
    ) -> Mount:
        """Try the repositories of the same registry that have the blob, two at most."""
        candidates = set(self._repositories(destination, descriptor))
        if source is not None and source.registry == destination.registry:
            candidates.add(source.repository)
        mount = Mount()
        for candidate in sorted(candidates - {destination.repository})[:2]:
            mount = await self._uploader.mount(destination, descriptor, candidate)
            if mount.done or mount.opened:
                break
        return mount

    def _repositories(self, destination: Reference, descriptor: Descriptor) -> set[str]:
        return self._seen.setdefault((destination.registry, descriptor.digest), set())
