"""Lists of what refers to a manifest, where nobody but their writers keeps them, and cosign's older tags.

Follows the OCI distribution specification 1.1, § Referrers Tag Schema, and cosign's tag-based discovery.
"""

from __future__ import annotations

import json
import re
from typing import Any

import msgspec

from shipway.errors import Mismatch
from shipway.oci.manifest import OCI_INDEX, Descriptor, Manifest
from shipway.values import Digest

_COSIGN_ENDS = ("sig", "att", "sbom")
_ABOUT = re.compile(r"(?:sha256-[0-9a-f]{64}|sha512-[0-9a-f]{64})(?:\.(?:sig|att|sbom))?\Z")


def fallback_tag(digest: Digest) -> str:
    """The tag of the index that lists what refers to ``digest``."""
    return f"{digest.algorithm[:32]}-{digest.hex[:64]}"


def cosign_tags(digest: Digest) -> tuple[str, ...]:
    """Where cosign keeps signatures, attestations and SBOMs of ``digest``."""
    return tuple(f"{digest.algorithm}-{digest.hex}.{end}" for end in _COSIGN_ENDS)


def is_about_another(tag: str) -> bool:
    """Whether ``tag`` is no image of its own, but a list of referrers or one of cosign's tags."""
    return _ABOUT.match(tag) is not None


def listing(index: Manifest) -> list[Descriptor]:
    """The entries of the index at a fallback tag; none when something else is there."""
    return list(index.children) if index.is_index else []


def with_referrer(index: Manifest | None, referrer: Manifest) -> Manifest:
    """The list with an entry for ``referrer``: ``index`` itself when it has one, a new one for None.

    Entries that are there keep their bytes' meaning, fields unknown here too. Raises Mismatch when
    ``index`` is none.
    """
    if index is None:
        return _index([_entry(referrer)])
    if not index.is_index:
        raise Mismatch(
            f"the tag for what refers to {referrer.subject} holds no index, but {index.media_type}",
            help="look at what was pushed there, and remove it",
        )
    if any(child.digest == str(referrer.digest) for child in index.children):
        return index
    return _index([*json.loads(index.data)["manifests"], _entry(referrer)])


def _index(entries: list[Any]) -> Manifest:
    body = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries}
    return Manifest(OCI_INDEX, msgspec.json.encode(body))


def _entry(referrer: Manifest) -> dict[str, Any]:
    """As the referrers API would list it: with artifact type and annotations."""
    body, entry = referrer.body, msgspec.to_builtins(referrer.descriptor)
    artifact_type = body.artifact_type or (body.config.media_type if body.config else None)
    if artifact_type:
        entry["artifactType"] = artifact_type
    if body.annotations:
        entry["annotations"] = body.annotations
    return dict(entry)
