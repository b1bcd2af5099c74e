"""Every kind of content, by every way in and out: the check list of the distribution specification 1.1."""

from __future__ import annotations

import base64
import itertools
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from shipway.oci.manifest import OCI_CONFIG, OCI_LAYER_TAR, OCI_MANIFEST
from shipway.testing.raw import RawRepository, descriptor, encode, index
from shipway.testing.registry import running_registry
from shipway.values import Digest

EMPTY = "application/vnd.oci.empty.v1+json"
SBOM = "application/spdx+json"
_NUMBERS = itertools.count()


@dataclass
class Content:
    """Blobs, and manifests in the order in which they can be pushed; ``absent`` is named and never pushed."""

    blobs: list[bytes]
    manifests: list[dict[str, Any]]
    absent: list[Digest] = field(default_factory=list)


def image(layers: list[bytes], **fields: Any) -> dict[str, Any]:
    return {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": descriptor(b"{}", OCI_CONFIG),
        "layers": [descriptor(layer, OCI_LAYER_TAR) for layer in layers],
        **fields,
    }


def plain() -> Content:
    return Content([b"{}", b"one", b"two"], [image([b"one", b"two"])])


def without_layers() -> Content:
    return Content([b"{}"], [image([])])


def empty_blob() -> Content:
    return Content([b"{}", b""], [image([b""])])


def custom_fields() -> Content:
    return Content([b"{}", b"one"], [image([b"one"], **{"org.example.field": {"of": ["ours"]}})])


def data_field() -> Content:
    layer = {**descriptor(b"one", OCI_LAYER_TAR), "data": base64.b64encode(b"one").decode()}
    return Content([b"{}", b"one"], [image([]) | {"layers": [layer]}])


def nondistributable() -> Content:
    away = descriptor(b"licensed", "application/vnd.oci.image.layer.nondistributable.v1.tar")
    away["urls"] = ["https://example.com/licensed"]
    return Content([b"{}"], [image([]) | {"layers": [away]}], [Digest.of(b"licensed")])


def artifact() -> Content:
    return Content(
        [b"{}", b"sbom"], [image([b"sbom"], artifactType=SBOM) | {"config": descriptor(b"{}", EMPTY)}]
    )


def children() -> list[dict[str, Any]]:
    return [image([b"one"]), image([b"two"])]


def plain_index() -> Content:
    return Content([b"{}", b"one", b"two"], [*children(), index(*map(named, children()))])


def nested_index() -> Content:
    inner = index(*map(named, children()))
    return Content([b"{}", b"one", b"two"], [*children(), inner, index(named(inner))])


def artifact_index() -> Content:
    return Content([], [index(artifactType=SBOM)])


def with_subject() -> Content:
    return Content(
        [b"{}", b"one"], [image([b"one"]), image([], artifactType=SBOM, subject=named(image([b"one"])))]
    )


def index_with_subject() -> Content:
    return Content(
        [b"{}", b"one"], [image([b"one"]), index(artifactType=SBOM, subject=named(image([b"one"])))]
    )


def with_missing_subject() -> Content:
    return Content(
        [b"{}"], [image([], artifactType=SBOM, subject=descriptor(b"not here"))], [Digest.of(b"not here")]
    )


def named(document: dict[str, Any]) -> dict[str, Any]:
    return descriptor(encode(document), document["mediaType"])


CONTENTS: list[Callable[[], Content]] = [
    plain, without_layers, empty_blob, custom_fields, data_field, nondistributable, artifact, plain_index,
    nested_index, artifact_index, with_subject, index_with_subject, with_missing_subject,
]  # fmt: skip


# --- ways of pushing a blob -----------------------------------------------------------------------


def post_alone(repository: RawRepository, data: bytes, digest: Digest) -> int:
    return repository("POST", "blobs/uploads/", data, digest=digest).status


def post_and_put(repository: RawRepository, data: bytes, digest: Digest) -> int:
    return repository("PUT", opened(repository, digest), data, digest=digest).status


def post_patch_and_put(repository: RawRepository, data: bytes, digest: Digest) -> int:
    answer = repository("PATCH", opened(repository, digest), data)
    assert answer.status == 202
    return repository("PUT", answer.headers["location"], digest=digest).status


def post_chunks_and_put(repository: RawRepository, data: bytes, digest: Digest) -> int:
    location = opened(repository, digest)
    for start in range(0, len(data), 2):
        chunk = data[start : start + 2]
        end = start + len(chunk) - 1
        answer = repository("PATCH", location, chunk, {"Content-Range": f"{start}-{end}"})
        assert (answer.status, answer.headers["range"]) == (202, f"0-{end}")
        location = answer.headers["location"]
    return repository("PUT", location, digest=digest).status


def mount_from_anywhere(repository: RawRepository, data: bytes, digest: Digest) -> int:
    RawRepository(repository.address, f"{repository.name}/other").push_blob(data, digest.algorithm)
    return repository("POST", "blobs/uploads/", mount=digest).status


def opened(repository: RawRepository, digest: Digest) -> str:
    query = {"digest-algorithm": digest.algorithm} if digest.algorithm != "sha256" else {}
    answer = repository("POST", "blobs/uploads/", **query)
    assert answer.status == 202
    return str(answer.headers["location"])


WAYS = [post_alone, post_and_put, post_patch_and_put, post_chunks_and_put, mount_from_anywhere]


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with running_registry() as registry:
        yield registry.address


