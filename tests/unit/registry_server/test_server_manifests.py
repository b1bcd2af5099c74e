"""Pushing and deleting manifests and tags: distribution specification 1.1, § Push, § Content Management."""

from __future__ import annotations

from typing import Any

import pytest

from shipway.oci.layout import Layout
from shipway.oci.manifest import DOCKER_CONFIG, DOCKER_LIST, DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST
from shipway.registry.server.embedded import EmbeddedRegistry
from shipway.testing.raw import RawRepository, descriptor, encode, index
from shipway.values import Digest

MISSING = b"never pushed"


def digest_at(repository: RawRepository, reference: str) -> str | None:
    return repository("HEAD", f"manifests/{reference}").headers.get("docker-content-digest")


# --- what gets in ---------------------------------------------------------------------------------


def test_a_tag_moves_and_the_old_manifest_stays(repository: RawRepository) -> None:
    first = repository.push_image("latest", b"one")
    second = repository.push_image("latest", b"two")
    assert digest_at(repository, "latest") == str(second) != str(first)
    assert digest_at(repository, str(first)) == str(first)


@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
def test_a_manifest_is_pushed_by_digest(repository: RawRepository, algorithm: str) -> None:
    document = repository.image()
    digest = Digest.of(encode(document), algorithm)
    answer = repository.put_manifest(digest, document)
    assert answer.status == 201
    assert answer.headers["docker-content-digest"] == str(digest)
    assert answer.headers["location"] == f"/v2/{repository.name}/manifests/{digest}"
    assert repository("GET", f"manifests/{digest}").body == encode(document)


def test_tags_come_with_a_push_by_digest(repository: RawRepository) -> None:
    document = repository.image()
    digest = Digest.of(encode(document), "sha512")
    tags = [f"1.{number}" for number in range(12)]
    answer = repository.put_manifest(digest, document, tag=tags)
    assert answer.headers["oci-tag"].split(", ") == tags
    assert {digest_at(repository, tag) for tag in tags} == {str(digest)}


@pytest.mark.parametrize(
    ("image_type", "index_type"), [(OCI_MANIFEST, OCI_INDEX), (DOCKER_MANIFEST, DOCKER_LIST)]
)
def test_indexes_of_images_and_of_indexes(
    repository: RawRepository, image_type: str, index_type: str
) -> None:
    image = repository.image(mediaType=image_type)
    inner = index(descriptor(encode(image), image_type), mediaType=index_type)
    outer = index(descriptor(encode(inner), index_type), mediaType=index_type)
    for document in (image, inner, outer):
        assert repository.put_manifest(Digest.of(encode(document)), document).status == 201
    assert repository.put_manifest("all", outer).status == 201
    assert repository("GET", "manifests/all").headers["content-type"] == index_type


@pytest.mark.parametrize(
    "fields",
    [
        {"layers": []},
        {"layers": [descriptor(MISSING, "application/vnd.oci.image.layer.nondistributable.v1.tar")]},
        {"layers": [descriptor(MISSING, "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip")]},
        {"layers": [descriptor(MISSING) | {"urls": ["https://example.org/layer"]}]},
        {"subject": descriptor(MISSING)},
        {"x-custom": {"any": ["thing"]}, "annotations": {"": ""}},
        {"config": descriptor(b"{}", "application/vnd.example") | {"data": "e30=", "x-custom": 1}},
    ],
)
def test_unusual_but_valid_images(repository: RawRepository, fields: dict[str, Any]) -> None:
    document = repository.image(**fields)
    assert repository.put_manifest("unusual", document).status == 201
    assert repository("GET", "manifests/unusual").body == encode(document)


def test_an_index_may_be_empty_or_hold_blobs_as_buildkits_cache_does(repository: RawRepository) -> None:
    repository.push_blob(b"cached layer")
    layer = descriptor(b"cached layer", "application/vnd.oci.image.layer.v1.tar+gzip")
    assert repository.put_manifest("empty", index()).status == 201
    assert repository.put_manifest("cache", index(layer)).status == 201


