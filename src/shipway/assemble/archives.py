"""Which local files ADD would unpack (BuildKit, file/unpack.go: isArchivePath)."""

from __future__ import annotations

from shipway.assemble.nodes import Node
from shipway.assemble.tar import BLOCK

# gzip, bzip2, xz, zstd; what is behind them is left to engines to find out
_COMPRESSED = (b"\x1f\x8b\x08", b"BZh", b"\xfd7zXZ\0", b"\x28\xb5\x2f\xfd")
_SKIPPABLE = b"\x2a\x4d\x18"


def is_archive(node: Node) -> bool:
    """Whether the file is compressed, or begins as a tar archive does. Raises HostError."""
    if node.content is None:
        return False
    start = next(iter(node.content.pieces()), b"")[:BLOCK]
    return start.startswith(_COMPRESSED) or start[1:4] == _SKIPPABLE or _is_header(start)


def _is_header(block: bytes) -> bool:
    """Whether the checksum of a tar header is right, counting bytes or signed bytes as some programs do."""
    if len(block) < BLOCK or not any(block):
        return False
    try:
        said = int(block[148:156].strip(b" \0") or b"x", 8)
    except ValueError:
        return False
    counted = block[:148] + b" " * 8 + block[156:]
    return said in (sum(counted), sum(byte - 256 if byte > 127 else byte for byte in counted))
