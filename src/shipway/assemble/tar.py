"""Tar archives that are the same bytes everywhere: POSIX ustar, with pax headers where that is too small.

Nothing of this machine shows: no names of users, no times but one. Names are bytes; they need not be UTF-8.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator

from shipway.assemble.nodes import Node

BLOCK = 512
# 1980-01-01, the first moment that a ZIP file can hold: tools choke on files from before
EPOCH = 315_532_800

_NAME, _LINK = 100, 100
_OCTAL_7, _OCTAL_11 = 0o7777777, 0o77777777777
_TYPES = {"file": b"0", "link": b"2", "dir": b"5"}
_END = bytes(2 * BLOCK)


def archive(entries: Iterable[tuple[str, Node]], mtime: int = EPOCH) -> Iterator[bytes]:
    """The archive in pieces of any size. Every file must have its content; raises what reading it does."""
    for path, node in entries:
        yield header(path, node, mtime)
        if node.kind == "file" and node.content is not None:
            yield from node.content.pieces()
            yield bytes(-node.content.size % BLOCK)
    yield _END


def header(path: str, node: Node, mtime: int = EPOCH) -> bytes:
    """The header of one entry, after a pax header where the plain one cannot hold it."""
    name = os.fsencode(path) + (b"/" if node.kind == "dir" else b"")
    target = os.fsencode(node.target)
    size = node.content.size if node.kind == "file" and node.content is not None else 0
    records = b"".join(_records(name, target, size, node))
    plain = _ustar(name, node, size, _TYPES[node.kind], target, mtime)
    if not records:
        return plain
    extended = Node("file", 0o644)
    return (
        _ustar(b"PaxHeaders/" + name[:_NAME].rstrip(b"/"), extended, len(records), b"x", b"", mtime)
        + records
        + bytes(-len(records) % BLOCK)
        + plain
    )


def _records(name: bytes, target: bytes, size: int, node: Node) -> Iterator[bytes]:
    """What the plain header cannot hold (POSIX, pax Interchange Format)."""
    if len(name) > _NAME or not name.isascii():
        yield _record(b"path", name)
    if len(target) > _LINK or not target.isascii():
        yield _record(b"linkpath", target)
    if size > _OCTAL_11:
        yield _record(b"size", b"%d" % size)
    if node.uid > _OCTAL_7:
        yield _record(b"uid", b"%d" % node.uid)
    if node.gid > _OCTAL_7:
        yield _record(b"gid", b"%d" % node.gid)


def _record(key: bytes, value: bytes) -> bytes:
    """``length key=value``, where the length counts itself."""
    rest = b" %s=%s\n" % (key, value)
    length = len(rest) + 1
    while len(b"%d" % length) + len(rest) != length:
        length += 1
    return b"%d%s" % (length, rest)


def _ustar(name: bytes, node: Node, size: int, kind: bytes, target: bytes, mtime: int) -> bytes:
    fields = (
        name[:_NAME].ljust(_NAME, b"\0"),
        b"%07o\0" % node.mode,
        b"%07o\0" % min(node.uid, _OCTAL_7),
        b"%07o\0" % min(node.gid, _OCTAL_7),
        b"%011o\0" % min(size, _OCTAL_11),
        b"%011o\0" % mtime,
        b" " * 8,
        kind,
        target[:_LINK].ljust(_LINK, b"\0"),
        b"ustar\x0000",
        bytes(64),
        b"0000000\x000000000\0",
    )
    block = b"".join(fields).ljust(BLOCK, b"\0")
    return b"%s%06o\0 %s" % (block[:148], sum(block), block[156:])
