"""What is promoted: an image as the registry holds it now, whole, verified and traced to its commit."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from shipway.errors import NotMet
from shipway.evidence.judge import Check
from shipway.flows.build import REVISION_LABEL
from shipway.flows.verifying.image import Subject, Verdict, Verifier
from shipway.oci.manifest import Manifest, read_config
from shipway.ports import Registry
from shipway.values import Digest, Platform, Reference

# what must hold of whatever is promoted; that it is signed only where the fleet has a key
_REQUIRED = frozenset({"digest", "content", "platforms"})
_NEVER_FALSE = frozenset({"signature", "provenance", "fingerprint", "source", "dockerfile"})


@dataclass(frozen=True, slots=True)
class Wanted:
    """An image to promote. ``reference`` has tag and digest; ``commit`` is what it was built from and
    ``statement`` the manifest of its provenance, ``""`` where neither label nor provenance tells;
    ``root`` is the repository of its sources here. ``stand_in`` tells that it has no code of its own."""

    image: str
    reference: Reference
    real: Reference
    digest: Digest
    platforms: tuple[Platform, ...] = ()
    commit: str = ""
    statement: str = ""
    stand_in: bool = False
    root: Path | None = None
    notes: tuple[str, ...] = ()


async def verified(verifier: Verifier, subjects: Sequence[Subject]) -> tuple[Wanted, ...]:
    """What ``subjects`` are. Raises NotMet for the first one that is not what it should be."""
    verdicts = await asyncio.gather(*map(verifier.verify, subjects))
    return tuple(await asyncio.gather(*(_wanted(verifier, verdict) for verdict in verdicts)))


async def _wanted(verifier: Verifier, verdict: Verdict) -> Wanted:
    subject = verdict.subject
    for check in verdict.checks:
        if _is_against(check, signed=verifier.key is not None):
            raise NotMet(
                f"{subject.reference} cannot be promoted: {check.name} {check.state}",
                cause=check.detail,
                help=f"shipway verify {subject.reference} tells every check",
            ) from verdict.error
    if verdict.digest is None:
        raise NotMet(f"there is no {subject.reference}", help="deliver it first: shipway ship")
    told = verdict.provenance
    labels = await labels_of(verifier.registry, subject.real.with_digest(verdict.digest))
    commit = labels.get(REVISION_LABEL, "") or (told.source.commit if told and told.source else "")
    reference = replace(subject.reference, digest=verdict.digest)
    notes = () if told else (f"{subject.reference} has no provenance: only its content was verified",)
    return Wanted(
        subject.image or subject.reference.repository.rpartition("/")[2],
        reference,
        subject.real,
        verdict.digest,
        subject.platforms or (),
        commit,
        str(verdict.at or ""),
        verdict.stand_in,
        subject.origin.root,
        notes,
    )


def _is_against(check: Check, *, signed: bool) -> bool:
    if check.name in _REQUIRED or (check.name == "signature" and signed):
        return check.state not in ("verified", "skipped")
    return check.name in _NEVER_FALSE and check.state == "failed"


async def labels_of(registry: Registry, reference: Reference) -> Mapping[str, str]:
    """The labels of an image, of an index those of its first image. Raises RegistryError."""
    manifest: Manifest = await registry.manifest(reference)
    images = [child for child in manifest.children if child.parsed_platform is not None]
    if images:
        manifest = await registry.manifest(reference.with_digest(images[0].parsed_digest))
    if manifest.body.config is None:
        return {}
    config = read_config(await registry.blob(reference, manifest.body.config))
    return (config.config.Labels if config.config else None) or {}


Real = Callable[[Reference], Reference]
"""Where a reference can be reached."""
