"""Archives are read by others as they were meant, and other people's archives are read here."""

from __future__ import annotations

import gzip
import hashlib
import io
import tarfile
import zlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from shipway.assemble.layer import HELD_BYTES, Blob, even, make_layer
from shipway.assemble.listing import LayerReader, pack, unpack
from shipway.assemble.nodes import PIECE, Inline, Local, Node
from shipway.assemble.root import Root
from shipway.assemble.tar import EPOCH, archive
from shipway.errors import CannotAssemble, HostError, Mismatch
from shipway.oci.compression import decompressed

LONG = "d" * 90 + "/" + "f" * 130
ENTRIES = (
    ("dir", Node("dir", 0o1777, 5, 6)),
    ("dir/file", Node("file", 0o4755, 1, 2, content=Inline(b"x" * 513))),
    ("dir/link", Node("link", 0o777, target="t" * 200)),
    (LONG, Node("file", 0o600, content=Inline(b""))),
    ("grün", Node("dir", 0o755)),
    ("large-ids", Node("file", 0o644, 3_000_000, 4_000_000, content=Inline(b"y"))),
)


def test_an_archive_is_what_others_read() -> None:
    data = b"".join(archive(ENTRIES))
    assert len(data) % 512 == 0
    with tarfile.open(fileobj=io.BytesIO(data)) as opened:
        found = {member.name: member for member in opened}
    assert list(found) == [path for path, _ in ENTRIES]
    for path, node in ENTRIES:
        member = found[path]
        assert (member.mode, member.uid, member.gid, member.mtime) == (node.mode, node.uid, node.gid, EPOCH)
        assert (member.linkname, member.uname, member.gname) == (node.target, "", "")
        assert member.size == (node.content.size if node.content else 0)
    assert [found[path].type for path in ("dir", "dir/file", "dir/link")] == [b"5", b"0", b"2"]


def test_the_bytes_of_an_archive_never_change() -> None:
    digest = hashlib.sha256(b"".join(archive(ENTRIES))).hexdigest()
    assert digest == "23b5090f487e33017a34b5228b34cf4f4aba11650bacac2338c2881cf57328a8"


@pytest.mark.parametrize("piece", [1, 100, 512, 5000, 1 << 20])
@pytest.mark.parametrize(
    "form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT], ids=["ustar", "gnu", "pax"]
)
def test_archives_of_others_are_listed(form: int, piece: int) -> None:
    long = "l" * 60 + "/" + "m" * 90
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w", format=form) as made:
        for name, kind, size in (
            ("./", tarfile.DIRTYPE, 0),
            ("./etc/", tarfile.DIRTYPE, 0),
            ("etc/passwd", tarfile.REGTYPE, 700),
            ("etc/other", tarfile.REGTYPE, 1300),
            (long, tarfile.REGTYPE, 5),
            ("link", tarfile.SYMTYPE, 0),
            ("hard", tarfile.LNKTYPE, 0),
            ("pipe", tarfile.FIFOTYPE, 0),
            ("grün", tarfile.REGTYPE, 0),
        ):
            info = tarfile.TarInfo(name)
            info.type, info.size, info.mode, info.uid, info.gid = kind, size, 0o640, 1000, 70
            info.linkname = {"link": "k" * 99, "hard": "etc/other"}.get(name, "")
            made.addfile(info, io.BytesIO(b"p" * size))
    reader = LayerReader()
    whole = data.getvalue()
    for start in range(0, len(whole), piece):
        reader.feed(whole[start : start + piece])
    nodes = dict(reader.entries)
    assert list(nodes) == ["etc", "etc/passwd", "etc/other", long, "link", "hard", "pipe", "grün"]
    assert nodes["etc/passwd"] == Node("file", 0o640, 1000, 70, content=Inline(b"p" * 700))
    assert nodes["etc/other"] == nodes["hard"] == Node("file", 0o640, 1000, 70)
    assert nodes["link"].target == "k" * 99
    assert nodes["pipe"].kind == "other"
    assert nodes["grün"].content == Inline(b"")
    assert unpack(pack(reader.entries)) == reader.entries


def test_broken_archives_are_refused() -> None:
    with pytest.raises(Mismatch):
        LayerReader().feed(b"no archive at all" * 100)
    climbing = io.BytesIO()
    with tarfile.open(fileobj=climbing, mode="w") as made:
        made.addfile(tarfile.TarInfo("../outside"))
    with pytest.raises(CannotAssemble):
        LayerReader().feed(climbing.getvalue())
    assert unpack(b"\x93\x01\x02\x03") is None


# --- layers over layers ---------------------------------------------------------------------------


def files(*paths: str) -> list[tuple[str, Node]]:
    return [(path.rstrip("/"), Node("dir" if path.endswith("/") else "file", 0o644)) for path in paths]


