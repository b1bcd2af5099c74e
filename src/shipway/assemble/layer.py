"""A layer: the archive and its compressed form, made in one pass over the files."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol, TypeAlias

from shipway.assemble.nodes import PIECE, Node
from shipway.assemble.tar import EPOCH, archive
from shipway.oci.compression import gzip_compressor, zstd_compressor
from shipway.oci.files import reported
from shipway.oci.manifest import OCI_LAYER_GZIP, OCI_LAYER_ZSTD, Descriptor

Compression: TypeAlias = Literal["gzip", "zstd"]
Entries: TypeAlias = tuple[tuple[str, Node], ...]

# larger blobs are kept in a file until they are uploaded
HELD_BYTES = 8 << 20


class Compressor(Protocol):
    def compress(self, data: bytes, /) -> bytes: ...

    def flush(self) -> bytes: ...


_MEDIA_TYPES: dict[Compression, str] = {"gzip": OCI_LAYER_GZIP, "zstd": OCI_LAYER_ZSTD}
_COMPRESSORS: dict[Compression, Callable[[], Compressor]] = {
    "gzip": gzip_compressor,
    "zstd": zstd_compressor,
}


@dataclass(frozen=True, slots=True)
class Layer:
    """A layer that is made. ``diff_id`` is the digest of the archive, ``blob`` its compressed bytes."""

    descriptor: Descriptor
    diff_id: str
    blob: Blob


class Blob:
    """Compressed bytes, in memory or in a file that goes away when nobody needs it any more."""

    def __init__(self, scratch: Path | None) -> None:
        directory = str(scratch) if scratch else None
        self._file = tempfile.SpooledTemporaryFile(HELD_BYTES, dir=directory)  # noqa: SIM115
        self.size = 0

    def add(self, data: bytes) -> None:
        with reported("write a layer to a temporary file"):
            self._file.write(data)
        self.size += len(data)

    def pieces(self) -> Iterator[bytes]:
        """The bytes from the start; of two readers at a time each needs its own blob."""
        with reported("read a layer from a temporary file"):
            self._file.seek(0)
            while piece := self._file.read(PIECE):
                yield piece

    def close(self) -> None:
        self._file.close()


def make_layer(
    entries: Entries, compression: Compression = "gzip", scratch: Path | None = None, mtime: int = EPOCH
) -> Layer:
    """Archive, hash and compress. Raises HostError when a file cannot be read or the disk is full."""
    plain, packed = hashlib.sha256(), hashlib.sha256()
    compressor = _COMPRESSORS[compression]()
    blob = Blob(scratch)

    def put(data: bytes) -> None:
        if data:
            packed.update(data)
            blob.add(data)

    try:
        for piece in even(archive(entries, mtime)):
            plain.update(piece)
            put(compressor.compress(piece))
        put(compressor.flush())
    except BaseException:
        blob.close()
        raise
    digest = f"sha256:{packed.hexdigest()}"
    return Layer(
        Descriptor(_MEDIA_TYPES[compression], digest, blob.size), f"sha256:{plain.hexdigest()}", blob
    )


def even(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes in pieces of exactly 1 MiB, the last one shorter: what a compressor makes of them
    depends on how they come."""
    held = bytearray()
    for piece in pieces:
        if not held and len(piece) == PIECE:
            yield piece
            continue
        held += piece
        while len(held) >= PIECE:
            yield bytes(held[:PIECE])
            del held[:PIECE]
    if held:
        yield bytes(held)
