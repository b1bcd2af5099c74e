"""What a layer of a base holds, read from its archive as it streams by; contents are not kept.

Only the users and groups of an image are, for names in --chown and USER.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import msgspec

from shipway.assemble.nodes import Inline, Node
from shipway.assemble.tar import BLOCK
from shipway.dockerfile.tree import Kind
from shipway.errors import CannotAssemble, Mismatch

_KINDS: dict[bytes, Kind] = {
    **dict.fromkeys((b"0", b"\0", b"7", b"S"), "file"),
    b"2": "link",
    b"5": "dir",
    **dict.fromkeys((b"3", b"4", b"6"), "other"),
}
_HELD = frozenset({b"passwd", b"group"})
_HELD_BYTES = 1 << 20
_EXTENSION_BYTES = 1 << 20
_EXTENSIONS = frozenset(b"xgLK"[at : at + 1] for at in range(4))
_END = bytes(BLOCK)


@dataclass(slots=True)
class _Header:
    """A header block, as far as it counts here."""

    name: bytes
    mode: int
    uid: int
    gid: int
    size: int
    type: bytes
    target: bytes


@dataclass(slots=True)
class LayerReader:
    """Takes an archive piece by piece; afterwards ``entries`` are what it holds, in its order."""

    entries: list[tuple[str, Node]] = field(default_factory=list)
    _held: bytearray = field(default_factory=bytearray)
    _skip: int = 0
    _wanted: int = BLOCK
    _then: Callable[[bytes], None] | None = None
    _extended: dict[bytes, bytes] = field(default_factory=dict)
    _at: dict[str, Node] = field(default_factory=dict)

    def feed(self, data: bytes) -> None:
        """Raises Mismatch for what is no tar archive, CannotAssemble for one that only engines understand."""
        if self._skip >= len(data):
            self._skip -= len(data)
            return
        start, self._skip = self._skip, 0
        held = self._held
        held += data[start:] if start else data
        position = 0
        while len(held) - position >= self._wanted:
            block = bytes(held[position : position + self._wanted])
            position += self._wanted
            then, self._then, self._wanted = self._then or self._header, None, BLOCK
            then(block)
            position += self._skip
            self._skip = 0
            if position > len(held):
                self._skip = position - len(held)
                break
        del held[:position]

    def _header(self, block: bytes) -> None:
        if block == _END:
            return
        header = _parsed(block)
        padded = -(-header.size // BLOCK) * BLOCK
        if header.type in _EXTENSIONS:
            if header.size > _EXTENSION_BYTES:
                raise Mismatch(f"a layer has an extended header of {header.size} bytes")
            self._after(padded, lambda data: self._extend(header.type, data[: header.size]))
            return
        extended, self._extended = self._extended, {}
        size = _extended_number(extended, b"size", header.size)
        name = extended.get(b"path", header.name)
        node = self._node(header, extended)
        path = _path(name)
        carries = header.type not in (b"1", b"2", b"3", b"4", b"5", b"6")
        padded = -(-size // BLOCK) * BLOCK if carries else 0
        if node.kind == "file" and name.rpartition(b"/")[2] in _HELD and 0 < size <= _HELD_BYTES and carries:
            self._after(padded, lambda data: self._add(path, _holding(node, data[:size])))
            return
        self._add(path, _holding(node, b"") if node.kind == "file" and carries and not size else node)
        self._skip = padded

    def _after(self, size: int, then: Callable[[bytes], None]) -> None:
        """Have ``then`` called with the next ``size`` bytes."""
        if size:
            self._wanted, self._then = size, then
        else:
            then(b"")

    def _extend(self, kind: bytes, data: bytes) -> None:
        if kind == b"L":
            self._extended[b"path"] = data.rstrip(b"\0")
        elif kind == b"K":
            self._extended[b"linkpath"] = data.rstrip(b"\0")
        elif kind == b"x":
            self._extended.update(_pax(data))

    def _node(self, header: _Header, extended: dict[bytes, bytes]) -> Node:
        target = extended.get(b"linkpath", header.target)
        if header.type == b"1":
            linked = self._at.get(_path(target))
            if linked is None:
                raise CannotAssemble("a hard link in the base leads out of its layer")
            return linked
        kind = _KINDS.get(header.type)
        if kind is None:
            raise CannotAssemble(f"a layer of the base has an entry of the type {header.type!r}")
        return Node(
            kind,
            header.mode & 0o7777,
            _extended_number(extended, b"uid", header.uid),
            _extended_number(extended, b"gid", header.gid),
            os.fsdecode(target) if kind == "link" else "",
        )

    def _add(self, path: str, node: Node) -> None:
        if path:
            self.entries.append((path, node))
            self._at[path] = node


def _holding(node: Node, data: bytes) -> Node:
    return Node(node.kind, node.mode, node.uid, node.gid, content=Inline(data))


def _parsed(block: bytes) -> _Header:
    """A header block (ustar, and what GNU makes of it). Raises Mismatch when its checksum is wrong."""
    total = sum(block) - sum(block[148:156]) + 8 * 0x20
    if _number(block[148:156]) != total:
        raise Mismatch("a layer cannot be read as a tar archive")
    name = block[:100].split(b"\0", 1)[0]
    prefix = block[345:500].split(b"\0", 1)[0] if block[257:263] == b"ustar\0" else b""
    return _Header(
        prefix + b"/" + name if prefix else name,
        _number(block[100:108]),
        _number(block[108:116]),
        _number(block[116:124]),
        _number(block[124:136]),
        block[156:157],
        block[157:257].split(b"\0", 1)[0],
    )


def _number(field: bytes) -> int:
    """Octal digits, or a large number in base 256. Raises Mismatch."""
    if field[0] & 0x80:
        return int.from_bytes(field, "big") & ((1 << (8 * len(field) - 1)) - 1)
    try:
        return int(field.strip(b" \0") or b"0", 8)
    except ValueError:
        raise Mismatch("a layer cannot be read as a tar archive") from None


def _pax(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    position = 0
    while position < len(data):
        length, blank, _ = data[position : position + 20].partition(b" ")
        if not blank or not length.isdigit() or not int(length):
            raise Mismatch("a layer has an extended header that cannot be read")
        record = data[position + len(length) + 1 : position + int(length) - 1]
        key, _, value = record.partition(b"=")
        yield key, value
        position += int(length)


def _extended_number(extended: dict[bytes, bytes], key: bytes, default: int) -> int:
    value = extended.get(key, b"")
    return int(value) if value.isdigit() else default


def _path(name: bytes) -> str:
    """Raises CannotAssemble for a name that leads out of the image."""
    parts = [part for part in os.fsdecode(name).split("/") if part not in ("", ".")]
    if ".." in parts:
        raise CannotAssemble("a layer of the base has a name with '..'")
    return "/".join(parts)


# --- kept from run to run -----------------------------------------------------------------------

_Row = tuple[bytes, Kind, int, int, int, bytes, bytes | None]


def pack(entries: list[tuple[str, Node]]) -> bytes:
    """The entries of a layer in a few bytes each."""
    rows = [
        (
            os.fsencode(path),
            node.kind,
            node.mode,
            node.uid,
            node.gid,
            os.fsencode(node.target),
            node.content.data if isinstance(node.content, Inline) else None,
        )
        for path, node in entries
    ]
    return msgspec.msgpack.encode(rows)


def unpack(data: bytes) -> list[tuple[str, Node]] | None:
    """What was packed; None for anything else."""
    try:
        rows = msgspec.msgpack.decode(data, type=list[_Row])
    except msgspec.MsgspecError:
        return None
    return [
        (
            os.fsdecode(path),
            Node(kind, mode, uid, gid, os.fsdecode(target), None if held is None else Inline(held)),
        )
        for path, kind, mode, uid, gid, target, held in rows
    ]
