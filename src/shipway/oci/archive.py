"""Docker archives: the tar files of ``docker save``, read and written.

Since Docker 25 they hold an OCI image layout beside ``manifest.json``; before, ``manifest.json`` alone, with
configs and layers as plain tar files, from which a manifest is made here. Follows moby's
``image/tarexport`` and the image specification v1.2 of Docker.
"""

from __future__ import annotations

import os
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import BinaryIO, TypeVar

import msgspec

from shipway.errors import InvalidValue, Mismatch
from shipway.oci.files import reported
from shipway.oci.layout import REF_NAME
from shipway.oci.manifest import (
    MAX_MANIFEST_BYTES,
    OCI_CONFIG,
    OCI_INDEX,
    OCI_LAYER_TAR,
    OCI_MANIFEST,
    Descriptor,
    Manifest,
    read_config,
)
from shipway.values import Digest, Reference

PIECE = 1 << 20
_T = TypeVar("_T")
_CONTAINERD_NAME = "io.containerd.image.name"
_MAX_MEMBERS = 100_000
_END = b"\0" * (2 * tarfile.BLOCKSIZE)
_COMPRESSED = {b"\x1f\x8b": "gunzip", b"BZ": "bunzip2", b"\xfd7": "unxz", b"\x28\xb5": "unzstd"}


class _Saved(msgspec.Struct, frozen=True, rename="pascal"):
    """An entry of ``manifest.json``."""

    config: str
    repo_tags: tuple[str, ...] | None = None
    layers: tuple[str, ...] = ()


class _IndexFile(msgspec.Struct, frozen=True):
    manifests: tuple[Descriptor, ...] = ()


@dataclass(frozen=True, slots=True)
class Extent:
    """Where bytes are in the file."""

    start: int
    size: int


