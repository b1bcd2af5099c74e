"""Docker archives of old engines, which hold no manifests, and files that are none."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from pathlib import Path

import pytest

from shipway.errors import HostError, Mismatch
from shipway.oci.archive import ArchiveWriter, DockerArchive, SavedImage
from shipway.oci.manifest import OCI_LAYER_TAR, OCI_MANIFEST, Descriptor, Manifest
from shipway.values import Digest

LAYERS = (b"first layer" * 100, b"second layer" * 100)
CONFIG = json.dumps(
    {
        "os": "linux",
        "architecture": "amd64",
        "rootfs": {"type": "layers", "diff_ids": [str(Digest.of(data)) for data in LAYERS]},
    }
).encode()


def save(
    path: Path, *, names: tuple[str, ...] = ("acme/api:1.0",), link: bool = False, **changed: object
) -> Path:
    """An archive as docker 20 saves it; with ``link`` the second layer is a link to where it is."""
    saved = {
        "Config": f"{Digest.of(CONFIG).hex}.json",
        "RepoTags": list(names),
        "Layers": ["aaa/layer.tar", "bbb/layer.tar"],
        **changed,
    }
    with tarfile.open(path, "w") as tar:
        add(tar, f"{Digest.of(CONFIG).hex}.json", CONFIG)
        add(tar, "aaa/layer.tar", LAYERS[0])
        if link:
            add(tar, "ccc/layer.tar", LAYERS[1])
            entry = tarfile.TarInfo("bbb/layer.tar")
            entry.type, entry.linkname = tarfile.SYMTYPE, "../ccc/layer.tar"
            tar.addfile(entry)
        else:
            add(tar, "bbb/layer.tar", LAYERS[1])
        add(tar, "manifest.json", json.dumps([saved]).encode())
    return path


def add(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = len(data)
    tar.addfile(entry, io.BytesIO(data))


@pytest.mark.parametrize("link", [False, True])
def test_an_archive_without_manifests_gets_one(tmp_path: Path, link: bool) -> None:
    archive = DockerArchive(save(tmp_path / "api.tar", link=link))
    ((name, entry),) = archive.entries
    data = archive.read(entry.parsed_digest)
    assert name == "acme/api:1.0"
    assert data is not None
    manifest = Manifest(OCI_MANIFEST, data)
    layers = manifest.body.layers or ()
    assert [(layer.media_type, layer.digest) for layer in layers] == [
        (OCI_LAYER_TAR, str(Digest.of(content))) for content in LAYERS
    ]
    extents = [archive.extent(layer.parsed_digest) for layer in layers]
    assert [b"".join(archive.pieces(extent)) for extent in extents if extent] == list(LAYERS)
    assert manifest.body.config is not None
    assert archive.read(manifest.body.config.parsed_digest) == CONFIG


def test_the_same_image_always_gets_the_same_manifest(tmp_path: Path) -> None:
    one, two = save(tmp_path / "one.tar"), save(tmp_path / "two.tar", link=True)
    assert DockerArchive(one).entries == DockerArchive(two).entries


def test_an_image_has_all_its_names(tmp_path: Path) -> None:
    archive = DockerArchive(save(tmp_path / "api.tar", names=("acme/api:1.0", "acme/api:stable")))
    assert [name for name, _ in archive.entries] == ["acme/api:1.0", "acme/api:stable"]
    assert len({entry.digest for _, entry in archive.entries}) == 1


def test_an_archive_that_lacks_a_layer_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Mismatch, match=r"lacks zzz/layer\.tar"):
        DockerArchive(save(tmp_path / "api.tar", Layers=["aaa/layer.tar", "zzz/layer.tar"]))


def test_a_config_that_names_other_layers_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Mismatch, match="names 2 layers, not 1"):
        DockerArchive(save(tmp_path / "api.tar", Layers=["aaa/layer.tar"]))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"no tar at all" * 100, "is no tar file"),
        (gzip.compress(b"a tar", mtime=0), "is compressed"),
        (b"\0" * 10240, "is no docker archive"),
    ],
)
def test_what_is_no_archive_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "file.tar"
    path.write_bytes(content)
    with pytest.raises(Mismatch, match=message):
        DockerArchive(path)


@pytest.mark.parametrize("manifests", ["{}", "[1]", "nonsense", '[{"Config": 1}]'])
def test_a_broken_manifest_json_is_refused(tmp_path: Path, manifests: str) -> None:
    with tarfile.open(tmp_path / "file.tar", "w") as tar:
        add(tar, "manifest.json", manifests.encode())
    with pytest.raises(Mismatch, match="is no docker archive"):
        DockerArchive(tmp_path / "file.tar")


def test_a_file_that_is_not_there_is_an_error_of_the_host(tmp_path: Path) -> None:
    with pytest.raises(HostError):
        DockerArchive(tmp_path / "nothing.tar")


def test_a_blob_that_was_taken_back_leaves_the_others_whole(tmp_path: Path) -> None:
    writer = ArchiveWriter(tmp_path / "api.tar")
    kept, dropped = (Descriptor(OCI_LAYER_TAR, str(Digest.of(data)), len(data)) for data in LAYERS)
    writer.put(kept, LAYERS[0])
    before = writer.begin(dropped)
    writer.add(LAYERS[1][:50])
    writer.undo(before)
    manifest = Manifest(OCI_MANIFEST, b'{"schemaVersion":2}')
    writer.put(manifest.descriptor, manifest.data)
    writer.finish([("acme/api:1", manifest.descriptor)], [SavedImage(manifest, ("acme/api:1",))])
    archive = DockerArchive(tmp_path / "api.tar")
    assert archive.read(kept.parsed_digest) == LAYERS[0]
    assert archive.read(manifest.digest) == manifest.data
    assert archive.extent(dropped.parsed_digest) is None
