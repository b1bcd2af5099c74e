"""Uses of blobs and manifests written down, so that garbage collection leaves them alone."""

from __future__ import annotations

import asyncio

from shipway.registry.server.store import Store
from shipway.values import Digest


async def claimed(store: Store, repository: str, digest: Digest) -> None:
    """Claim what a request asks for by digest, in a thread: it may wait for a writer."""
    if store.is_stale(repository, digest):
        await asyncio.to_thread(store.claim, repository, digest)
