"""What a tag is moved to before it is deleted, where a registry deletes by digest only."""

from __future__ import annotations

import msgspec

from shipway.errors import Mismatch
from shipway.oci.manifest import OCI_EMPTY, OCI_MANIFEST, Manifest
from shipway.values import Digest

CONTENT = b"{}"
_MARK = "dev.shipway.untag"


def placeholder(tag: str, nonce: str) -> Manifest:
    """A manifest that nothing else can have the digest of. Its only blob is ``CONTENT``."""
    blob = {"mediaType": OCI_EMPTY, "digest": str(Digest.of(CONTENT)), "size": len(CONTENT)}
    body = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": blob,
        "layers": [blob],
        "annotations": {_MARK: f"{tag} {nonce}"},
    }
    return Manifest(OCI_MANIFEST, msgspec.json.encode(body))


def is_placeholder(manifest: Manifest) -> bool:
    """Whether a run that was killed left this behind."""
    try:
        return _MARK in (manifest.body.annotations or {})
    except Mismatch:
        return False
