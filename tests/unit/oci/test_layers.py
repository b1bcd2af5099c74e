"""Layers add up to the files of an image, whiteouts included."""

from __future__ import annotations

import gzip
import io
import tarfile

import pytest

from shipway.errors import Mismatch
from shipway.oci.layers import LayerFiles


def layer(*paths: str, compress: bool = True) -> io.BytesIO:
    """A tar archive with empty files; ``a/`` is a directory, ``a->b`` a link."""
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as archive:
        for path in paths:
            name, arrow, target = path.partition("->")
            member = tarfile.TarInfo(name.rstrip("/"))
            if arrow:
                member.type, member.linkname = tarfile.SYMTYPE, target
            elif name.endswith("/"):
                member.type = tarfile.DIRTYPE
            archive.addfile(member)
    raw = data.getvalue()
    return io.BytesIO(gzip.compress(raw) if compress else raw)


def files(*layers: io.BytesIO) -> dict[str, str]:
    found = LayerFiles()
    for each in layers:
        found.add(each)
    return {path: entry.kind for path, entry in sorted(found.entries.items())}


def test_upper_layers_add_to_lower_ones() -> None:
    assert files(layer("etc/", "etc/a"), layer("./etc/b", compress=False)) == {
        "etc": "dir",
        "etc/a": "file",
        "etc/b": "file",
    }


def test_a_whiteout_hides_a_file_or_all_below_a_directory() -> None:
    assert files(layer("a", "d/x", "d/y", "dd"), layer(".wh.a", ".wh.d")) == {"dd": "file"}


def test_an_opaque_directory_keeps_only_what_its_own_layer_has() -> None:
    lower, upper = layer("d/", "d/old"), layer("d/new", "d/.wh..wh..opq")
    assert files(lower, upper) == {"d/new": "file"} | {"d": "dir"}


def test_links_keep_their_target() -> None:
    found = LayerFiles()
    found.add(layer("sh->busybox"))
    assert found.entries["sh"].target == "busybox"


@pytest.mark.parametrize(
    "data", [b"no archive at all", gzip.compress(b"x" * 600, mtime=0)[:-9]], ids=["text", "cut"]
)
def test_what_is_no_layer_is_refused(data: bytes) -> None:
    with pytest.raises(Mismatch):
        LayerFiles().add(io.BytesIO(data))