@pytest.fixture
def repository(address: str) -> RawRepository:
    return RawRepository(address, f"conformance/repository-{next(_NUMBERS)}")


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
@pytest.mark.parametrize("data", [b"", b"x", b"content"])
def test_a_blob_by_every_way_and_algorithm(
    repository: RawRepository, way: Callable[..., int], algorithm: str, data: bytes
) -> None:
    digest = Digest.of(data, algorithm)
    assert repository("HEAD", f"blobs/{digest}").status == 404
    assert way(repository, data, digest) == 201
    head, get = repository("HEAD", f"blobs/{digest}"), repository("GET", f"blobs/{digest}")
    for answer in (head, get):
        assert (answer.status, answer.headers["content-length"]) == (200, str(len(data)))
        assert answer.headers["docker-content-digest"] == str(digest)
    assert (head.body, get.body) == (b"", data)
    assert repository("DELETE", f"blobs/{digest}").status == 202
    for method in ("HEAD", "GET", "DELETE"):
        assert repository(method, f"blobs/{digest}").status == 404


@pytest.mark.parametrize("content", CONTENTS)
@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
@pytest.mark.parametrize("by", ["tag", "digest", "digest with tags"])
def test_content_of_every_kind(
    repository: RawRepository, content: Callable[[], Content], algorithm: str, by: str
) -> None:
    pushed = content()
    for blob in pushed.blobs:
        repository.push_blob(blob)
    for document in pushed.manifests[:-1]:
        assert repository.put_manifest(Digest.of(encode(document)), document).status == 201
    top = pushed.manifests[-1]
    # by tag the registry alone chooses the algorithm
    digest = Digest.of(encode(top), "sha256" if by == "tag" else algorithm)
    tags = {"tag": ["one", "two"]} if by == "digest with tags" else {}
    answer = repository.put_manifest("one" if by == "tag" else digest, top, **tags)
    assert (answer.status, answer.headers["docker-content-digest"]) == (201, str(digest))
    assert answer.headers.get("oci-subject") == (top["subject"]["digest"] if "subject" in top else None)

    expected = {"tag": ["one"], "digest": [], "digest with tags": ["one", "two"]}[by]
    assert repository("GET", "tags/list").json == {"name": repository.name, "tags": expected}
    for reference in [digest, *expected]:
        assert_manifest(repository, reference, top, digest)
    for absent in pushed.absent:
        assert repository("HEAD", f"blobs/{absent}").status == 404
    assert_referrers(repository, top, digest)
    assert_deletes(repository, expected, digest, top)


def assert_manifest(
    repository: RawRepository, reference: object, document: dict[str, Any], digest: Digest
) -> None:
    head, get = (repository(method, f"manifests/{reference}") for method in ("HEAD", "GET"))
    for answer in (head, get):
        assert answer.status == 200
        assert answer.headers["content-type"] == document["mediaType"]
        assert answer.headers["docker-content-digest"] == str(digest)
        assert answer.headers["content-length"] == str(len(encode(document)))
    assert (head.body, get.body) == (b"", encode(document))


def assert_referrers(repository: RawRepository, document: dict[str, Any], digest: Digest) -> None:
    if "subject" not in document:
        assert repository("GET", f"referrers/{digest}").json["manifests"] == []
        return
    subject = document["subject"]["digest"]
    for query in ({}, {"artifactType": SBOM}):
        answer = repository("GET", f"referrers/{subject}", **query)
        assert answer.headers.get("oci-filters-applied") == ("artifactType" if query else None)
        (found,) = answer.json["manifests"]
        assert (found["digest"], found["artifactType"]) == (str(digest), SBOM)
        assert found["size"] == len(encode(document))
    answer = repository("GET", f"referrers/{subject}", artifactType="application/other")
    assert (answer.status, answer.json["manifests"]) == (200, [])


def assert_deletes(
    repository: RawRepository, tags: list[str], digest: Digest, document: dict[str, Any]
) -> None:
    for tag in tags[:1]:
        assert repository("DELETE", f"manifests/{tag}").status == 202
        assert repository("HEAD", f"manifests/{tag}").status == 404
    assert repository("HEAD", f"manifests/{digest}").status == 200
    assert repository("DELETE", f"manifests/{digest}").status == 202
    for reference in [digest, *tags]:
        answer = repository("GET", f"manifests/{reference}")
        assert (answer.status, answer.code) == (404, "MANIFEST_UNKNOWN")
    assert repository("GET", "tags/list").json["tags"] == []
    if "subject" in document:
        answer = repository("GET", f"referrers/{document['subject']['digest']}")
        assert (answer.status, answer.json["manifests"]) == (200, [])


def test_an_empty_registry_answers_what_is_nowhere(repository: RawRepository) -> None:
    digest = Digest.of(b"nowhere")
    assert repository("GET", "/v2/").status == 200
    for method, path in itertools.product(
        ("GET", "HEAD"), (f"blobs/{digest}", f"manifests/{digest}", "manifests/x")
    ):
        assert repository(method, path).status == 404
    referrers = repository("GET", f"referrers/{digest}")
    assert (referrers.status, referrers.json["manifests"]) == (200, [])


def test_a_manifest_is_kept_to_the_byte(repository: RawRepository) -> None:
    """Blanks, order and escapes are part of the digest."""
    document = repository.image()
    for text in (
        json.dumps(document, indent=3),
        json.dumps(dict(reversed(document.items())), ensure_ascii=True),
    ):
        data = f"\n {text}\n".encode()
        digest = Digest.of(data)
        headers = {"Content-Type": OCI_MANIFEST}
        assert repository("PUT", f"manifests/{digest}", data, headers).status == 201
        assert repository("GET", f"manifests/{digest}").body == data
