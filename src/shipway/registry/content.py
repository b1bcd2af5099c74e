"""Manifests and blobs of one repository: read and checked, or put. The uploads' bytes are in ``upload``."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from dataclasses import dataclass, replace

from shipway.errors import InvalidValue, Mismatch, RegistryError
from shipway.oci.manifest import MANIFEST_TYPES, MAX_MANIFEST_BYTES, Descriptor, Manifest
from shipway.registry import download
from shipway.registry.auth import Scope
from shipway.registry.session import Call, Session
from shipway.registry.transport import Answer, whole
from shipway.values import Digest, Reference

MAX_BLOB_BYTES = 8 << 20
# configs are far smaller: what a connection loses of them is asked for again as a whole
_ONE_ANSWER_BYTES = 64 << 10
# without all of them some registries convert to the long dead schema 1
_ACCEPT = {"Accept": ", ".join(MANIFEST_TYPES)}
_GENERIC_TYPES = frozenset({"", "application/json", "application/octet-stream", "text/plain"})


# the errors of HEAD have no body, so they are asked for again
_ANY = frozenset(range(200, 600)) - {401}
_STORED = frozenset({200, 201, 202})
# pauses in seconds before a manifest is put again whose blobs the registry does not see yet
_SETTLING = (0.3, 1.0)
# how often a manifest is put that arrives changed
_PUTS = 3


@dataclass(frozen=True, slots=True)
class Put:
    """A manifest that was put. ``lists_subject`` tells that the registry keeps the list of what refers to
    its subject (``OCI-Subject``); ``raced`` that an If-Match did not hold, and nothing was put."""

    digest: Digest
    lists_subject: bool = False
    raced: bool = False


@dataclass(frozen=True, slots=True)
class Tagged:
    """A manifest as it was read, with the ``etag`` that it was sent with (empty for none)."""

    manifest: Manifest
    etag: str


class Content:
    """Reads and puts through one session."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def head(self, reference: Reference) -> Descriptor | None:
        """Media type, digest and size of a manifest; None when there is none."""
        call = _manifest_call("look at", "HEAD", reference)
        answer = await self._session.call(replace(call, expected=_ANY))
        if answer.status == 404:
            return None
        media_type, size = _media_type(answer), answer.headers.get("Content-Length", "")
        digest = _said_digest(answer)
        if answer.status != 200 or digest is None or not size.isdigit() or media_type in _GENERIC_TYPES:
            # errors come without a reason, and old registries say little: a GET tells
            return await self._descriptor(reference)
        _compare(reference, digest, call.action)
        return Descriptor(media_type, str(digest), int(size))

    async def _descriptor(self, reference: Reference) -> Descriptor | None:
        call = replace(_manifest_call("look at", "GET", reference), expected=frozenset({200, 404}))
        answer = await self._session.call(call)
        return None if answer.status == 404 else _manifest(answer, reference, call.action).descriptor

    async def manifest(self, reference: Reference) -> Manifest:
        """The manifest or index with its exact bytes, checked. Raises NotFound."""
        return (await self.tagged(reference)).manifest

    async def tagged(self, reference: Reference) -> Tagged:
        """The same with its ETag."""
        call = _manifest_call("read", "GET", reference)
        answer = await self._session.call(call)
        return Tagged(_manifest(answer, reference, call.action), answer.headers.get("ETag", ""))

    async def put_manifest(self, reference: Reference, manifest: Manifest, if_match: str = "") -> Put:
        """Put the exact bytes at the tag of ``reference``, else at its digest, else at their own.

        ``if_match`` is the ETag of what they replace. Raises Mismatch when the bytes are not those of the
        digest asked for, or the registry stored others.
        """
        if (
            reference.digest is not None
            and Digest.of(manifest.data, reference.digest.algorithm) != reference.digest
        ):
            raise Mismatch(f"cannot put a manifest at {reference}: its digest is {manifest.digest}")
        at = reference.tag or str(reference.digest or manifest.digest)
        target = f"/v2/{reference.repository}/manifests/{at}"
        call = Call(
            f"put the manifest of {reference}",
            reference.registry,
            reference.repository,
            "PUT",
            target,
            (Scope.repository(reference.repository, "pull", "push"),),
            _STORED | ({412} if if_match else set()),
            {"Content-Type": manifest.media_type, **({"If-Match": if_match} if if_match else {})},
            whole(manifest.data),
            len(manifest.data),
        )
        changed: list[Digest] = []
        try:
            return await self._unchanged(call, manifest, changed)
        except RegistryError:
            if changed and reference.tag is not None:
                await self._withdraw(call, replace(reference, digest=None), changed)
            raise

    async def _unchanged(self, call: Call, manifest: Manifest, changed: list[Digest]) -> Put:
        """Put until the registry has just these bytes, three times at most. ``changed`` gets what else it
        made of them: at a tag it cannot know what they should have been."""
        for _ in range(_PUTS):
            answer = await self._settled(call)
            if answer.status == 412:
                return Put(manifest.digest, raced=True)
            said = _said_digest(answer)
            if said is None or said == Digest.of(manifest.data, said.algorithm):
                return Put(manifest.digest, lists_subject="OCI-Subject" in answer.headers)
            changed.append(said)
            self._session.transport.emit(
                "manifest_changed", registry=call.registry, action=call.action, digest=str(said)
            )
        raise Mismatch(
            f"cannot {call.action}: the registry stored it as {changed[-1]}, not {manifest.digest}",
            cause="the registry, or a proxy in between, changes manifests",
        )

    async def _withdraw(self, put: Call, tagged: Reference, changed: list[Digest]) -> None:
        """Take back a tag that shows what a put became on its way: nobody shall pull what nobody pushed.

        By the tag alone, and only while it shows just that; where a registry cannot, it stays.
        """
        with suppress(RegistryError):
            if (await self.manifest(tagged)).digest in changed:
                scopes = (Scope.repository(tagged.repository, "delete", "pull", "push"),)
                delete = Call(put.action, put.registry, put.repository, "DELETE", put.target, scopes)
                await self._session.call(replace(delete, expected=frozenset({200, 202, 204})))

    async def _settled(self, call: Call) -> Answer:
        """The answer to a PUT, which may come before the registry sees the blobs that were just pushed."""
        for pause in _SETTLING:
            answer = await self._session.call(replace(call, expected=call.expected | {400, 404}))
            if answer.status in call.expected:
                return answer
            if b"blob_unknown" not in answer.body.lower():
                raise await self._session.explain(call, answer)
            transport = self._session.transport
            transport.emit("settling", registry=call.registry, action=call.action, seconds=pause)
            await transport.pause(pause)
        return await self._session.call(call)

    async def has_blob(self, repository: Reference, digest: Digest, *actions: str) -> bool:
        """Whether the repository holds the blob.

        ``actions`` are the rights to log in with: who is about to push needs only one token for both.
        """
        scope = Scope.repository(repository.repository, "pull", *actions)
        call = replace(_blob_call(repository, digest, "HEAD"), scopes=(scope,))
        answer = await self._session.call(replace(call, expected=_ANY))
        if answer.status in (200, 404):
            return answer.status == 200
        # errors come without a reason to HEAD: the first byte of a GET tells
        call = replace(_blob_call(repository, digest, "GET"), headers={"Range": "bytes=0-0"}, stream=True)
        answer = await self._session.call(replace(call, expected=frozenset({200, 206, 404, 416})))
        answer.close()
        return answer.status != 404

    async def blob(self, repository: Reference, descriptor: Descriptor) -> bytes:
        """A small blob, whole and checked. Raises InvalidValue for one above 8 MiB."""
        if descriptor.size > MAX_BLOB_BYTES:
            raise InvalidValue(f"blob {descriptor.digest} of {descriptor.size} bytes is too large to be held")
        if descriptor.size <= _ONE_ANSWER_BYTES:
            wanted = descriptor.parsed_digest
            data = (await self._session.call(_blob_call(repository, wanted, "GET"))).body
            if len(data) == descriptor.size and Digest.of(data, wanted.algorithm) == wanted:
                return data
        # the long way takes up what was cut, and says what is wrong with the rest
        async with aclosing(self.stream_blob(repository, descriptor)) as pieces:
            return b"".join([piece async for piece in pieces])

    def stream_blob(self, repository: Reference, descriptor: Descriptor) -> AsyncGenerator[bytes, None]:
        """A blob in pieces of about 1 MiB, checked against size and digest at its end.

        Close it (``contextlib.aclosing``) when leaving early. Raises NotFound, Mismatch, Unreachable.
        """
        call = _blob_call(repository, descriptor.parsed_digest, "GET")
        return download.stream(self._session, call, descriptor)