def test_the_body_tells_the_type_where_no_header_does(repository: RawRepository) -> None:
    data = encode(repository.image())
    assert repository("PUT", "manifests/no-type", data).status == 201
    assert repository("PUT", "manifests/charset", data, {"Content-Type": f"{OCI_MANIFEST}; charset=utf-8"})
    for tag in ("no-type", "charset"):
        assert repository("HEAD", f"manifests/{tag}").headers["content-type"] == OCI_MANIFEST


def test_a_manifest_of_four_megabytes_is_the_largest(repository: RawRepository) -> None:
    document = repository.image(annotations={"filler": ""})
    room = 4 * 1024 * 1024 - len(encode(document))
    for extra, status in ((0, 201), (1, 413)):
        document["annotations"] = {"filler": "x" * (room + extra)}
        assert repository.put_manifest("large", document).status == status


# --- what does not --------------------------------------------------------------------------------


@pytest.mark.parametrize("field", ["config", "layers"])
def test_an_image_without_its_content_is_refused(repository: RawRepository, field: str) -> None:
    gone = descriptor(MISSING)
    fields: dict[str, Any] = {field: gone if field == "config" else [gone]}
    document = repository.image(**fields)
    answer = repository.put_manifest("broken", document)
    assert (answer.status, answer.code) == (400, "MANIFEST_BLOB_UNKNOWN")
    assert answer.json["errors"][0]["detail"] == {"digests": [gone["digest"]]}
    assert digest_at(repository, "broken") is None


def test_an_index_without_its_children_is_refused(repository: RawRepository) -> None:
    assert repository.put_manifest("broken", index(descriptor(MISSING))).code == "MANIFEST_BLOB_UNKNOWN"


def test_content_of_another_repository_does_not_count(repository: RawRepository) -> None:
    document = RawRepository(repository.address, "test/elsewhere").image(b"theirs")
    assert repository.put_manifest("theirs", document).code == "MANIFEST_BLOB_UNKNOWN"


@pytest.mark.parametrize(
    "fields",
    [
        {"mediaType": "application/vnd.docker.distribution.manifest.v1+prettyjws"},
        {"mediaType": "text/html"},
        {"mediaType": OCI_INDEX},
        {"manifests": []},
        {"config": None},
        {"schemaVersion": 1},
        {"layers": [{"mediaType": "x", "digest": "sha256:bad", "size": 1}]},
        {"layers": "none"},
        {"subject": {"mediaType": OCI_MANIFEST, "digest": "md5:bad", "size": 1}},
    ],
)
def test_what_is_no_manifest_is_refused(repository: RawRepository, fields: dict[str, Any]) -> None:
    answer = repository.put_manifest("bad", repository.image(**fields))
    assert (answer.status, answer.code) == (400, "MANIFEST_INVALID")


@pytest.mark.parametrize("data", [b"", b"not json", b"[]", b"\xff\xfe", b"{}"])
def test_bytes_that_are_no_manifest_are_refused(repository: RawRepository, data: bytes) -> None:
    answer = repository("PUT", "manifests/bad", data, {"Content-Type": OCI_MANIFEST})
    assert (answer.status, answer.code) == (400, "MANIFEST_INVALID")


def test_a_type_other_than_the_body_says_is_refused(repository: RawRepository) -> None:
    data = encode(repository.image())
    answer = repository("PUT", "manifests/bad", data, {"Content-Type": DOCKER_MANIFEST})
    assert (answer.status, answer.code) == (400, "MANIFEST_INVALID")


def test_a_manifest_at_a_wrong_digest_is_refused(repository: RawRepository) -> None:
    document = repository.image()
    for reference in (str(Digest.of(MISSING)), "sha256:bad"):
        answer = repository.put_manifest(reference, document)
        assert (answer.status, answer.code) == (400, "DIGEST_INVALID")


