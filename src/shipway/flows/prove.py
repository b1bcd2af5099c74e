"""Prove: leave with an image the evidence of how it came to be and what was seen of it.

A statement is one blob and one manifest that refers to the image (and the empty config, which all share).
With a key it is signed, and so is the image; everything is put side by side, since nothing depends on the
rest. What evidence looks like is decided in ``evidence.attachment``.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shipway.errors import Mismatch, NotFound
from shipway.evidence.attachment import (
    FINGERPRINT,
    Attachment,
    signature_claim,
    signed,
    tagged_attestation,
    tagged_signature,
    unsigned,
)
from shipway.evidence.provenance import Material, Provenance, ReadBack, Source
from shipway.evidence.statement import Statement
from shipway.fleet.builds import Builds, dockerfile_bytes
from shipway.fleet.model import Fleet, Image
from shipway.oci.manifest import Descriptor, Manifest
from shipway.oci.referrers import cosign_tags
from shipway.planning.plan import Step
from shipway.ports import Registry, Revision
from shipway.values import Digest, Platform, Reference

if TYPE_CHECKING:
    from shipway.evidence.keys import SigningKey


@dataclass(frozen=True, slots=True)
class Facts:
    """What a ship saw of one image, over all platforms ``size`` bytes. ``bases`` are the delivered images of
    the fleet that it was built on, by the reference in its Dockerfile, ``tools`` what built it."""

    step: Step
    run: int
    manifest: Descriptor
    platforms: tuple[Platform, ...]
    size: int
    started: datetime
    verified: datetime
    bases: Mapping[str, Reference] = field(default_factory=dict)
    tools: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Proof:
    """What was attached: the digests of the statement and of the manifest that holds it, and the key that
    signed, None where none did."""

    statement: Digest
    referrer: Digest
    key: Digest | None = None


@dataclass(frozen=True, slots=True)
class Prover:
    """Makes evidence of what was shipped and attaches it. ``revision`` tells what is checked out at a root of
    the fleet; ``tagged`` is whether signatures also go where cosign looked for them before version 3."""

    fleet: Fleet
    builds: Builds
    revision: Callable[[Path], Revision | None]
    registry: Registry
    key: SigningKey | None = None
    tagged: bool = True

    @property
    def key_id(self) -> str | None:
        """By what the ledger knows the key that signs."""
        return str(self.key.public.id) if self.key else None

    async def prove(self, facts: Facts, there: Reference) -> Proof:
        """Attach the evidence to the image at the digest of ``there``. Raises RegistryError."""
        name, subject = facts.step.repository.name, facts.manifest
        noted = {FINGERPRINT: facts.step.fingerprint}
        claim = self._provenance(facts).statement(name, subject.parsed_digest)
        if self.key is None:
            first = unsigned(claim, subject, noted)
            await self._put(there, [first])
            return Proof(Digest.of(claim.encode()), first.manifest.digest)
        first = signed(claim, self.key, subject, noted)
        signature = signed(signature_claim(name, subject.parsed_digest), self.key, subject, {})
        older = await self._tagged(there, claim, subject, self.key) if self.tagged else ()
        await self._put(there, [first, signature, *older])
        return Proof(Digest.of(claim.encode()), first.manifest.digest, self.key.public.id)

    # --- what is stated -----------------------------------------------------------------------

    def _provenance(self, facts: Facts) -> Provenance:
        image = self.fleet.image(facts.step.image)
        if image is None:
            raise Mismatch(f"{facts.step.image} is no image of the fleet")
        root = self.fleet.roots[image.root]
        text = dockerfile_bytes(self.builds.tree(root), image.inputs)
        return Provenance(
            image=image.name,
            fingerprint=facts.step.fingerprint,
            dockerfile=image.inputs.dockerfile,
            dockerfile_digest=Digest.of(text),
            read_back=ReadBack(tuple(map(str, facts.platforms)), facts.size, facts.verified),
            started=facts.started,
            run=f"run {facts.run}",
            inline=image.inputs.inline is not None,
            source=_source(self.revision(Path(root))),
            bases=tuple(_materials(image, facts.bases)),
            builders=dict(map(_named, facts.tools)),
            parameters=_parameters(image),
        )

    # --- putting it ---------------------------------------------------------------------------

    async def _tagged(
        self, there: Reference, claim: Statement, subject: Descriptor, key: SigningKey
    ) -> tuple[Attachment, ...]:
        digest = subject.parsed_digest
        signature, attestation, _ = cosign_tags(digest)
        standing = await asyncio.gather(*(self._standing(there, tag) for tag in (signature, attestation)))
        return (
            tagged_signature(there.name, digest, key, standing[0]),
            tagged_attestation(claim, digest, key, standing[1]),
        )

    async def _standing(self, there: Reference, tag: str) -> Manifest | None:
        """What is at a tag of cosign already, such as the signature of another key."""
        try:
            return await self.registry.manifest(there.with_tag(tag))
        except NotFound:
            return None

    async def _put(self, there: Reference, attachments: Sequence[Attachment]) -> None:
        blobs = dict.fromkeys(blob for attachment in attachments for blob in attachment.blobs)
        # small blobs that were made here: what pushes them sends the new ones and mounts the empty one
        await asyncio.gather(*(self._push(there, blob) for blob in blobs))
        await asyncio.gather(*(self._put_manifest(there, attachment) for attachment in attachments))

    async def _push(self, there: Reference, blob: bytes) -> None:
        async def body() -> AsyncIterator[bytes]:
            yield blob

        descriptor = Descriptor("application/octet-stream", str(Digest.of(blob)), len(blob))
        await self.registry.push_blob(there, descriptor, body)

    async def _put_manifest(self, there: Reference, attachment: Attachment) -> None:
        digest, tag = attachment.manifest.digest, attachment.tag
        at = there.with_tag(tag) if tag else there.with_digest(digest)
        await self.registry.put_manifest(at, attachment.manifest)


def _source(revision: Revision | None) -> Source | None:
    if revision is None:
        return None
    return Source(revision.commit, revision.dirty, revision.remote, revision.branch)


def _materials(image: Image, bases: Mapping[str, Reference]) -> Iterator[Material]:
    """Every base once, with the digest that it was pinned to, by the plan or by its author."""
    for base in {base.reference: base for base in image.bases if base.kind != "scratch"}.values():
        yield Material(base.reference, bases.get(base.reference) or _written(base.reference))


def _written(reference: str) -> Reference | None:
    """The reference itself where it names a digest."""
    if "@" not in reference:
        return None
    parsed = Reference.parse(reference)
    return parsed if parsed.digest else None


def _named(tool: str) -> tuple[str, str]:
    name, _, version = tool.partition(" ")
    return name, version


def _parameters(image: Image) -> dict[str, Any]:
    """What else the build was told. Of args the names alone: who may pull may read this."""
    inputs = image.inputs
    return {"context": inputs.context, "target": inputs.target, "args": sorted(inputs.args) or None}
