"""What engines write about a build into its image that says nothing about the image, taken out again.

buildah notes the local name of every parent in the history, and as the base in the annotations; the name of
a base in staging has the port of this run in it, so that no two builds would give the same digest. Engines
put the values of build args into the history too.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from shipway.errors import Mismatch
from shipway.oci.manifest import Manifest
from shipway.values import Digest

BASE_KEYS = ("org.opencontainers.image.base.name", "org.opencontainers.image.base.digest")
_PARENT = "FROM "
_MASK = "***"
# shorter values are found by chance
_SHORTEST = 4


@dataclass(frozen=True, slots=True)
class Tidied:
    """An image manifest with its config; ``leaks`` are where a secret stays that is not in the history."""

    manifest: Manifest
    config: bytes
    leaks: tuple[str, ...] = ()


def tidied(manifest: Manifest, config: bytes, secrets: Mapping[str, str]) -> Tidied:
    """The image without notes of the engine about this machine, and without the values of ``secrets``.

    ``secrets`` are build args by name. The base of the annotations is the one that the labels tell. Bytes
    that need no change stay as they are. Raises Mismatch for a manifest or config that is no JSON object.
    """
    image, body = _object(config), _object(manifest.data)
    _tidy_history(image, secrets)
    leaks = tuple(dict.fromkeys(_leaks(image, secrets, "config")))
    new_config = _encoded(image, config)
    _name_base(body, image)
    if new_config != config:
        described = {"digest": str(Digest.of(new_config)), "size": len(new_config)}
        body["config"] = {**body["config"], **described}
    return Tidied(Manifest(manifest.media_type, _encoded(body, manifest.data)), new_config, leaks)


def _object(data: bytes) -> dict[str, Any]:
    try:
        found = json.loads(data)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise Mismatch("what the engine pushed is no image", cause="its manifest or config is no JSON object")
    return found


def _encoded(changed: dict[str, Any], before: bytes) -> bytes:
    return before if json.loads(before) == changed else msgspec.json.encode(changed)


def _tidy_history(image: dict[str, Any], secrets: Mapping[str, str]) -> None:
    for entry in image.get("history") or ():
        if str(entry.get("comment", "")).startswith(_PARENT):
            del entry["comment"]
        for key, value in entry.items():
            if isinstance(value, str):
                entry[key] = _masked(value, secrets)


def _masked(text: str, secrets: Mapping[str, str]) -> str:
    for name, value in secrets.items():
        if value:
            text = text.replace(f"{name}={value}", f"{name}={_MASK}")
            text = text.replace(value, _MASK) if len(value) >= _SHORTEST else text
    return text


def _leaks(value: object, secrets: Mapping[str, str], path: str) -> Iterator[str]:
    """The paths of texts with a secret in them."""
    if isinstance(value, dict):
        for key, each in value.items():
            yield from _leaks(each, secrets, f"{path}.{key}")
    elif isinstance(value, list):
        for each in value:
            yield from _leaks(each, secrets, path)
    elif isinstance(value, str) and any(len(s) >= _SHORTEST and s in value for s in secrets.values()):
        yield path


def _name_base(body: dict[str, Any], image: dict[str, Any]) -> None:
    annotations = body.get("annotations")
    if not annotations or not any(key in annotations for key in BASE_KEYS):
        return
    labels = (image.get("config") or {}).get("Labels") or {}
    rest = {key: value for key, value in annotations.items() if key not in BASE_KEYS}
    body["annotations"] = {**rest, **{key: labels[key] for key in BASE_KEYS if key in labels}}
    if not body["annotations"]:
        del body["annotations"]
