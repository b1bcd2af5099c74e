"""Manifests and indexes: exact bytes, and what they say.

Follows the OCI image specification 1.1 (manifest.md, image-index.md, descriptor.md) and Docker's image
manifest version 2, schema 2. Bytes are kept as they came, since the digest is over them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

import msgspec

from shipway.errors import Mismatch
from shipway.values import Digest, Platform

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
OCI_LAYER_TAR = "application/vnd.oci.image.layer.v1.tar"
OCI_LAYER_GZIP = "application/vnd.oci.image.layer.v1.tar+gzip"
OCI_LAYER_ZSTD = "application/vnd.oci.image.layer.v1.tar+zstd"
OCI_EMPTY = "application/vnd.oci.empty.v1+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json"

MANIFEST_TYPES = (OCI_MANIFEST, OCI_INDEX, DOCKER_MANIFEST, DOCKER_LIST)
INDEX_TYPES = frozenset({OCI_INDEX, DOCKER_LIST})
MAX_MANIFEST_BYTES = 8 * 1024 * 1024


class WirePlatform(msgspec.Struct, frozen=True, omit_defaults=True):
    """``platform`` of a descriptor in an index."""

    architecture: str = ""
    os: str = ""
    os_version: str | None = msgspec.field(default=None, name="os.version")
    os_features: tuple[str, ...] | None = msgspec.field(default=None, name="os.features")
    variant: str | None = None


class Descriptor(msgspec.Struct, frozen=True, omit_defaults=True, rename="camel"):
    """A typed pointer to content (descriptor.md). ``size`` is in bytes."""

    media_type: str
    digest: str
    size: int
    platform: WirePlatform | None = None
    annotations: dict[str, str] | None = None
    artifact_type: str | None = None
    data: str | None = None
    urls: tuple[str, ...] | None = None

    @property
    def is_index(self) -> bool:
        return self.media_type in INDEX_TYPES

    @property
    def parsed_digest(self) -> Digest:
        """Raises InvalidValue when the digest is malformed."""
        return Digest.parse(self.digest)

    @property
    def parsed_platform(self) -> Platform | None:
        """The platform in an index; None without one, and for attestations (``unknown/unknown``)."""
        if self.platform is None or self.platform.os in ("", "unknown"):
            return None
        return Platform.normalised(self.platform.os, self.platform.architecture, self.platform.variant or "")


class ManifestBody(msgspec.Struct, frozen=True, omit_defaults=True, rename="camel"):
    """The fields that manifests and indexes share; unknown ones are left in the bytes."""

    schema_version: int = 2
    media_type: str | None = None
    config: Descriptor | None = None
    layers: tuple[Descriptor, ...] | None = None
    manifests: tuple[Descriptor, ...] | None = None
    subject: Descriptor | None = None
    artifact_type: str | None = None
    annotations: dict[str, str] | None = None


@dataclass(frozen=True)
class Manifest:
    """An image manifest or an index, with its exact bytes."""

    media_type: str
    data: bytes

    @cached_property
    def digest(self) -> Digest:
        return Digest.of(self.data)

    @cached_property
    def body(self) -> ManifestBody:
        """What the bytes say. Raises Mismatch when they are no manifest."""
        try:
            return msgspec.json.decode(self.data, type=ManifestBody)
        except msgspec.MsgspecError as error:
            raise Mismatch(f"manifest {self.digest.short} cannot be read: {error}") from None

    @property
    def is_index(self) -> bool:
        return self.media_type in INDEX_TYPES

    @property
    def descriptor(self) -> Descriptor:
        return Descriptor(self.media_type, str(self.digest), len(self.data))

    @property
    def children(self) -> tuple[Descriptor, ...]:
        """The manifests of an index; empty for an image manifest."""
        return self.body.manifests or ()

    @property
    def subject(self) -> Digest | None:
        """What this manifest refers to (manifest.md, § subject). Raises InvalidValue for a malformed one."""
        return self.body.subject.parsed_digest if self.body.subject else None

    @property
    def blobs(self) -> tuple[Descriptor, ...]:
        """Config and layers of an image manifest; empty for an index."""
        config = (self.body.config,) if self.body.config else ()
        return config + (self.body.layers or ())


class RunConfig(msgspec.Struct, frozen=True):
    """``config`` of an image configuration, as far as Shipway looks at it (config.md)."""

    Labels: Mapping[str, str] | None = None
    User: str = ""
    Entrypoint: tuple[str, ...] | None = None
    Cmd: tuple[str, ...] | None = None
    Env: tuple[str, ...] | None = None


class RootFs(msgspec.Struct, frozen=True):
    diff_ids: tuple[str, ...] = ()


class ImageConfig(msgspec.Struct, frozen=True):
    """An image configuration, as far as Shipway looks at it (config.md)."""

    architecture: str = ""
    os: str = ""
    variant: str | None = None
    created: str | None = None
    config: RunConfig | None = None
    rootfs: RootFs = RootFs()

    @property
    def platform(self) -> Platform:
        return Platform.normalised(self.os, self.architecture, self.variant or "")


def read_config(data: bytes) -> ImageConfig:
    """Parse an image configuration. Raises Mismatch when it is none."""
    try:
        return msgspec.json.decode(data, type=ImageConfig)
    except msgspec.MsgspecError as error:
        raise Mismatch(f"image configuration cannot be read: {error}") from None


def index_of(
    children: list[tuple[Descriptor, Platform]],
    annotations: Mapping[str, str] | None = None,
    attestations: Iterable[Descriptor] = (),
) -> Manifest:
    """An OCI index over image manifests, in the order given, then what is attested about them."""
    entries = tuple(
        Descriptor(
            child.media_type,
            child.digest,
            child.size,
            platform=WirePlatform(platform.architecture, platform.os, variant=platform.variant or None),
        )
        for child, platform in children
    )
    body = ManifestBody(
        media_type=OCI_INDEX,
        manifests=(*entries, *attestations),
        annotations=dict(annotations) if annotations else None,
    )
    # schemaVersion is required by the specification and must not be omitted as a default
    encoded = msgspec.json.decode(msgspec.json.encode(body))
    return Manifest(OCI_INDEX, msgspec.json.encode({"schemaVersion": 2, **encoded}))
