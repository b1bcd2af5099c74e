from __future__ import annotations

import json
import os
import threading
from pathlib import Path

import pytest

from shipway.errors import HostError, Mismatch
from shipway.oci.layout import Layout
from shipway.oci.manifest import OCI_MANIFEST, Descriptor
from shipway.values import Digest

DATA = b"some content"
DIGEST = Digest.of(DATA)


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    layout = Layout(tmp_path / "images")
    layout.create()
    return layout


def described(data: bytes) -> Descriptor:
    return Descriptor(OCI_MANIFEST, str(Digest.of(data)), len(data))


def test_a_new_layout_is_what_the_specification_says(layout: Layout) -> None:
    assert json.loads((layout.directory / "oci-layout").read_text()) == {"imageLayoutVersion": "1.0.0"}
    assert json.loads(layout.index_path.read_text())["manifests"] == []


def test_creating_again_keeps_the_entries(layout: Layout) -> None:
    layout.put_entry("shop/api:1.0", described(DATA))
    layout.create()
    assert len(layout.entries()) == 1


@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
def test_a_blob_comes_back(layout: Layout, algorithm: str) -> None:
    digest = Digest.of(DATA, algorithm)
    layout.write(digest, DATA)
    assert layout.read(digest) == DATA
    assert (layout.directory / "blobs" / algorithm / digest.hex).read_bytes() == DATA


def test_a_blob_that_is_not_there_is_none(layout: Layout) -> None:
    assert layout.read(DIGEST) is None


def test_a_damaged_blob_is_not_given_out(layout: Layout) -> None:
    layout.write(DIGEST, DATA)
    layout.blob_path(DIGEST).write_bytes(b"some c0ntent")
    with pytest.raises(Mismatch, match="does not hold what its name says"):
        layout.read(DIGEST)


def test_a_blob_larger_than_allowed_is_not_read(layout: Layout) -> None:
    layout.write(DIGEST, DATA)
    assert layout.read(DIGEST, limit=len(DATA)) == DATA
    with pytest.raises(Mismatch, match="larger than"):
        layout.read(DIGEST, limit=len(DATA) - 1)


def test_a_file_is_moved_in_as_a_blob(layout: Layout) -> None:
    file = layout.directory / "upload"
    file.write_bytes(DATA)
    layout.adopt(DIGEST, file)
    assert layout.read(DIGEST) == DATA
    assert not file.exists()


def test_files_are_for_others_as_the_umask_says(layout: Layout) -> None:
    before = os.umask(0o022)
    try:
        layout.write(DIGEST, DATA)
    finally:
        os.umask(before)
    assert layout.blob_path(DIGEST).stat().st_mode & 0o777 == 0o644


def test_an_entry_is_found_by_name_and_replaced(layout: Layout) -> None:
    layout.put_entry("api:1.0", described(b"old"))
    layout.put_entry("web:1.0", described(b"web"))
    layout.put_entry("api:1.0", described(b"new"))
    entry = layout.entry("api:1.0")
    assert entry is not None
    assert entry.digest == str(Digest.of(b"new"))
    assert len(layout.entries()) == 2
    assert layout.entry("api:2.0") is None


def test_no_entry_is_lost_among_many_writers(layout: Layout) -> None:
    threads = [
        threading.Thread(target=layout.put_entry, args=(f"api:{number}", described(b"%d" % number)))
        for number in range(30)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(layout.entries()) == 30


@pytest.mark.parametrize("text", ["", "{", "[]", '{"manifests": [{"digest": 1}]}'])
def test_an_index_that_cannot_be_read_is_named(layout: Layout, text: str) -> None:
    layout.index_path.write_text(text)
    with pytest.raises(Mismatch, match=r"index\.json is no index"):
        layout.entries()


def test_what_cannot_be_a_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(HostError, match="cannot create") as caught:
        Layout(tmp_path / "file" / "images").create()
    assert caught.value.cause == "not a directory"


def test_a_write_that_fails_leaves_nothing_behind(layout: Layout) -> None:
    layout.blob_path(DIGEST).mkdir()
    before = sorted(layout.directory.iterdir())
    with pytest.raises(HostError, match="cannot write"):
        layout.write(DIGEST, DATA)
    assert sorted(layout.directory.iterdir()) == before
