"""What a pushed manifest must be before the registry stores it.

Follows the OCI image specification 1.1 (manifest.md, image-index.md), Docker's schema 2, and the guard
against documents that are manifest and index at once (CVE-2021-41190).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from shipway.errors import InvalidValue, Mismatch
from shipway.oci.manifest import INDEX_TYPES, MANIFEST_TYPES, Descriptor, Manifest, ManifestBody
from shipway.registry.server.refusal import Refusal
from shipway.values import Digest


@dataclass(frozen=True, slots=True)
class Checked:
    """A manifest that is well formed: its bytes, the descriptor that referrers lists show for it, and the
    digests of what it needs. ``subject`` need not exist."""

    manifest: Manifest
    descriptor: Descriptor
    blobs: tuple[Digest, ...]
    children: tuple[Digest, ...]
    subject: Digest | None

    @property
    def digest(self) -> Digest:
        """The digest it is known by: sha256 unless the client pushed it by another."""
        return self.descriptor.parsed_digest


def check_manifest(content_type: str, data: bytes, digest: Digest) -> Checked:
    """Read a pushed manifest. ``content_type`` may have parameters or be empty; then the body tells.

    Refuses with MANIFEST_INVALID and the reason.
    """
    body = _read(data)
    media_type = content_type.partition(";")[0].strip().lower() or body.media_type or ""
    _require_shape(media_type, body)
    manifest = Manifest(media_type, data)
    return Checked(
        manifest=manifest,
        descriptor=_descriptor(manifest, digest),
        blobs=_digests(item for item in manifest.blobs if not _is_foreign(item)),
        children=_digests(manifest.children),
        subject=next(iter(_digests([body.subject])), None) if body.subject else None,
    )


def _read(data: bytes) -> ManifestBody:
    try:
        return Manifest("", data).body
    except Mismatch as error:
        raise _invalid(error.message) from None


def _require_shape(media_type: str, body: ManifestBody) -> None:
    if media_type not in MANIFEST_TYPES:
        raise _invalid(f"{media_type or 'no'} media type; known are {', '.join(MANIFEST_TYPES)}")
    if body.media_type is not None and body.media_type != media_type:
        raise _invalid(f"Content-Type is {media_type}, mediaType in the body {body.media_type}")
    if body.schema_version != 2:
        raise _invalid(f"schemaVersion is {body.schema_version}, it must be 2")
    image_like = body.config is not None or body.layers is not None
    if media_type in INDEX_TYPES and (image_like or body.manifests is None):
        raise _invalid("an index has manifests, and neither config nor layers")
    if media_type not in INDEX_TYPES and (body.config is None or body.manifests is not None):
        raise _invalid("an image manifest has a config, and no manifests")


def _descriptor(manifest: Manifest, digest: Digest) -> Descriptor:
    body = manifest.body
    # distribution specification 1.1, § Listing Referrers: only an image falls back to its config
    fallback = body.config.media_type if body.config else None
    return Descriptor(
        manifest.media_type,
        str(digest),
        len(manifest.data),
        annotations=body.annotations,
        artifact_type=body.artifact_type or fallback,
    )


def _is_foreign(layer: Descriptor) -> bool:
    """Layers that are fetched from elsewhere and by their licence may not be here."""
    return bool(layer.urls) or "nondistributable" in layer.media_type or ".foreign." in layer.media_type


def _digests(descriptors: Iterable[Descriptor]) -> tuple[Digest, ...]:
    try:
        return tuple(dict.fromkeys(descriptor.parsed_digest for descriptor in descriptors))
    except InvalidValue as error:
        raise _invalid(error.message) from None


def _invalid(reason: str) -> Refusal:
    return Refusal(400, "MANIFEST_INVALID", f"the manifest is not valid: {reason}")
