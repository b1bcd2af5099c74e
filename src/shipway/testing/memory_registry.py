"""Every registry of the world in memory: a fake that satisfies ``ports.Registry``, for tests of flows.

It keeps the rules that flows rely on, as the contract tests hold it to them beside real registries: a
manifest is taken only when what it names is there, a tag moves, a delete by digest takes its tags along.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

from shipway.errors import Denied, InvalidValue, Mismatch, NotFound, RegistryError, Unreachable
from shipway.oci.manifest import Descriptor, Manifest
from shipway.ports import PushProof
from shipway.values import Digest, Reference

_BLOB = "application/octet-stream"
_PIECE = 1 << 20
_MAX_BLOB = 8 << 20


@dataclass(slots=True)
class _Repository:
    manifests: dict[str, Manifest] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    blobs: dict[str, bytes] = field(default_factory=dict)


@dataclass(slots=True)
class _Fault:
    times: int
    make: Callable[[], RegistryError]


class MemoryRegistry:
    """Registries by host, all of them reachable unless told otherwise.

    Switches: ``refuse_pushes`` makes every write raise Denied; hosts in ``unreachable`` raise Unreachable;
    ``fail`` makes single operations fail. ``calls`` counts the operations by the name of their method.
    """

    def __init__(self) -> None:
        self.refuse_pushes = False
        self.unreachable: set[str] = set()
        self.calls: Counter[str] = Counter()
        self._repositories: dict[str, _Repository] = {}
        self._faults: dict[str, _Fault] = {}

    def fail(
        self,
        operation: str,
        times: int = 1,
        error: Callable[[], RegistryError] = lambda: Unreachable("the connection was lost"),
    ) -> None:
        """Let the next ``times`` calls of the method ``operation`` raise what ``error`` makes."""
        if not callable(getattr(self, operation, None)):
            raise InvalidValue(f"a registry has no operation {operation!r}")
        self._faults[operation] = _Fault(times, error)

    async def prove_push(self, repository: Reference) -> PushProof:
        self._enter("prove_push", repository, writes=True)
        return PushProof()

    async def head(self, reference: Reference) -> Descriptor | None:
        """See ``ports.Registry``, like every method below."""
        self._enter("head", reference)
        manifest = self._find(reference)
        return manifest.descriptor if manifest else None

    async def manifest(self, reference: Reference) -> Manifest:
        self._enter("manifest", reference)
        manifest = self._find(reference)
        if manifest is None:
            raise NotFound(f"cannot read the manifest of {reference}: there is none", status=404)
        return manifest

    async def put_manifest(self, reference: Reference, manifest: Manifest) -> Digest:
        self._enter("put_manifest", reference, writes=True)
        if reference.digest is not None and reference.digest != manifest.digest:
            raise Mismatch(f"cannot put a manifest at {reference}: its digest is {manifest.digest}")
        repository = self._repository(reference)
        for needed in manifest.blobs:
            self._require(needed, needed.digest in repository.blobs, reference)
        for child in manifest.children:
            self._require(child, child.digest in repository.manifests, reference)
        repository.manifests[str(manifest.digest)] = manifest
        if reference.tag is not None:
            repository.tags[reference.tag] = str(manifest.digest)
        return manifest.digest

    async def has_blob(self, repository: Reference, digest: Digest) -> bool:
        self._enter("has_blob", repository)
        return str(digest) in self._repository(repository).blobs

    async def delete_blob(self, repository: Reference, digest: Digest) -> None:
        self._enter("delete_blob", repository, writes=True)
        self._repository(repository).blobs.pop(str(digest), None)

    async def blob(self, repository: Reference, descriptor: Descriptor) -> bytes:
        if descriptor.size > _MAX_BLOB:
            raise InvalidValue(f"blob {descriptor.digest} of {descriptor.size} bytes is too large to be held")
        self._enter("blob", repository)
        return self._blob(repository, descriptor)

    async def stream_blob(self, repository: Reference, descriptor: Descriptor) -> AsyncIterator[bytes]:
        self._enter("stream_blob", repository)
        data = self._blob(repository, descriptor)
        for start in range(0, len(data), _PIECE):
            yield data[start : start + _PIECE]

    async def put_blob(self, repository: Reference, data: bytes) -> Descriptor:
        self._enter("put_blob", repository, writes=True)
        descriptor = Descriptor(_BLOB, str(Digest.of(data)), len(data))
        self._repository(repository).blobs[descriptor.digest] = data
        return descriptor

    async def push_blob(
        self, repository: Reference, descriptor: Descriptor, body: Callable[[], AsyncIterator[bytes]]
    ) -> bool:
        self._enter("push_blob", repository, writes=True)
        blobs = self._repository(repository).blobs
        if descriptor.digest in blobs:
            return False
        data = b"".join([piece async for piece in body()])
        if str(Digest.of(data)) != descriptor.digest or len(data) != descriptor.size:
            raise Mismatch(f"what was sent as {descriptor.digest} is something else")
        blobs[descriptor.digest] = data
        return True

    async def copy_blob(self, source: Reference, descriptor: Descriptor, destination: Reference) -> bool:
        self._enter("copy_blob", destination, writes=True)
        blobs = self._repository(destination).blobs
        if descriptor.digest in blobs:
            return False
        blobs[descriptor.digest] = self._blob(source, descriptor)
        return source.registry != destination.registry

    async def copy(self, source: Reference, destination: Reference) -> Descriptor:
        self._enter("copy", destination, writes=True)
        manifest = await self.manifest(source)
        for child in manifest.children:
            digest = child.parsed_digest
            await self.copy(source.with_digest(digest), destination.with_digest(digest))
        for blob in manifest.blobs:
            await self.copy_blob(source, blob, destination)
        target = destination if destination.tag else destination.with_digest(manifest.digest)
        await self.put_manifest(target, manifest)
        return manifest.descriptor

    async def tags(self, repository: Reference) -> list[str]:
        self._enter("tags", repository)
        return sorted(self._repository(repository).tags)

    async def catalog(self, registry: str) -> list[str]:
        """See ``ports.Catalogued``."""
        self._enter("catalog", Reference(registry, "-"))
        names = (
            name.removeprefix(f"{registry}/")
            for name in self._repositories
            if name.startswith(f"{registry}/")
        )
        return sorted(name for name in names if self._repositories[f"{registry}/{name}"].manifests)

    async def delete(self, reference: Reference) -> None:
        self._enter("delete", reference, writes=True)
        found = self._find(reference)
        if found is None:
            raise NotFound(f"cannot delete {reference}: there is none", status=404)
        repository = self._repository(reference)
        if reference.digest is None:
            repository.tags.pop(reference.tag or "", None)
            return
        del repository.manifests[str(reference.digest)]
        repository.tags = {
            tag: digest for tag, digest in repository.tags.items() if digest != str(reference.digest)
        }

    async def ping(self, registry: str) -> None:
        self._enter("ping", Reference(registry, "-"))

    async def close(self) -> None:
        self.calls["close"] += 1

    def _enter(self, operation: str, reference: Reference, *, writes: bool = False) -> None:
        self.calls[operation] += 1
        if reference.registry in self.unreachable:
            raise Unreachable(f"{reference.registry} refused the connection")
        fault = self._faults.get(operation)
        if fault is not None and fault.times > 0:
            fault.times -= 1
            raise fault.make()
        if writes and self.refuse_pushes:
            raise Denied(f"cannot write to {reference.name}: HTTP 403 DENIED", status=403)

    def _repository(self, reference: Reference) -> _Repository:
        return self._repositories.setdefault(reference.name, _Repository())

    def _find(self, reference: Reference) -> Manifest | None:
        repository = self._repository(reference)
        digest = str(reference.digest) if reference.digest else repository.tags.get(reference.tag or "")
        return repository.manifests.get(digest) if digest else None

    def _blob(self, repository: Reference, descriptor: Descriptor) -> bytes:
        data = self._repository(repository).blobs.get(descriptor.digest)
        if data is None:
            raise NotFound(f"cannot read blob {descriptor.digest} of {repository.name}", status=404)
        if len(data) != descriptor.size:
            raise Mismatch(f"blob {descriptor.digest} has {len(data)} bytes, not {descriptor.size}")
        return data

    def _require(self, needed: Descriptor, there: bool, reference: Reference) -> None:
        if not there:
            raise NotFound(f"cannot put {reference}: {needed.digest} is not there", status=404)
