"""Verify one image: each claim on its own, so that one that fails hides no other."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from shipway.errors import InvalidValue, Mismatch, NotFound, RegistryError
from shipway.evidence.attachment import Exhibit
from shipway.evidence.judge import Attested, Check, judge_provenance, judge_signature
from shipway.evidence.provenance import Provenance
from shipway.flows.readback import Seen, look
from shipway.flows.verifying.exhibits import referred, tagged
from shipway.flows.verifying.origin import Origin, check_fingerprint
from shipway.ports import Referring
from shipway.values import Digest, Platform, Reference

if TYPE_CHECKING:
    from shipway.evidence.keys import PublicKey


@dataclass(frozen=True, slots=True)
class Subject:
    """What is verified: ``reference`` as people name it, ``real`` at an address that can be reached.

    ``digest`` is what it must be, ``platforms`` what it must have, None where nothing here tells; ``image``
    is its name in the fleet.
    """

    reference: Reference
    real: Reference
    origin: Origin
    image: str | None = None
    digest: Digest | None = None
    platforms: tuple[Platform, ...] | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was seen of one image. ``provenance`` is what holds of it, found at the manifest ``at``;
    ``stand_in`` tells that it says of itself that it runs in place of a service without code."""

    subject: Subject
    checks: tuple[Check, ...]
    digest: Digest | None = None
    provenance: Provenance | None = None
    at: Digest | None = None
    error: RegistryError | None = None
    stand_in: bool = False


@dataclass(frozen=True, slots=True)
class Verifier:
    """Looks at images in ``registry``. With ``key`` they must be signed; ``deep`` reads every layer."""

    registry: Referring
    key: PublicKey | None = None
    deep: bool = False

    async def verify(self, subject: Subject) -> Verdict:
        """Every check of one image. Registries that fail make checks unobserved; nothing is raised."""
        try:
            digest = await self._resolved(subject)
        except RegistryError as error:
            return Verdict(subject, (_from_error("digest", error),), error=error)
        if digest is None:
            detail = f"there is no {subject.reference}"
            return Verdict(subject, (Check("digest", "absent", detail, "no-such-image"),))
        at = subject.real.with_digest(digest)
        named = _check_digest(subject, digest)
        (content, seen), attested = await asyncio.gather(self._content(at), self._attested(at, digest))
        signature, provenance = attested
        told = provenance.provenance
        checks = [named, *content, _check_platforms(subject, seen, told), signature]
        checks.append(_about(subject, provenance))
        if told is not None:
            checks += [check_fingerprint(told, seen)] if seen else []
            checks += await subject.origin.checks(told)
        marked = seen is not None and seen.stand_in
        return Verdict(subject, tuple(checks), digest, told, provenance.at, stand_in=marked)

    async def _resolved(self, subject: Subject) -> Digest | None:
        """The digest that the tag names, without one that which was asked for; None when nothing is there."""
        at = replace(subject.real, digest=None) if subject.real.tag else subject.real
        found = await self.registry.head(at)
        return found.parsed_digest if found else None

    # --- the image ----------------------------------------------------------------------------

    async def _content(self, at: Reference) -> tuple[list[Check], Seen | None]:
        """Whether manifests, configs and layers are there, and with ``deep`` what they should be."""
        try:
            seen = await look(self.registry, at)
            if self.deep:
                for layer in seen.layers:
                    async for _ in self.registry.stream_blob(at, layer):
                        pass
        except (RegistryError, InvalidValue) as error:
            return [_from_error("content", error)], None
        read = "read whole" if self.deep else "there"
        return [Check("content", "verified", f"{len(seen.layers)} layers, {read}")], seen

    # --- the evidence -------------------------------------------------------------------------

    async def _attested(self, at: Reference, digest: Digest) -> tuple[Check, Attested]:
        """Signature and provenance, from referrers, and where these do not do, from the tags of cosign."""
        exhibits: list[Exhibit] = []
        sources: tuple[Callable[[], Awaitable[list[Exhibit]]], ...] = (
            lambda: referred(self.registry, at),
            lambda: tagged(self.registry, at, digest),
        )
        for source in sources:
            try:
                exhibits += await source()
            except (RegistryError, InvalidValue) as error:
                return _from_error("signature", error), Attested(_from_error("provenance", error))
            signature = judge_signature(exhibits, self.key, digest)
            provenance = judge_provenance(exhibits, self.key, digest)
            if signature.state in ("verified", "skipped") and provenance.provenance is not None:
                break
        return signature, provenance


def _check_digest(subject: Subject, digest: Digest) -> Check:
    if subject.digest in (None, digest):
        return Check("digest", "verified", str(digest))
    detail = f"{subject.reference} names {digest}, not {subject.digest}"
    return Check("digest", "failed", detail, "wrong-digest")


def _check_platforms(subject: Subject, seen: Seen | None, told: Provenance | None) -> Check:
    if seen is None:
        return Check("platforms", "unobserved", "the image cannot be read", "unreadable-image")
    has = {str(platform) for platform in seen.platforms}
    wanted = set(map(str, subject.platforms)) if subject.platforms is not None else None
    if wanted is None and told is not None:
        wanted = set(told.read_back.platforms)
    listed = ", ".join(sorted(has)) or "none"
    if wanted is None or wanted == has:
        return Check("platforms", "verified", listed)
    if missing := sorted(wanted - has):
        return Check("platforms", "failed", f"{', '.join(missing)} is missing", "missing-platform")
    return Check("platforms", "failed", f"it has {listed}, more than it should", "other-platforms")


def _about(subject: Subject, found: Attested) -> Check:
    """The provenance, which must be of this image of the fleet and not of another one under its name."""
    told = found.provenance
    if told is None or subject.image in (None, told.image):
        return found.check
    detail = f"it is that of {told.image}: another image of the fleet was put here"
    return Check("provenance", "failed", detail, "other-image")


def _from_error(name: str, error: RegistryError | InvalidValue) -> Check:
    """What an error of the registry means for a check."""
    if isinstance(error, NotFound):
        return Check(name, "failed", error.message, "incomplete")
    if isinstance(error, Mismatch | InvalidValue):
        reason = getattr(error, "reason", "") or "changed"
        return Check(name, "failed", error.message, reason)
    return Check(name, "unobserved", error.message, error.reason or "unreachable")
