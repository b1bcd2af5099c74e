"""Registries: pushing and reading, copies between them, listing and deleting."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from shipway.oci.locator import Locator
from shipway.oci.manifest import Descriptor, Manifest
from shipway.values import Digest, Platform, Reference

# --- registry -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PushProof:
    """What an upload that was opened and cancelled showed.

    ``granted`` are the rights that the token names, None when it does not tell. ``misdirected`` is where
    the registry wrongly sends the upload on to, ``cancelled`` whether it took the cancellation.
    """

    granted: tuple[str, ...] | None = None
    misdirected: str | None = None
    cancelled: bool = True


class Registry(Protocol):
    """A client of OCI registries: the distribution API, whatever the host.

    A Reference names repository and tag or digest. Every method raises a RegistryError with its cause;
    whatever is read by digest is checked against it.
    """

    async def head(self, reference: Reference) -> Descriptor | None:
        """Media type, digest and size of a manifest; None when there is none."""

    async def manifest(self, reference: Reference) -> Manifest:
        """The manifest or index with its exact bytes. Raises NotFound."""

    async def put_manifest(self, reference: Reference, manifest: Manifest) -> Digest:
        """Put the exact bytes at the tag or digest of ``reference``."""

    async def has_blob(self, repository: Reference, digest: Digest) -> bool: ...

    async def blob(self, repository: Reference, descriptor: Descriptor) -> bytes:
        """A small blob (a config, at most 8 MiB), whole and checked."""

    def stream_blob(self, repository: Reference, descriptor: Descriptor) -> AsyncIterator[bytes]:
        """A blob in pieces, checked against size and digest at its end."""

    async def put_blob(self, repository: Reference, data: bytes) -> Descriptor:
        """Upload a small blob unless it is there."""

    async def push_blob(
        self, repository: Reference, descriptor: Descriptor, body: Callable[[], AsyncIterator[bytes]]
    ) -> bool:
        """Make a blob of any size present: nothing, mounted from where this client put it before, or
        uploaded, where ``body`` is asked for its bytes, once for every try. True when bytes moved."""

    async def prove_push(self, repository: Reference) -> PushProof:
        """Open an upload and cancel it: raises what a push would, and leaves nothing behind."""

    async def copy_blob(self, source: Reference, descriptor: Descriptor, destination: Reference) -> bool:
        """Make the blob present at ``destination``: nothing, mounted, or streamed. True when bytes moved."""

    async def copy(self, source: Reference, destination: Reference) -> Descriptor:
        """Copy a manifest or index with all it needs, digest unchanged. A destination without a tag
        gets it by digest only."""

    async def tags(self, repository: Reference) -> list[str]:
        """All tags of a repository, sorted; empty when there is no such repository."""

    async def delete(self, reference: Reference) -> None:
        """Delete a manifest by digest, or a tag where the registry can."""

    async def delete_blob(self, repository: Reference, digest: Digest) -> None:
        """Take a blob that no manifest needs out of a repository; one that is not there is no error."""

    async def ping(self, registry: str) -> None:
        """Raises when ``registry`` does not answer as a registry."""

    async def close(self) -> None: ...


class Catalogued(Registry, Protocol):
    """A registry that may tell which repositories it has."""

    async def catalog(self, registry: str) -> list[str]:
        """The repositories of ``registry``, sorted. Raises NotFound, Denied or Unauthorized where it shows
        none: GHCR, Docker Hub and Quay.io have no catalog."""


# --- copies ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Copied:
    """One image that is where it should be. ``digest`` is what its new place holds; ``source_digest`` differs
    from it where only some platforms were chosen. ``manifests`` were put; of the blobs, so many were
    ``there``, ``mounted`` or ``moved`` (``bytes``); ``referrers`` are the signatures and other manifests
    about it that came along."""

    digest: Digest
    source_digest: Digest
    manifests: int = 0
    there: int = 0
    mounted: int = 0
    moved: int = 0
    bytes: int = 0
    referrers: int = 0


class Carrier(Protocol):
    """Copies images between registries, image layouts and docker archives."""

    async def names(self, place: Locator) -> list[str]:
        """The images of a place, without signatures and lists of referrers, sorted."""

    async def copy(
        self,
        source: Locator,
        destination: Locator,
        platforms: Sequence[Platform],
        on_line: Callable[[str], None],
    ) -> Copied:
        """Copy one image, all of it or ``platforms``, with what refers to it, and read it back.

        ``on_line`` hears of every blob. Raises NotFound, Mismatch, and what the two places refuse.
        """

    async def finish(self) -> None:
        """Write what is written at the end: the indexes of archives. Raises HostError."""


# --- retention ------------------------------------------------------------------------------


class Shelves(Registry, Protocol):
    """A registry whose repositories can be looked through."""

    async def listed_referrers(self, reference: Reference) -> list[Descriptor] | None:
        """What the referrers API lists for a digest; None where the registry has no such API."""


class Referring(Registry, Protocol):
    """A registry that tells what refers to a manifest, whether or not it has the API for that."""

    async def referrers(self, reference: Reference, artifact_type: str | None = None) -> list[Descriptor]:
        """What refers to the digest of ``reference``: from the API, else from the fallback tag."""


class Deleter(Protocol):
    """Takes tags and manifests out of one registry, through the interface that it has for that."""

    async def untag(self, reference: Reference, digest: Digest) -> None:
        """Take a tag away; the manifest that it names, and the other tags on it, stay.

        Raises Denied where the registry cannot do that, NotFound when there is no such tag.
        """

    async def remove(self, reference: Reference, tags: Sequence[str]) -> None:
        """Delete the manifest at the digest of ``reference``, which has these tags, and them with it.

        Raises NotFound when it is gone.
        """
