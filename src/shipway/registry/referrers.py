"""What refers to a manifest: signatures, SBOMs, attestations (distribution spec 1.1, § Referrers).

Registries with the API keep the list themselves. For the others whoever pushes keeps it, as an index at a
fallback tag (§ Referrers Tag Schema); writers of that race, so it is re-read and written again.
"""

from __future__ import annotations

import asyncio

from shipway.errors import InvalidValue, Mismatch, NotFound, RegistryError
from shipway.oci.manifest import OCI_INDEX, Descriptor, Manifest
from shipway.oci.referrers import fallback_tag, listing, with_referrer
from shipway.registry.auth import Scope
from shipway.registry.content import Content
from shipway.registry.diagnose import is_page
from shipway.registry.paging import pages
from shipway.registry.session import Call, Session
from shipway.values import Digest, Reference

_RACES = 8
_PAUSE = 0.1


class Referrers:
    """Lists what refers to a manifest, and sees that what is put is listed."""

    def __init__(self, session: Session, content: Content) -> None:
        self._session = session
        self._content = content
        self._without_api: set[str] = set()
        self._locks: dict[tuple[str, str], asyncio.Lock] = {}

    async def of(self, reference: Reference) -> list[Descriptor]:
        """What refers to the digest of ``reference``. Raises InvalidValue without one."""
        digest = digest_of(reference)
        found = None if reference.registry in self._without_api else await self.listed(reference)
        return await self._at_tag(reference, digest) if found is None else found

    async def listed_if_any(self, reference: Reference) -> list[Descriptor]:
        """The same where it is known that there is no fallback tag."""
        found = None if reference.registry in self._without_api else await self.listed(reference)
        return found or []

    async def listed(self, reference: Reference) -> list[Descriptor] | None:
        """What the referrers API lists; None where there is no such API."""
        call = Call(
            f"list what refers to {reference}",
            reference.registry,
            reference.repository,
            "GET",
            f"/v2/{reference.repository}/referrers/{digest_of(reference)}",
            (Scope.repository(reference.repository, "pull"),),
            headers={"Accept": OCI_INDEX},
            follow=False,
        )
        found: list[Descriptor] = []
        try:
            async for answer in pages(self._session, call):
                if is_page(answer.headers, ""):
                    self._remember_lack(reference)
                    return None
                found.extend(_entries(answer.body, call.action))
        except RegistryError as error:
            # without the API: 404, 401 without a challenge (Harbor 2.7), 303 to a web site (GHCR)
            if error.status in (0, 429) or error.status >= 500:
                raise
            self._remember_lack(reference)
            return None
        return found

    def _remember_lack(self, reference: Reference) -> None:
        self._without_api.add(reference.registry)

    async def _at_tag(self, reference: Reference, digest: Digest) -> list[Descriptor]:
        try:
            return listing(await self._content.manifest(reference.with_tag(fallback_tag(digest))))
        except NotFound:
            return []

    async def put(self, reference: Reference, manifest: Manifest) -> Digest:
        """Put a manifest, and list it at the fallback tag where its registry does not list it by itself."""
        put = await self._content.put_manifest(reference, manifest)
        subject = manifest.subject
        if subject is not None and not put.lists_subject:
            tagged = reference.with_tag(fallback_tag(subject))
            async with self._locks.setdefault((reference.name, str(tagged.tag)), asyncio.Lock()):
                await self._enter(tagged, manifest)
        return put.digest

    async def _enter(self, tagged: Reference, manifest: Manifest) -> None:
        """Add ``manifest`` to the list at ``tagged``, whoever else writes to it meanwhile."""
        for number in range(_RACES):
            found, etag = await self._standing(tagged)
            wanted = with_referrer(found, manifest)
            if found is not None and wanted.data == found.data:
                return
            put = await self._content.put_manifest(tagged, wanted, if_match=etag)
            if put.raced or number:
                await self._session.transport.pause(_PAUSE * (number + 1))
        raise Mismatch(
            f"cannot list {manifest.digest} at {tagged}: others write to it all the time",
            help="run the same command again",
        )

    async def _standing(self, tagged: Reference) -> tuple[Manifest | None, str]:
        try:
            read = await self._content.tagged(tagged)
        except NotFound:
            return None, ""
        return read.manifest, read.etag


def digest_of(reference: Reference) -> Digest:
    """The digest of a reference. Raises InvalidValue without one."""
    if reference.digest is None:
        raise InvalidValue(f"{reference} has no digest", cause="referrers are kept by digest")
    return reference.digest


def _entries(body: bytes, action: str) -> tuple[Descriptor, ...]:
    try:
        return Manifest(OCI_INDEX, body).children
    except Mismatch:
        raise Mismatch(
            f"cannot {action}: the answer is no index", cause="a broken registry or proxy"
        ) from None