@pytest.mark.parametrize("tag", [".dot", "-dash", "a" * 129, "a%20b"])
def test_what_is_no_tag_is_refused(repository: RawRepository, tag: str) -> None:
    document = repository.image()
    assert repository.put_manifest(tag, document).code == "MANIFEST_INVALID"
    for bad in (".dot", f"1.0@{Digest.of(MISSING)}", "1.0:2", ""):
        answer = repository.put_manifest(Digest.of(encode(document)), document, tag=["good", bad])
        assert answer.code == "MANIFEST_INVALID", bad
    assert digest_at(repository, "good") is None


# --- deleting -------------------------------------------------------------------------------------


def test_deleting_a_tag_leaves_its_siblings_and_the_manifest(repository: RawRepository) -> None:
    digest = repository.push_image("1.0")
    repository.push_image("latest")
    assert repository("DELETE", "manifests/latest").status == 202
    assert digest_at(repository, "latest") is None
    assert digest_at(repository, "1.0") == digest_at(repository, str(digest)) == str(digest)
    assert repository("DELETE", "manifests/latest").code == "MANIFEST_UNKNOWN"


def test_deleting_a_manifest_takes_its_tags(repository: RawRepository) -> None:
    digest = repository.push_image("1.0")
    other = repository.push_image("2.0", b"other")
    assert repository("DELETE", f"manifests/{digest}").status == 202
    assert digest_at(repository, "1.0") is None
    assert digest_at(repository, str(digest)) is None
    assert digest_at(repository, "2.0") == str(other)
    assert repository("DELETE", f"manifests/{digest}").code == "MANIFEST_UNKNOWN"


def test_deleting_a_blob_leaves_it_to_other_repositories(repository: RawRepository) -> None:
    other = RawRepository(repository.address, f"{repository.name}/other")
    digest = repository.push_blob(b"shared")
    other.push_blob(b"shared")
    assert repository("DELETE", f"blobs/{digest}").status == 202
    assert repository("GET", f"blobs/{digest}").status == 404
    assert repository("DELETE", f"blobs/{digest}").code == "BLOB_UNKNOWN"
    assert other("GET", f"blobs/{digest}").body == b"shared"


def test_the_bytes_of_a_deleted_blob_go_with_the_last_repository_that_has_it(
    repository: RawRepository, served: EmbeddedRegistry
) -> None:
    other = RawRepository(repository.address, f"{repository.name}/other")
    digest = repository.push_blob(b"a secret")
    other.push_blob(b"a secret")
    file = Layout(served.directory).blob_path(digest)
    repository("DELETE", f"blobs/{digest}")
    assert file.exists()
    other("DELETE", f"blobs/{digest}")
    assert not file.exists()


# --- the folder is an image layout ----------------------------------------------------------------


def test_the_layout_lists_every_tag_and_no_other(repository: RawRepository, served: EmbeddedRegistry) -> None:
    def listed() -> dict[str, str]:
        entries = Layout(served.directory).entries()
        names = {(entry.annotations or {})["org.opencontainers.image.ref.name"]: entry for entry in entries}
        return {name: entry.digest for name, entry in names.items() if name.startswith(f"{repository.name}:")}

    first = repository.push_image("1.0", b"one")
    second = repository.push_image("2.0", b"two")
    assert listed() == {f"{repository.name}:1.0": str(first), f"{repository.name}:2.0": str(second)}
    repository.push_image("1.0", b"two")
    assert listed() == {f"{repository.name}:1.0": str(second), f"{repository.name}:2.0": str(second)}
    repository("DELETE", "manifests/1.0")
    assert listed() == {f"{repository.name}:2.0": str(second)}
    repository("DELETE", f"manifests/{second}")
    assert listed() == {}


def test_docker_types_are_kept(repository: RawRepository) -> None:
    repository.push_blob(b"{}")
    config = descriptor(b"{}", DOCKER_CONFIG)
    document = repository.image(mediaType=DOCKER_MANIFEST, config=config)
    repository.put_manifest("docker", document)
    assert repository("GET", "manifests/docker").headers["content-type"] == DOCKER_MANIFEST
