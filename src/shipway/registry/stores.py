"""Places of images, all alike to whoever copies: repositories of registries here, files in ``filestores``."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Protocol

from shipway.errors import NotFound, RegistryError
from shipway.oci.manifest import Descriptor, Manifest
from shipway.oci.referrers import cosign_tags, fallback_tag
from shipway.registry.content import Content
from shipway.registry.referrers import Referrers
from shipway.registry.shipment import Shipment, Taken
from shipway.values import Digest, Reference

At = str | Digest
"""What an image is looked up by: its name (a tag), or its digest."""


class Store(Protocol):
    """What holds manifests and blobs, to be read from."""

    @property
    def name(self) -> str:
        """For people."""

    async def head(self, at: At) -> Descriptor | None:
        """What is at a name or digest; None for nothing."""

    async def manifest(self, at: At) -> Manifest:
        """The same with its bytes, checked. Raises NotFound."""

    async def names(self) -> list[str]:
        """Every name, sorted."""

    async def referrers(self, digest: Digest) -> list[Descriptor]:
        """What refers to a manifest."""

    async def about(self, digest: Digest) -> list[str]:
        """The names under which cosign keeps what is about a manifest."""

    async def has_blob(self, descriptor: Descriptor) -> bool: ...

    def stream(self, descriptor: Descriptor) -> AsyncGenerator[bytes, None]:
        """A blob in pieces, the last of which comes only when size and digest are right."""


class Target(Store, Protocol):
    """What images can be put into as well. ``keeps_referrers`` tells whether what refers to them can be."""

    @property
    def keeps_referrers(self) -> bool: ...

    async def take(self, source: Store, descriptor: Descriptor) -> Taken:
        """Make a blob of ``source`` present here."""

    async def put(self, manifest: Manifest, name: str | None, *, root: bool = False) -> None:
        """Put a manifest whose parts are here, by digest, or under a name. ``root``: it is what was asked
        for, not a part of something."""

    def forget(self) -> None:
        """Look again for what was seen here: something was taken away."""


@dataclass(frozen=True, slots=True)
class Repositories:
    """What the repositories of one client share."""

    content: Content
    referrers: Referrers
    shipment: Shipment
    tags: Callable[[Reference], Awaitable[list[str]]]


class RepositoryStore:
    """One repository of a registry; satisfies ``Target``."""

    keeps_referrers = True

    def __init__(self, shared: Repositories, repository: Reference) -> None:
        self._shared = shared
        self.repository = repository.without_version()
        self._names: frozenset[str] | None = None
        self._asked = False

    @property
    def name(self) -> str:
        return self.repository.name

    def _at(self, at: At) -> Reference:
        return self.repository.with_tag(at) if isinstance(at, str) else self.repository.with_digest(at)

    async def head(self, at: At) -> Descriptor | None:
        return await self._shared.content.head(self._at(at))

    async def manifest(self, at: At) -> Manifest:
        return await self._shared.content.manifest(self._at(at))

    async def names(self) -> list[str]:
        return await self._shared.tags(self.repository)

    async def referrers(self, digest: Digest) -> list[Descriptor]:
        known = await self._known_names()
        reference = self.repository.with_digest(digest)
        if known is not None and fallback_tag(digest) not in known:
            return await self._shared.referrers.listed_if_any(reference)
        return await self._shared.referrers.of(reference)

    async def about(self, digest: Digest) -> list[str]:
        known = await self._known_names()
        wanted = cosign_tags(digest)
        if known is not None:
            return [tag for tag in wanted if tag in known]
        return [tag for tag in wanted if await self.head(tag) is not None]

    async def _known_names(self) -> frozenset[str] | None:
        """All tags, listed once; None where the registry does not let this account list them."""
        if not self._asked:
            self._asked = True
            try:
                self._names = frozenset(await self.names())
            except RegistryError as error:
                if error.status not in (401, 403, 404, 405):
                    raise
        return self._names

    async def has_blob(self, descriptor: Descriptor) -> bool:
        return await self._shared.content.has_blob(self.repository, descriptor.parsed_digest)

    def stream(self, descriptor: Descriptor) -> AsyncGenerator[bytes, None]:
        return self._shared.content.stream_blob(self.repository, descriptor)

    async def take(self, source: Store, descriptor: Descriptor) -> Taken:
        def body() -> AsyncIterator[bytes]:
            return source.stream(descriptor)

        near = source.repository if isinstance(source, RepositoryStore) else None
        return await self._shared.shipment.blob(self.repository, descriptor, body, near)

    async def put(self, manifest: Manifest, name: str | None, *, root: bool = False) -> None:  # noqa: ARG002
        at = self.repository.with_tag(name) if name else replace(self.repository, digest=manifest.digest)
        await self._shared.referrers.put(at, manifest)

    def forget(self) -> None:
        self._shared.shipment.forget(self.repository)


class Rehearsal:
    """A target that only looks: what is not there counts as moved. Satisfies ``Target``."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._put: dict[At, Manifest] = {}
        self._taken: set[str] = set()

    @property
    def name(self) -> str:
        return self._target.name

    @property
    def keeps_referrers(self) -> bool:
        return self._target.keeps_referrers

    async def head(self, at: At) -> Descriptor | None:
        put = self._put.get(at)
        return put.descriptor if put else await self._target.head(at)

    async def manifest(self, at: At) -> Manifest:
        put = self._put.get(at)
        return put or await self._target.manifest(at)

    async def names(self) -> list[str]:
        return await self._target.names()

    async def referrers(self, digest: Digest) -> list[Descriptor]:
        return await self._target.referrers(digest)

    async def about(self, digest: Digest) -> list[str]:
        return await self._target.about(digest)

    async def has_blob(self, descriptor: Descriptor) -> bool:  # noqa: ARG002 - as if all had been taken
        return True

    def stream(self, descriptor: Descriptor) -> AsyncGenerator[bytes, None]:
        return self._target.stream(descriptor)

    async def take(self, source: Store, descriptor: Descriptor) -> Taken:  # noqa: ARG002
        if descriptor.digest in self._taken:
            return "there"
        self._taken.add(descriptor.digest)
        return "there" if await self._target.has_blob(descriptor) else "moved"

    async def put(self, manifest: Manifest, name: str | None, *, root: bool = False) -> None:  # noqa: ARG002
        self._put[manifest.digest] = manifest
        if name is not None:
            self._put[name] = manifest

    def forget(self) -> None:
        self._target.forget()


def nothing_at(store: Store, at: At) -> NotFound:
    """The error for what a store does not have."""
    return NotFound(f"there is no {at} in {store.name}", cause="it was never put there, or it was removed")
