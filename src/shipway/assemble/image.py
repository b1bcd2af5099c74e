"""Layers and settings to the exact bytes of configuration and manifest (OCI image specification)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from shipway.assemble.metadata import Config
from shipway.assemble.stages import StageState
from shipway.assemble.tar import EPOCH
from shipway.oci.manifest import OCI_CONFIG, OCI_MANIFEST, Descriptor, Manifest
from shipway.values import Digest, Platform

_COMMENT = "shipway.assemble"
_INHERITED = ("os.version", "os.features")


@dataclass(frozen=True, slots=True)
class MadeLayer:
    """What the configuration and the manifest say of a layer."""

    descriptor: Descriptor
    diff_id: str


@dataclass(frozen=True, slots=True)
class Image:
    """An image that is ready but for its layers."""

    config: bytes
    manifest: Manifest

    @property
    def config_descriptor(self) -> Descriptor:
        return _descriptor(self.config)


def make_image(
    state: StageState, layers: Sequence[MadeLayer], platform: Platform, epoch: int | None
) -> Image:
    """The image of a stage. ``layers`` are those that it adds to its base; ``epoch`` is the time that the
    configuration names, in seconds since 1970."""
    config = _encoded(_document(state, layers, platform, _time(EPOCH if epoch is None else epoch)))
    below = state.base.layers if state.base else ()
    body = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": _plain(_descriptor(config)),
        "layers": [_plain(each) for each in (*below, *(layer.descriptor for layer in layers))],
    }
    return Image(config, Manifest(OCI_MANIFEST, _encoded(body)))


def _document(state: StageState, layers: Sequence[MadeLayer], platform: Platform, created: str) -> Config:
    base = state.base
    document: Config = {"created": created}
    if state.settings.author:
        document["author"] = state.settings.author
    document |= {"architecture": platform.architecture, "os": platform.os}
    before = base.document if base else {}
    is_same = (before.get("os"), before.get("architecture")) == (platform.os, platform.architecture)
    if platform.variant or (is_same and before.get("variant")):
        normal = Platform.normalised(platform.os, platform.architecture, before.get("variant") or "")
        document["variant"] = platform.variant or normal.variant
    document |= {name: before[name] for name in _INHERITED if is_same and before.get(name)}
    diff_ids = [*(base.diff_ids if base else ()), *(layer.diff_id for layer in layers)]
    return {
        **{name: value for name, value in document.items() if value},
        "config": {name: value for name, value in sorted(state.settings.config.items()) if value},
        "rootfs": {"type": "layers", "diff_ids": diff_ids},
        "history": [*(base.history if base else ()), *_history(state, created)],
    }


def _history(state: StageState, created: str) -> list[Config]:
    found = []
    for commit in state.commits:
        entry: Config = {"created": created, "created_by": commit.text, "comment": _COMMENT}
        if not commit.has_layer:
            entry["empty_layer"] = True
        found.append(entry)
    return found


def _time(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _descriptor(config: bytes) -> Descriptor:
    return Descriptor(OCI_CONFIG, str(Digest.of(config)), len(config))


def _plain(descriptor: Descriptor) -> Config:
    return {"mediaType": descriptor.media_type, "digest": descriptor.digest, "size": descriptor.size}


def _encoded(document: Config) -> bytes:
    """Compact JSON in UTF-8. Bytes that are no UTF-8 become U+FFFD, as Go's encoder makes them."""
    text = json.dumps(_clean(document), ensure_ascii=False, separators=(",", ":"))
    return text.encode()


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    if isinstance(value, dict):
        return {_clean(name): _clean(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_clean(each) for each in value]
    return value
