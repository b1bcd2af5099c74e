"""The client of OCI registries: the distribution API, whatever the host (distribution spec 1.1)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

from shipway.errors import Denied, Mismatch, NotFound, RegistryError
from shipway.oci.manifest import Descriptor, Manifest
from shipway.ports import Clock, PushProof
from shipway.registry.auth import Scope
from shipway.registry.config import RegistryConfig
from shipway.registry.content import Content
from shipway.registry.copying import Copier
from shipway.registry.paging import PAGE, names
from shipway.registry.reach import reach
from shipway.registry.referrers import Referrers
from shipway.registry.session import Call, Session
from shipway.registry.shipment import Shipment
from shipway.registry.stores import Repositories, RepositoryStore
from shipway.registry.transport import OnEvent, Sleep, ignore, whole
from shipway.registry.upload import Uploader
from shipway.values import Digest, Reference

_BLOB = "application/octet-stream"


class RegistryClient:
    """Satisfies ``ports.Registry``. One for all registries; use it within one event loop, then close it.

    ``on_event`` hears of retries, resumed downloads and chunked uploads (``registry.retry``,
    ``registry.resume``, ``registry.chunked`` …), never of secrets. ``sleep`` waits between tries.
    """

    def __init__(
        self,
        config: RegistryConfig,
        clock: Clock,
        on_event: OnEvent = ignore,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._session = Session(config, clock, on_event, sleep)
        self._content = Content(self._session)
        self._referrers = Referrers(self._session, self._content)
        self._uploader = Uploader(self._session)
        # half of the connections read, half of them write
        transfers = max(config.connections_per_host // 2, 1)
        shipment = Shipment(self._content, self._uploader, transfers)
        self._repositories = Repositories(self._content, self._referrers, shipment, self.tags)

    async def close(self) -> None:
        """Close every connection."""
        await self._session.transport.close()

    async def __aenter__(self) -> RegistryClient:
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.close()

    # --- manifests and blobs ------------------------------------------------------------------

    async def head(self, reference: Reference) -> Descriptor | None:
        """Media type, digest and size of a manifest; None when there is none."""
        return await self._content.head(reference)

    async def manifest(self, reference: Reference) -> Manifest:
        """The manifest or index with its exact bytes, checked. Raises NotFound."""
        return await self._content.manifest(reference)

    async def put_manifest(self, reference: Reference, manifest: Manifest) -> Digest:
        """Put the exact bytes at the tag of ``reference``, else at its digest, else at their own.

        A manifest with a subject is listed among what refers to it, by the registry or at the fallback tag.
        """
        return await self._referrers.put(reference, manifest)

    async def has_blob(self, repository: Reference, digest: Digest) -> bool:
        """Whether the repository holds the blob."""
        return await self._content.has_blob(repository, digest)

    async def blob(self, repository: Reference, descriptor: Descriptor) -> bytes:
        """A small blob (at most 8 MiB), whole and checked."""
        return await self._content.blob(repository, descriptor)

    def stream_blob(self, repository: Reference, descriptor: Descriptor) -> AsyncIterator[bytes]:
        """A blob in pieces of about 1 MiB, checked at its end: nothing may be used before that."""
        return self._content.stream_blob(repository, descriptor)

    async def put_blob(self, repository: Reference, data: bytes) -> Descriptor:
        """Upload a small blob unless it is there."""
        descriptor = Descriptor(_BLOB, str(Digest.of(data)), len(data))
        await self.push_blob(repository, descriptor, whole(data))
        return descriptor

    async def push_blob(
        self, repository: Reference, descriptor: Descriptor, body: Callable[[], AsyncIterator[bytes]]
    ) -> bool:
        """Make a blob of any size present: nothing, mounted from where this client put it before, or
        uploaded. ``body`` gives its bytes from the start, once for every try. True when bytes moved."""
        return await self._repositories.shipment.blob(repository, descriptor, body, is_made=True) == "moved"

    async def prove_push(self, repository: Reference) -> PushProof:
        """Open an upload and cancel it: raises what a push would, and leaves nothing behind."""
        return await self._uploader.rehearse(repository)

    # --- copies -------------------------------------------------------------------------------

    async def mount(self, repository: Reference, descriptor: Descriptor, source: str) -> bool:
        """Take a blob over from the repository ``source`` of the same registry; False when it will not."""
        return (await self._uploader.mount(repository, descriptor, source)).done

    async def copy_blob(self, source: Reference, descriptor: Descriptor, destination: Reference) -> bool:
        """Make the blob present at ``destination``: nothing, mounted, or streamed. True when bytes moved."""
        target = self.store(destination)
        return await target.take(self.store(source), descriptor) == "moved"

    def store(self, repository: Reference) -> RepositoryStore:
        """A repository as a place to copy from and to; all of them know of each other's blobs."""
        return RepositoryStore(self._repositories, repository)

    async def copy(self, source: Reference, destination: Reference) -> Descriptor:
        """Copy a manifest or an index with all its children and blobs, digest unchanged, and read it back.

        A destination without a tag gets it by digest only.
        """
        manifest = await self._content.manifest(source)
        if destination.digest not in (None, manifest.digest):
            raise Mismatch(f"cannot copy {source} to {destination}: its digest is {manifest.digest}")
        copier = Copier(self.store(source), self.store(destination), whole=False)
        return await copier.image(manifest, destination.tag)

    # --- lists --------------------------------------------------------------------------------

    async def tags(self, repository: Reference) -> list[str]:
        """All tags of a repository, sorted; empty when there is no such repository."""
        call = Call(
            f"list the tags of {repository.name}",
            repository.registry,
            repository.repository,
            "GET",
            f"/v2/{repository.repository}/tags/list?n={PAGE}",
            (Scope.repository(repository.repository, "pull"),),
        )
        try:
            return await names(self._session, call, "tags")
        except NotFound:
            return []

    async def catalog(self, registry: str) -> list[str]:
        """The repositories of a registry, sorted. Raises NotFound or Denied where it shows none.

        Not part of the OCI specification: GHCR, Docker Hub and Quay.io have no catalog.
        """
        scopes = (Scope("registry", "catalog", ("*",)),)
        target = f"/v2/_catalog?n={PAGE}"
        call = Call(f"list the repositories of {registry}", registry, "", "GET", target, scopes)
        return await names(self._session, call, "repositories")

    async def referrers(self, reference: Reference, artifact_type: str | None = None) -> list[Descriptor]:
        """What refers to the manifest at the digest of ``reference``, optionally of one artifact type.

        Registries without the referrers API keep the list at a fallback tag (distribution spec,
        § Referrers Tag Schema). Raises InvalidValue without a digest.
        """
        found = await self._referrers.of(reference)
        return [entry for entry in found if artifact_type in (None, entry.artifact_type)]

    async def listed_referrers(self, reference: Reference) -> list[Descriptor] | None:
        """What the referrers API lists for the digest of ``reference``; None where there is no such API."""
        return await self._referrers.listed(reference)

    # --- deletes ------------------------------------------------------------------------------

    async def delete(self, reference: Reference) -> None:
        """Delete a manifest by digest, with every tag on it; or a tag alone where the registry can.

        Raises NotFound when it is not there, Denied where the registry cannot or does not allow it.
        """
        at = reference.digest or reference.tag
        call = Call(
            f"delete {reference}",
            reference.registry,
            reference.repository,
            "DELETE",
            f"/v2/{reference.repository}/manifests/{at}",
            (Scope.repository(reference.repository, "delete", "pull", "push"),),
            frozenset({200, 202, 204, 400, 404, 405}),
        )
        answer = await self._session.call(call)
        # a first try that got lost may have done it
        if answer.status in (200, 202, 204) or (answer.status == 404 and answer.tries > 1):
            return
        error = await self._session.explain(call, answer)
        if reference.digest is None and answer.status in (400, 405):
            raise _no_tag_delete(reference, error)
        raise error

    async def delete_blob(self, repository: Reference, digest: Digest) -> None:
        """See ``ports.Registry``. Raises Denied where the registry does not allow it."""
        await self._session.call(
            Call(
                f"delete the blob {digest} of {repository.name}",
                repository.registry,
                repository.repository,
                "DELETE",
                f"/v2/{repository.repository}/blobs/{digest}",
                (Scope.repository(repository.repository, "delete", "pull", "push"),),
                frozenset({200, 202, 204, 404}),
            )
        )

    # --- the registry itself ------------------------------------------------------------------

    async def ping(self, registry: str) -> None:
        """Raises when ``registry`` does not answer as a registry, or refuses the credentials kept for it.

        A registry that wants a login answers as a registry.
        """
        await reach(self._session, registry)


def _no_tag_delete(reference: Reference, error: RegistryError) -> Denied:
    return Denied(
        error.message,
        cause=f"{reference.registry} deletes manifests by digest only, with every tag on them",
        help="delete the digest, or remove the tag with the registry's own interface",
        status=error.status,
    )
