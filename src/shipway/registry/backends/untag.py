"""Taking a tag off a manifest that stays, where a registry deletes by digest only."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from contextlib import suppress

from shipway.errors import NotFound
from shipway.planning.retention.placeholder import CONTENT, placeholder
from shipway.ports import Registry
from shipway.values import Digest, Reference


class Untagger:
    """Moves a tag to a manifest of its own and deletes that one.

    A registry that does not delete would keep the tag on the placeholder, so deleting is tried out on a
    placeholder without a tag first, once a repository.
    """

    def __init__(self, registry: Registry, remove: Callable[[Reference], Awaitable[None]]) -> None:
        self._registry = registry
        self._remove = remove
        self._proved: set[str] = set()

    async def untag(self, reference: Reference, digest: Digest) -> None:
        """Raises what the registry answers to a delete that it does not do; the tag then stays as it was."""
        if reference.name not in self._proved:
            await self._registry.put_blob(reference, CONTENT)
            await self._remove(await self._put(reference.without_version(), "trial"))
            self._proved.add(reference.name)
        before = await self._registry.manifest(reference.with_digest(digest))
        moved = await self._put(reference, reference.tag or "")
        try:
            await self._remove(moved)
        except BaseException:
            await self._registry.put_manifest(reference, before)
            raise

    async def _put(self, reference: Reference, tag: str) -> Reference:
        made = placeholder(tag, secrets.token_hex(16))
        await self._registry.put_manifest(reference, made)
        return reference.with_digest(made.digest)


async def remove_if_there(registry: Registry, reference: Reference) -> None:
    """Delete by digest; one that is gone is deleted."""
    with suppress(NotFound):
        await registry.delete(reference)