def all_paths(root: Root, directory: str = "") -> list[str]:
    found = []
    for name in sorted(root.entries(directory)):
        path = f"{directory}/{name}" if directory else name
        found += [path, *all_paths(root, path)]
    return found


@pytest.mark.parametrize(
    ("upper", "left"),
    [
        (files("a/.wh.b"), ["a", "a/c", "a/c/d", "e"]),
        (files("a/.wh..wh..opq", "a/new"), ["a", "a/new", "e"]),
        (files(".wh.a"), ["e"]),
        (files("a"), ["a", "e"]),
        (files("a/c"), ["a", "a/b", "a/c", "e"]),
        (files("a/c/"), ["a", "a/b", "a/c", "a/c/d", "e"]),
        (files("e/f"), None),
        (files("new/deep"), ["a", "a/b", "a/c", "a/c/d", "e", "new", "new/deep"]),
        (files("a/.wh.none"), ["a", "a/b", "a/c", "a/c/d", "e"]),
        (files("a/.wh.b", "a/b"), ["a", "a/b", "a/c", "a/c/d", "e"]),
    ],
)
def test_whiteouts_hide_what_is_below(upper: list[tuple[str, Node]], left: list[str] | None) -> None:
    root = Root()
    root.apply(files("a/", "a/b", "a/c/", "a/c/d", "e"))
    child = root.fork()
    if left is None:
        child.apply([("e", Node("link", 0o777, target="a"))])
        with pytest.raises(CannotAssemble):
            child.apply(upper)
        return
    child.apply(upper)
    assert all_paths(child) == left
    assert all_paths(root) == ["a", "a/b", "a/c", "a/c/d", "e"]
    assert child.take_layer() == ()


# --- compressed -----------------------------------------------------------------------------------


async def whole(data: bytes, piece: int = 1000) -> AsyncIterator[bytes]:
    for start in range(0, len(data), piece):
        yield data[start : start + piece]


@pytest.mark.parametrize("compression", ["gzip", "zstd"])
async def test_a_layer_names_its_own_bytes(compression: str, tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"0123456789" * 300_000)
    entries = (("f", Node("file", 0o644, content=Local(str(tmp_path / "f"), 3_000_000))),)
    first, second = (make_layer(entries, compression) for _ in range(2))  # type: ignore[arg-type]
    packed = b"".join(first.blob.pieces())
    assert packed == b"".join(first.blob.pieces()) == b"".join(second.blob.pieces())
    assert first.descriptor == second.descriptor
    assert first.descriptor.digest == f"sha256:{hashlib.sha256(packed).hexdigest()}"
    assert first.descriptor.size == len(packed)
    plain = b"".join([piece async for piece in decompressed(whole(packed))])
    assert first.diff_id == f"sha256:{hashlib.sha256(plain).hexdigest()}"
    assert plain == b"".join(archive(entries))
    if compression == "gzip":
        assert gzip.decompress(packed) == plain
        assert packed[:10] == b"\x1f\x8b\x08\0\0\0\0\0\0\xff"


async def test_plain_and_joined_and_damaged_blobs() -> None:
    assert b"".join([piece async for piece in decompressed(whole(b"plain" * 500))]) == b"plain" * 500
    twice = gzip.compress(b"one") + gzip.compress(b"two")
    assert b"".join([piece async for piece in decompressed(whole(twice, 7))]) == b"onetwo"
    packed = bytearray(gzip.compress(bytes(range(256)) * 100))
    with pytest.raises(Mismatch):
        _ = [piece async for piece in decompressed(whole(bytes(packed[:-20])))]
    packed[60] ^= 0xFF
    with pytest.raises(Mismatch):
        _ = [piece async for piece in decompressed(whole(bytes(packed)))]


def test_pieces_come_in_even_sizes() -> None:
    assert [len(piece) for piece in even([b"x"] * 10)] == [10]
    assert [len(piece) for piece in even([bytes(PIECE - 1), bytes(PIECE), b"x"])] == [PIECE, PIECE]
    assert list(even([])) == []


def test_large_blobs_wait_in_a_file(tmp_path: Path) -> None:
    blob = Blob(tmp_path)
    blob.add(bytes(HELD_BYTES))
    blob.add(b"end")
    assert blob.size == HELD_BYTES + 3
    assert zlib.crc32(b"".join(blob.pieces())) == zlib.crc32(bytes(HELD_BYTES) + b"end")
    blob.close()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("size", [2, 20])
def test_a_file_that_changes_while_it_is_read_is_named(size: int, tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"ten bytes!")
    entries = (("f", Node("file", 0o644, content=Local(str(tmp_path / "f"), size))),)
    with pytest.raises(HostError, match="changed while it was read"):
        make_layer(entries)
