"""Compression of layers: the same bytes for the same input, whatever the clock; and back again."""

from __future__ import annotations

import struct
import sys
import zlib
from collections.abc import AsyncIterator, Callable
from typing import Protocol, cast

from isal import isal_zlib
from isal.igzip_lib import IsalError

from shipway.errors import Mismatch

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

_GZIP_HEADER = b"\x1f\x8b\x08\0\0\0\0\0\0\xff"
_ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
_GZIP_MAGIC = b"\x1f\x8b"
# of ISA-L as dense as zlib's default and several times faster
_GZIP_LEVEL = 1
_ZSTD_LEVEL = 3
_RAW = -zlib.MAX_WBITS
# ISA-L's stub takes its error for an instance
_DAMAGE = (zlib.error, cast("type[Exception]", IsalError), zstd.ZstdError, EOFError)


class GzipCompressor:
    """One gzip member without a name and a time (RFC 1952)."""

    def __init__(self) -> None:
        self._deflate = isal_zlib.compressobj(_GZIP_LEVEL, zlib.DEFLATED, _RAW)
        self._head = _GZIP_HEADER
        self._checksum = 0
        self._size = 0

    def compress(self, data: bytes, /) -> bytes:
        head, self._head = self._head, b""
        self._checksum = isal_zlib.crc32(data, self._checksum)
        self._size += len(data)
        return head + self._deflate.compress(data)

    def flush(self) -> bytes:
        tail = struct.pack("<LL", self._checksum, self._size & 0xFFFFFFFF)
        return self._head + self._deflate.flush() + tail


def gzip_compressor() -> GzipCompressor:
    return GzipCompressor()


def zstd_compressor() -> zstd.ZstdCompressor:
    return zstd.ZstdCompressor(_ZSTD_LEVEL)


class _Decompressor(Protocol):
    @property
    def eof(self) -> bool: ...

    @property
    def unused_data(self) -> bytes: ...

    def decompress(self, data: bytes, /) -> bytes: ...


def _gzip() -> _Decompressor:
    made: _Decompressor = isal_zlib.decompressobj(zlib.MAX_WBITS | 16)
    return made


def _decompressor(start: bytes) -> Callable[[], _Decompressor] | None:
    if start.startswith(_GZIP_MAGIC):
        return _gzip
    return zstd.ZstdDecompressor if start.startswith(_ZSTD_MAGIC) else None


async def decompressed(pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The plain bytes of a layer in gzip or zstd, or as it is, told by how it begins.

    Several gzip members or zstd frames may follow each other. Raises Mismatch for damaged content.
    """
    make: Callable[[], _Decompressor] | None = None
    current: _Decompressor | None = None
    started = False
    async for piece in pieces:
        data = piece
        if not started:
            started = True
            make = _decompressor(data)
        if make is None:
            yield data
            continue
        while data:
            if current is None or current.eof:
                current = make()
            try:
                plain = current.decompress(data)
            except _DAMAGE as error:
                raise Mismatch(f"a layer is damaged: {error}") from None
            if plain:
                yield plain
            data = current.unused_data if current.eof else b""
    if current is not None and not current.eof:
        raise Mismatch("a layer ends in the middle")