class DockerArchive:
    """The archive in ``path``, opened: what it holds is known by digest, nothing is unpacked.

    Raises HostError when it cannot be read, Mismatch when it is no docker archive.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        with reported(f"read {path}"):
            self._members = _members(path)
        self._blobs: dict[str, Extent] = {}
        self._made: dict[str, Manifest] = {}
        self.entries: tuple[tuple[str | None, Descriptor], ...] = tuple(self._entries())

    def extent(self, digest: Digest) -> Extent | None:
        """Where a blob or a manifest is in the file; None when it is not here."""
        path = f"blobs/{digest.algorithm}/{digest.hex}"
        return self._blobs.get(str(digest)) or self._members.get(path)

    def read(self, digest: Digest) -> bytes | None:
        """A manifest or another small blob, checked. Raises Mismatch when it is another or too large."""
        if (made := self._made.get(str(digest))) is not None:
            return made.data
        extent = self.extent(digest)
        if extent is None:
            return None
        data = self._bytes(extent)
        if Digest.of(data, digest.algorithm) != digest:
            raise Mismatch(f"{self.path} holds something else as {digest}", cause="the file was damaged")
        return data

    def pieces(self, extent: Extent) -> Iterator[bytes]:
        """The bytes at ``extent``, 1 MiB at a time. Raises HostError."""
        with reported(f"read {self.path}"), self.path.open("rb") as file:
            file.seek(extent.start)
            left = extent.size
            while left and (piece := file.read(min(left, PIECE))):
                left -= len(piece)
                yield piece

    def _bytes(self, extent: Extent) -> bytes:
        if extent.size > MAX_MANIFEST_BYTES:
            raise Mismatch(f"{self.path} holds a description of {extent.size} bytes, which is too large")
        return b"".join(self.pieces(extent))

    def _entries(self) -> Iterator[tuple[str | None, Descriptor]]:
        if (layout := self._members.get("index.json")) is not None:
            for entry in _decoded(self.path, self._bytes(layout), _IndexFile).manifests:
                yield _name(entry), entry
            return
        saved = self._members.get("manifest.json")
        if saved is None:
            raise Mismatch(
                f"{self.path} is no docker archive",
                cause="it has neither index.json nor manifest.json",
                help="make one with docker save, or name an image layout with oci:DIRECTORY",
            )
        for image in _decoded(self.path, self._bytes(saved), tuple[_Saved, ...]):
            manifest = self._manifest_of(image)
            self._made[str(manifest.digest)] = manifest
            for name in image.repo_tags or (None,):
                yield name, manifest.descriptor

    def _manifest_of(self, image: _Saved) -> Manifest:
        """The manifest of an image that was saved without one: its layers are named by their diff ids."""
        config_extent = self._member(image.config)
        config = self._bytes(config_extent)
        named = read_config(config).rootfs.diff_ids
        if len(named) != len(image.layers):
            raise Mismatch(f"{self.path}: {image.config} names {len(named)} layers, not {len(image.layers)}")
        layers = []
        for diff_id, path in zip(named, image.layers, strict=True):
            extent = self._member(path)
            self._blobs[str(Digest.parse(diff_id))] = extent
            layers.append(Descriptor(OCI_LAYER_TAR, diff_id, extent.size))
        digest = Digest.of(config)
        self._blobs[str(digest)] = config_extent
        body = {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": Descriptor(OCI_CONFIG, str(digest), len(config)),
            "layers": layers,
        }
        return Manifest(OCI_MANIFEST, msgspec.json.encode(body))

    def _member(self, name: str) -> Extent:
        extent = self._members.get(name)
        if extent is None:
            raise Mismatch(f"{self.path} lacks {name}, which its manifest.json names")
        return extent


def _decoded(path: Path, data: bytes, shape: type[_T]) -> _T:
    try:
        return msgspec.json.decode(data, type=shape)
    except msgspec.MsgspecError as error:
        raise Mismatch(f"{path} is no docker archive", cause=str(error)) from None


def _members(path: Path) -> dict[str, Extent]:
    """Where each file of a tar is; links among them are followed once (``docker save`` links layers)."""
    with path.open("rb") as file:
        tool = _COMPRESSED.get(file.read(2))
    if tool is not None:
        raise Mismatch(
            f"{path} is compressed", cause="archives are read in any order", help=f"unpack it: {tool} {path}"
        )
    found: dict[str, Extent] = {}
    links: dict[str, str] = {}
    try:
        with tarfile.open(path, "r:") as tar:
            for number, member in enumerate(tar):
                if number >= _MAX_MEMBERS:
                    raise Mismatch(f"{path} has more than {_MAX_MEMBERS} members")
                name = os.path.normpath(member.name)
                if member.isreg():
                    found[name] = Extent(member.offset_data, member.size)
                elif member.issym():
                    links[name] = os.path.normpath(str(Path(name).parent / member.linkname))
                elif member.islnk():
                    links[name] = os.path.normpath(member.linkname)
    except tarfile.TarError as error:
        raise Mismatch(f"{path} is no tar file", cause=str(error)) from None
    found.update({name: found[target] for name, target in links.items() if target in found})
    return found


def _name(entry: Descriptor) -> str | None:
    annotations: Mapping[str, str] = entry.annotations or {}
    return annotations.get(_CONTAINERD_NAME) or annotations.get(REF_NAME)


class ArchiveWriter:
    """Writes a docker archive beside ``path`` and renames it there at the end, so it is whole or not there.

    It is an OCI layout with a ``manifest.json``, which every Docker since 1.10 loads. Raises HostError, and
    InvalidValue when the file exists: other images in it would be lost.
    """

    def __init__(self, path: Path) -> None:
        if path.exists():
            raise InvalidValue(f"{path} exists", help="archives are not added to: remove it, or name another")
        self.path = path
        self._part = path.with_name(f".{path.name}.part")
        self.sizes: dict[str, int] = {}

    @cached_property
    def _file(self) -> BinaryIO:
        with reported(f"write {self._part}"):
            return self._part.open("wb")

    def begin(self, descriptor: Descriptor) -> int:
        """Start a blob; what came before stays when ``undo`` is called with the result."""
        before = self._file.tell()
        self._header(_blob_path(descriptor), descriptor.size)
        return before

    def add(self, piece: bytes) -> None:
        with reported(f"write {self._part}"):
            self._file.write(piece)

    def end(self, descriptor: Descriptor) -> None:
        """Close the blob that was begun and written whole."""
        self.add(b"\0" * (-descriptor.size % tarfile.BLOCKSIZE))
        self.sizes[descriptor.digest] = descriptor.size

    def undo(self, before: int) -> None:
        """Take back the blob that was begun at ``before``."""
        self._file.seek(before)
        self._file.truncate()

    def put(self, descriptor: Descriptor, data: bytes) -> None:
        """A whole blob, once."""
        if descriptor.digest not in self.sizes:
            self.begin(descriptor)
            self.add(data)
            self.end(descriptor)

    def finish(self, named: Sequence[tuple[str | None, Descriptor]], saved: Sequence[SavedImage]) -> None:
        """Write the indexes and rename. ``saved`` are the images that engines without OCI layouts load."""
        entries = [_named(name, descriptor) for name, descriptor in named]
        index = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries}
        self._document("oci-layout", {"imageLayoutVersion": "1.0.0"})
        self._document("index.json", index)
        self._document("manifest.json", [image.document() for image in saved])
        self.add(_END)
        with reported(f"write {self.path}"):
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
            self._part.rename(self.path)

    def abandon(self) -> None:
        """Leave nothing behind."""
        if "_file" in self.__dict__:
            self._file.close()
            self._part.unlink(missing_ok=True)

    def _document(self, name: str, content: object) -> None:
        data = msgspec.json.encode(content)
        self._header(name, len(data))
        self.add(data + b"\0" * (-len(data) % tarfile.BLOCKSIZE))

    def _header(self, name: str, size: int) -> None:
        entry = tarfile.TarInfo(name)
        entry.size, entry.mode = size, 0o644
        self.add(entry.tobuf(tarfile.PAX_FORMAT))


@dataclass(frozen=True, slots=True)
class SavedImage:
    """An image of one platform and the names under which old engines load it."""

    manifest: Manifest
    names: tuple[str, ...]

    def document(self) -> dict[str, object]:
        """As an entry of ``manifest.json``."""
        body = self.manifest.body
        return {
            "Config": _blob_path(body.config) if body.config else "",
            "RepoTags": list(self.names) or None,
            "Layers": [_blob_path(layer) for layer in body.layers or ()],
        }


def _blob_path(descriptor: Descriptor) -> str:
    digest = descriptor.parsed_digest
    return f"blobs/{digest.algorithm}/{digest.hex}"


def _named(name: str | None, descriptor: Descriptor) -> Descriptor:
    if name is None:
        return descriptor
    reference = Reference.parse(name)
    annotations = {_CONTAINERD_NAME: str(reference), REF_NAME: reference.tag or "latest"}
    return msgspec.structs.replace(descriptor, annotations={**(descriptor.annotations or {}), **annotations})