def _manifest_call(verb: str, method: str, reference: Reference) -> Call:
    at = reference.digest or reference.tag or "latest"
    return Call(
        f"{verb} the manifest of {reference}",
        reference.registry,
        reference.repository,
        method,
        f"/v2/{reference.repository}/manifests/{at}",
        (Scope.repository(reference.repository, "pull"),),
        headers=_ACCEPT,
        limit=MAX_MANIFEST_BYTES,
    )


def _blob_call(repository: Reference, digest: Digest, method: str) -> Call:
    return Call(
        f"read blob {digest.short} of {repository.name}",
        repository.registry,
        repository.repository,
        method,
        f"/v2/{repository.repository}/blobs/{digest}",
        (Scope.repository(repository.repository, "pull"),),
    )


def _media_type(answer: Answer) -> str:
    return answer.headers.get("Content-Type", "").partition(";")[0].strip().lower()


def _said_digest(answer: Answer) -> Digest | None:
    try:
        return Digest.parse(answer.headers.get("Docker-Content-Digest", ""))
    except InvalidValue:
        return None


def _manifest(answer: Answer, reference: Reference, action: str) -> Manifest:
    """The manifest in ``answer``, its type and digest checked. Raises Mismatch."""
    declared = Manifest(_media_type(answer), answer.body)
    inner = declared.body.media_type
    media_type = inner if inner and declared.media_type in _GENERIC_TYPES else declared.media_type
    if inner is not None and inner != media_type:
        raise Mismatch(
            f"cannot {action}: it is sent as {media_type} and says of itself {inner}",
            cause="the registry confuses media types, which clients must not believe",
        )
    if media_type not in MANIFEST_TYPES:
        raise Mismatch(
            f"cannot {action}: {media_type or 'it has no media type and'} is no manifest of an image",
            cause="an image in Docker's schema 1, which has to be pushed again, or no registry at all",
        )
    for digest in filter(None, (reference.digest, _said_digest(answer))):
        found = Digest.of(answer.body, digest.algorithm)
        _compare(reference.with_digest(digest), found, action)
    return Manifest(media_type, answer.body)


def _compare(reference: Reference, found: Digest, action: str) -> None:
    wanted = reference.digest
    if wanted is not None and wanted.algorithm == found.algorithm and wanted != found:
        raise Mismatch(
            f"cannot {action}: asked for {wanted}, the registry sends {found}",
            cause="the registry, its storage, or a proxy in between changes content",
        )
