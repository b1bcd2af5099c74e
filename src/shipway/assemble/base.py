"""An image from outside that a stage builds on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import msgspec

from shipway.assemble.root import Root
from shipway.errors import CannotAssemble, Mismatch
from shipway.oci.manifest import (
    OCI_LAYER_GZIP,
    OCI_LAYER_TAR,
    OCI_LAYER_ZSTD,
    Descriptor,
    Manifest,
)
from shipway.values import Reference

_LAYERS: Mapping[str, str] = {
    **{each: each for each in (OCI_LAYER_TAR, OCI_LAYER_GZIP, OCI_LAYER_ZSTD)},
    "application/vnd.docker.image.rootfs.diff.tar": OCI_LAYER_TAR,
    "application/vnd.docker.image.rootfs.diff.tar.gzip": OCI_LAYER_GZIP,
    "application/vnd.docker.image.rootfs.diff.tar.zstd": OCI_LAYER_ZSTD,
}


@dataclass(frozen=True)
class BaseImage:
    """``at`` is the repository that holds its blobs, ``document`` its whole configuration, ``layers`` are in
    OCI's media types. ``root`` are its files, None where they were not read."""

    at: Reference
    document: Mapping[str, Any]
    layers: tuple[Descriptor, ...]
    root: Root | None = None

    @cached_property
    def config(self) -> Mapping[str, Any]:
        """What containers start with."""
        return self.document.get("config") or {}

    @property
    def author(self) -> str:
        return str(self.document.get("author") or "")

    @property
    def environment(self) -> dict[str, str]:
        pairs = (each.partition("=") for each in self.config.get("Env") or ())
        return {name: value for name, _, value in pairs}

    @property
    def diff_ids(self) -> Sequence[str]:
        return (self.document.get("rootfs") or {}).get("diff_ids") or ()

    @property
    def history(self) -> Sequence[Mapping[str, Any]]:
        return self.document.get("history") or ()


def read_base(at: Reference, manifest: Manifest, config: bytes) -> BaseImage:
    """The image of ``manifest``. Raises Mismatch for a broken one, CannotAssemble for unknown layers."""
    try:
        document = msgspec.json.decode(config, type=dict[str, Any])
    except msgspec.MsgspecError as error:
        raise Mismatch(f"the configuration of {at} cannot be read: {error}") from None
    layers = tuple(_oci(layer) for layer in manifest.body.layers or ())
    base = BaseImage(at.without_version(), document, layers)
    if len(base.diff_ids) != len(layers):
        raise Mismatch(f"{at} has {len(layers)} layers, its config names {len(base.diff_ids)}")
    return base


def _oci(layer: Descriptor) -> Descriptor:
    media_type = _LAYERS.get(layer.media_type)
    if media_type is None:
        raise CannotAssemble(f"the base has a layer of the type {layer.media_type}")
    return Descriptor(media_type, layer.digest, layer.size)
