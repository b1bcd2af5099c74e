"""Blobs uploaded: mounted, or by POST and one PUT, or in chunks where a proxy refuses large bodies.

Distribution spec, § Pushing blobs. One PUT is what every registry does best; chunks are broken in several
(ECR drops later ones, Artifact Registry has none), so they are the fallback and every Range is compared.
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass, replace

from shipway.errors import Mismatch, RegistryError, Unreachable
from shipway.oci.manifest import Descriptor
from shipway.ports import PushProof
from shipway.registry.address import guard_location, origin, resolve, shown
from shipway.registry.auth import Scope
from shipway.registry.session import Call, Session
from shipway.registry.transport import Answer, Body, whole
from shipway.values import Reference

_TRIES = 4
_PAUSE = 0.5
# nginx allows 1 MiB unless told otherwise
_CHUNKS = (16 << 20, 4 << 20, 1 << 20, 256 << 10)
_BYTES = {"Content-Type": "application/octet-stream"}
_RANGE = re.compile(r"(?:bytes=)?0-(\d+)\Z")
_CANCELLED = frozenset({200, 202, 204})
# largest chunk that a host takes, 0 for none at all
_CHUNKS_OF_HOSTS = (
    ("ghcr.io", 4 << 20),
    (".dkr.ecr.", 0),
    ("public.ecr.aws", 0),
    (".pkg.dev", 0),
    ("gcr.io", 0),
)


class _TooLarge(Exception):
    """A body of this size was refused, and smaller ones may not be."""

    def __init__(self, error: RegistryError) -> None:
        self.error = error


@dataclass(frozen=True, slots=True)
class Upload:
    """An upload session: where it goes on, and the smallest chunk that the registry takes."""

    location: str
    min_chunk: int = 0


@dataclass(frozen=True, slots=True)
class Mount:
    """What became of a mount: done, or an upload session that the registry opened instead, or nothing."""

    done: bool = False
    opened: Upload | None = None


class Uploader:
    """Uploads blobs, and remembers per registry what it had to learn."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._chunks: dict[str, int] = {}
        self._chunked: set[str] = set()
        self._two_steps: set[str] = set()

    async def mount(self, repository: Reference, descriptor: Descriptor, source: str) -> Mount:
        """Try to take the blob over from the repository ``source`` of the same registry.

        Whatever a registry says against a mount, an ordinary upload is still possible.
        """
        query = f"?mount={descriptor.digest}&from={source}"
        scopes = (*_push(repository), Scope.repository(source, "pull"))
        call = _call(repository, descriptor, "POST", f"{_uploads(repository)}{query}", scopes)
        try:
            answer = await self._session.call(replace(call, expected=frozenset({201, 202})))
            if answer.status == 201:
                return Mount(done=True)
            return Mount(opened=self._opened(repository, answer))
        except RegistryError:
            return Mount()

    async def at_once(self, repository: Reference, descriptor: Descriptor, body: Body) -> Mount:
        """Send a small blob with the very request that opens its upload (distribution spec, § Single POST).

        Whoever does not take it opens an upload instead, and is not asked like this again.
        """
        registry = repository.registry
        if registry in self._two_steps:
            return Mount()
        target = _with_digest(_uploads(repository), descriptor)
        call = _call(repository, descriptor, "POST", target, _push(repository))
        call = replace(call, headers=_BYTES, body=body, size=descriptor.size, replay=False)
        try:
            answer = await self._session.call(replace(call, expected=frozenset({201, 202})))
            if answer.status == 201:
                return Mount(done=True)
            self._two_steps.add(registry)
            return Mount(opened=self._opened(repository, answer))
        except RegistryError:
            self._two_steps.add(registry)
            return Mount()

    async def rehearse(self, repository: Reference) -> PushProof:
        """Open an upload and cancel it at once. Raises the RegistryError that a push would meet."""
        name, endpoint = repository.repository, self._session.endpoint(repository.registry)
        action = f"open an upload to {repository.name}"
        call = Call(action, repository.registry, name, "POST", _uploads(repository), _push(repository))
        answer = await self._session.call(replace(call, expected=frozenset({202})))
        opened = self._opened(repository, answer)
        granted = await self._session.granted(call)
        said = resolve(answer.headers.get("Location", ""), answer.url)
        # hosts of a cloud may send uploads to another one; the same host by another door is a proxy's fault
        misdirected = origin(said)[1] == endpoint.host.lower() and not endpoint.owns(said)
        try:
            # some want the right to delete for this; they forget what stays open after some days
            await self._session.call(
                replace(call, method="DELETE", target=opened.location, expected=_CANCELLED)
            )
        except RegistryError:
            return PushProof(granted, shown(said) if misdirected else None, cancelled=False)
        return PushProof(granted, shown(said) if misdirected else None)

    async def upload(
        self, repository: Reference, descriptor: Descriptor, body: Body, opened: Upload | None = None
    ) -> None:
        """Make the blob present, in ``opened`` first where a mount left one behind.

        ``body`` is read from its start for every try. Raises the RegistryError of the last one.
        """
        registry = repository.registry
        chunked, lost = registry in self._chunked, 0
        while True:
            try:
                send = self._in_chunks if chunked else self._whole
                await send(repository, descriptor, body, opened or await self._begin(repository, descriptor))
                return
            except _TooLarge as refused:
                chunked = self._shrink(repository, chunked, descriptor, refused.error)
            except Unreachable as error:
                lost += 1
                if lost == _TRIES:
                    raise
                # proxies that hang up on a large body look like a lost connection
                large = descriptor.size > self._chunk(registry) > 0
                chunked = chunked or (error.status == 0 and large)
                self._tell(repository, descriptor, "upload_again", cause=error.message)
                await self._session.transport.pause(_PAUSE * lost)
            opened = None

    async def _whole(self, repository: Reference, descriptor: Descriptor, body: Body, upload: Upload) -> None:
        await self._put(repository, descriptor, upload.location, body, descriptor.size)

    async def _in_chunks(
        self, repository: Reference, descriptor: Descriptor, body: Body, upload: Upload
    ) -> None:
        size = max(self._chunk(repository.registry), upload.min_chunk)
        location, sent = upload.location, 0
        async with aclosing(_cut(body(), size)) as chunks:
            async for chunk in chunks:
                location = await self._chunk_sent(repository, descriptor, location, chunk, sent)
                sent += len(chunk)
        await self._put(repository, descriptor, location, whole(b""), 0)

    async def _chunk_sent(
        self, repository: Reference, descriptor: Descriptor, location: str, chunk: bytes, sent: int
    ) -> str:
        """Send one chunk, and what is missing of it again where the connection breaks; where to go on."""
        start = sent
        for lost in range(1, _TRIES + 1):
            try:
                return await self._patch(repository, descriptor, location, chunk[start - sent :], start)
            except Unreachable as error:
                if error.status != 0 or lost == _TRIES:
                    raise
                await self._session.transport.pause(_PAUSE * lost)
                location, start = await self._standing(repository, descriptor, location, error)
                if not sent <= start <= sent + len(chunk):
                    raise
            self._tell(repository, descriptor, "upload_resumed", offset=start)
            if start == sent + len(chunk):
                return location
        raise AssertionError("unreachable")

    async def _standing(
        self, repository: Reference, descriptor: Descriptor, location: str, lost: Unreachable
    ) -> tuple[str, int]:
        """Where a broken upload goes on, and how many bytes the registry has of it.

        Raises ``lost`` where the registry does not know any more (distribution 2, ECR Public).
        """
        call = _call(repository, descriptor, "GET", location, _push(repository))
        try:
            answer = await self._session.call(replace(call, expected=frozenset({202, 204})))
        except RegistryError:
            raise lost from None
        taken = _RANGE.match(answer.headers.get("Range", ""))
        if taken is None or "Location" not in answer.headers:
            raise lost
        end = int(taken.group(1))
        # 0-0 stands for none or one byte on distribution; one that is sent again is refused, not doubled
        return self._opened(repository, answer).location, end + 1 if end else 0

    async def _put(
        self, repository: Reference, descriptor: Descriptor, location: str, body: Body, size: int
    ) -> None:
        """The last request of an upload, with all or nothing of the content."""
        call = _call(repository, descriptor, "PUT", _with_digest(location, descriptor), _push(repository))
        # 204 is what registries before the OCI specification say
        call = replace(call, headers=_BYTES, body=body, size=size, replay=False)
        answer = await self._session.call(replace(call, expected=frozenset({201, 204, 404, 413})))
        await self._check(call, answer)
        said = answer.headers.get("Docker-Content-Digest", "")
        if said.startswith(f"{descriptor.parsed_digest.algorithm}:") and said != descriptor.digest:
            raise Mismatch(
                f"cannot {call.action}: the registry stored it as {said}",
                cause="the registry, or a proxy in between, changes content",
            )

    async def _patch(
        self, repository: Reference, descriptor: Descriptor, location: str, chunk: bytes, sent: int
    ) -> str:
        """Send one chunk; the URL that the next one goes to."""
        end = sent + len(chunk) - 1
        call = _call(repository, descriptor, "PATCH", location, _push(repository))
        headers = {**_BYTES, "Content-Range": f"{sent}-{end}"}
        call = replace(call, headers=headers, body=whole(chunk), size=len(chunk), replay=False)
        # ECR says 201
        answer = await self._session.call(replace(call, expected=frozenset({201, 202, 204, 404, 413, 416})))
        await self._check(call, answer)
        taken = _RANGE.match(answer.headers.get("Range", ""))
        if taken is None or int(taken.group(1)) != end:
            raise Mismatch(
                f"cannot {call.action}: sent bytes up to {end}, the registry has"
                f" {answer.headers.get('Range', 'not said which')}",
                cause=f"{repository.registry} does not take uploads in chunks",
                help="raise the limit of the proxy in front of it, so that blobs go up whole",
            )
        return self._opened(repository, answer).location

    async def _begin(self, repository: Reference, descriptor: Descriptor) -> Upload:
        call = _call(repository, descriptor, "POST", _uploads(repository), _push(repository))
        return self._opened(repository, await self._session.call(replace(call, expected=frozenset({202}))))

    def _opened(self, repository: Reference, answer: Answer) -> Upload:
        location = answer.headers.get("Location")
        if not location:
            raise Mismatch(
                f"{repository.name}: the registry opens an upload and does not say where (no Location)",
                cause="a proxy in front of it drops the header, or it is no registry",
                status=answer.status,
                reason="location",
            )
        url, mended = guard_location(location, answer.url, self._session.endpoint(repository.registry))
        if mended:
            self._session.transport.emit(
                "location_mended",
                registry=repository.registry,
                cause="the proxy in front of the registry does not send X-Forwarded-Proto and Host",
            )
        smallest = answer.headers.get("OCI-Chunk-Min-Length", "")
        return Upload(url, int(smallest) if smallest.isdigit() else 0)

    async def _check(self, call: Call, answer: Answer) -> None:
        """Raise for the refusals that another way of uploading gets around."""
        if answer.status == 404:
            raise Unreachable(
                f"cannot {call.action}: the registry does not know the upload that it opened",
                cause="it was restarted, or several registries behind one name share no storage",
                status=404,
            )
        if answer.status in (413, 416):
            raise _TooLarge(await self._session.explain(call, answer))

    def _shrink(
        self, repository: Reference, chunked: bool, descriptor: Descriptor, error: RegistryError
    ) -> bool:
        """Go on in (smaller) chunks, for this and every later blob. Raises ``error`` where that is no use."""
        registry = repository.registry
        refused = self._chunk(registry) if chunked else min(descriptor.size, self._chunk(registry) + 1)
        smaller = [size for size in _CHUNKS if size < refused]
        if not smaller:
            raise error from None
        self._chunks[registry] = smaller[0]
        self._chunked.add(registry)
        self._tell(repository, descriptor, "chunked", size=smaller[0])
        return True

    def _chunk(self, registry: str) -> int:
        """The chunk size for a registry in bytes, 0 when it takes none."""
        if registry in self._chunks:
            return self._chunks[registry]
        return next((size for part, size in _CHUNKS_OF_HOSTS if part in registry), _CHUNKS[0])

    def _tell(self, repository: Reference, descriptor: Descriptor, kind: str, **data: object) -> None:
        self._session.transport.emit(kind, registry=repository.registry, digest=descriptor.digest, **data)


def _call(
    repository: Reference, descriptor: Descriptor, method: str, target: str, scopes: tuple[Scope, ...]
) -> Call:
    action = f"upload blob {descriptor.parsed_digest.short} to {repository.name}"
    return Call(action, repository.registry, repository.repository, method, target, scopes)


def _push(repository: Reference) -> tuple[Scope, ...]:
    return (Scope.repository(repository.repository, "pull", "push"),)


def _uploads(repository: Reference) -> str:
    return f"/v2/{repository.repository}/blobs/uploads/"


def _with_digest(location: str, descriptor: Descriptor) -> str:
    """``location`` as it stands, with the digest added: re-encoding would break signed ones."""
    return f"{location}{'&' if '?' in location else '?'}digest={descriptor.digest}"


async def _cut(pieces: AsyncIterator[bytes], size: int) -> AsyncGenerator[bytes, None]:
    """The same bytes in chunks of exactly ``size``, the last one shorter."""
    held = bytearray()
    async for piece in pieces:
        held += piece
        while len(held) >= size:
            yield bytes(held[:size])
            del held[:size]
    if held:
        yield bytes(held)
