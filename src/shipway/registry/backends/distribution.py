"""Deleting through the distribution API (distribution spec § Content Management)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from shipway.errors import Denied
from shipway.ports import Registry
from shipway.registry.backends.untag import Untagger, remove_if_there
from shipway.values import Digest, Reference

_NO_TAG_DELETE = frozenset({400, 405})


class DistributionDeleter:
    """Satisfies ``ports.Deleter`` for distribution, zot, Quay, the embedded registry and their like.

    Tags are deleted as tags where the registry can (distribution 3, zot), else by way of a placeholder
    (distribution 2.8 answers 400 DIGEST_INVALID, others 405).
    """

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._untagger = Untagger(registry, partial(remove_if_there, registry))
        self._by_digest: set[str] = set()

    async def untag(self, reference: Reference, digest: Digest) -> None:
        """See ``ports.Deleter``."""
        if reference.registry not in self._by_digest:
            try:
                await self._registry.delete(reference)
            except Denied as error:
                if error.status not in _NO_TAG_DELETE:
                    raise
                self._by_digest.add(reference.registry)
            else:
                return
        await self._untagger.untag(reference, digest)

    async def remove(self, reference: Reference, tags: Sequence[str]) -> None:  # noqa: ARG002
        """See ``ports.Deleter``; a registry takes the tags of a manifest along."""
        await self._registry.delete(reference)
