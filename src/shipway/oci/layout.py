"""OCI image layouts: a folder with ``oci-layout``, ``index.json`` and blobs by digest.

Follows the OCI image specification 1.1, image-layout.md. Everything is written whole or not at all;
whoever reads and rewrites the index holds its lock, since a lost entry is a lost image.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import AbstractContextManager
from pathlib import Path

import msgspec

from shipway.errors import Mismatch
from shipway.oci.files import locked, rename_durably, reported, write_durably
from shipway.oci.manifest import MAX_MANIFEST_BYTES, OCI_INDEX, Descriptor
from shipway.values import Digest

REF_NAME = "org.opencontainers.image.ref.name"
_VERSION_FILE = "oci-layout"
_INDEX_FILE = "index.json"
_LOCK_FILE = ".index.lock"
_VERSION = b'{"imageLayoutVersion":"1.0.0"}'


class _IndexFile(msgspec.Struct, frozen=True):
    manifests: tuple[Descriptor, ...] = ()


class Layout:
    """The image layout in ``directory``, which need not exist before ``create``."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    @property
    def index_path(self) -> Path:
        return self.directory / _INDEX_FILE

    def create(self) -> None:
        """Make the folder a layout unless it is one; raises HostError."""
        with reported(f"create {self.directory}"):
            for algorithm in ("sha256", "sha512"):
                (self.directory / "blobs" / algorithm).mkdir(parents=True, exist_ok=True)
        with self.locked():
            if not (self.directory / _VERSION_FILE).exists():
                write_durably(self.directory / _VERSION_FILE, _VERSION)
            if not self.index_path.exists():
                self.replace_entries(())

    def locked(self) -> AbstractContextManager[None]:
        """Hold the index alone, among threads and processes; not reentrant."""
        return locked(self.directory / _LOCK_FILE)

    # --- the index ------------------------------------------------------------------------------

    def entries(self) -> tuple[Descriptor, ...]:
        """The descriptors of ``index.json``. Raises HostError, or Mismatch when it is no index."""
        with reported(f"read {self.index_path}"):
            data = self.index_path.read_bytes()
        try:
            return msgspec.json.decode(data, type=_IndexFile).manifests
        except msgspec.MsgspecError as error:
            raise Mismatch(f"{self.index_path} is no index of an image layout", cause=str(error)) from None

    def entry(self, name: str) -> Descriptor | None:
        """The entry whose ``org.opencontainers.image.ref.name`` is ``name``."""
        return next((entry for entry in self.entries() if _name(entry) == name), None)

    def put_entry(self, name: str, descriptor: Descriptor) -> None:
        """Let ``name`` point to ``descriptor``, whatever it pointed to before."""
        with self.locked():
            others = [entry for entry in self.entries() if _name(entry) != name]
            self.replace_entries([*others, named(descriptor, name)])

    def add_entry(self, descriptor: Descriptor) -> None:
        """Add an entry without a name, unless there is one with the same digest."""
        with self.locked():
            entries = self.entries()
            if all(entry.digest != descriptor.digest for entry in entries):
                self.replace_entries([*entries, descriptor])

    def replace_entries(self, entries: Iterable[Descriptor]) -> None:
        """Write ``index.json`` anew. Hold ``locked()`` when the entries derive from what it said."""
        index = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": list(entries)}
        write_durably(self.index_path, msgspec.json.encode(index))

    # --- blobs ----------------------------------------------------------------------------------

    def blob_path(self, digest: Digest) -> Path:
        """Where the blob is, or would be."""
        return self.directory / "blobs" / digest.algorithm / digest.hex

    def read(self, digest: Digest, limit: int = MAX_MANIFEST_BYTES) -> bytes | None:
        """A blob of at most ``limit`` bytes, checked; None when it is not here.

        Raises Mismatch when the file is larger or holds something else, HostError when it cannot be read.
        """
        path = self.blob_path(digest)
        with reported(f"read {path}"):
            try:
                file = path.open("rb")
            except FileNotFoundError:
                return None
            with file:
                data = file.read(limit + 1)
        if len(data) > limit:
            raise Mismatch(f"blob {digest.short} is larger than {limit} bytes")
        if Digest.of(data, digest.algorithm) != digest:
            raise Mismatch(f"{path} does not hold what its name says", cause="the file was damaged or edited")
        return data

    def write(self, digest: Digest, data: bytes) -> None:
        """Store ``data``, of which ``digest`` is the digest."""
        write_durably(self.blob_path(digest), data, scratch=self.directory)

    def adopt(self, digest: Digest, file: Path) -> None:
        """Move ``file``, whose digest was computed as ``digest``, in as a blob; same file system."""
        with reported(f"store blob {digest.short} in {self.directory}"):
            with file.open("rb") as opened:
                os.fsync(opened.fileno())
            rename_durably(file, self.blob_path(digest))


def named(descriptor: Descriptor, name: str) -> Descriptor:
    """The descriptor as an entry of an index called ``name``."""
    annotations = {**(descriptor.annotations or {}), REF_NAME: name}
    return msgspec.structs.replace(descriptor, annotations=annotations)


def _name(entry: Descriptor) -> str | None:
    return (entry.annotations or {}).get(REF_NAME)
