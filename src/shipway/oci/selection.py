"""Some platforms of an index: a new index over the same manifests, byte for byte (image-index.md)."""

from __future__ import annotations

import json
from collections.abc import Collection

import msgspec

from shipway.errors import NotFound
from shipway.oci.manifest import Descriptor, Manifest
from shipway.values import Platform

# what BuildKit's attestations say they are about
_ABOUT = "vnd.docker.reference.digest"


def select_platforms(index: Manifest, wanted: Collection[Platform]) -> Manifest:
    """``index`` with the ``wanted`` platforms only, and their attestations; itself when that is all of it.

    Entries, annotations and fields unknown here stay as they are. Raises NotFound for a platform that it
    does not have.
    """
    has = {child.parsed_platform for child in index.children} - {None}
    lacking = sorted(str(platform) for platform in wanted if platform not in has)
    if lacking:
        names = ", ".join(sorted(str(platform) for platform in has)) or "none"
        raise NotFound(
            f"the image has no platform {', '.join(lacking)}",
            cause=f"it has {names}",
            help="choose from these with --platform",
        )
    kept = {child.digest for child in index.children if child.parsed_platform in wanted}
    places = [number for number, child in enumerate(index.children) if _stays(child, kept)]
    if len(places) == len(index.children):
        return index
    body = json.loads(index.data)
    body["manifests"] = [body["manifests"][number] for number in places]
    return Manifest(index.media_type, msgspec.json.encode(body))


def _stays(child: Descriptor, kept: Collection[str]) -> bool:
    return child.digest in kept or (child.annotations or {}).get(_ABOUT) in kept
