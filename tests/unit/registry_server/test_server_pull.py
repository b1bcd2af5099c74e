"""Reading blobs and manifests: distribution specification 1.1, § Pull."""

from __future__ import annotations

import pytest

from shipway.testing.raw import RawRepository, encode
from shipway.values import Digest

CONTENT = bytes(range(256)) * 8
MISSING = Digest.of(b"never pushed")


def test_the_api_is_there_for_clients_that_ask(repository: RawRepository) -> None:
    for path in ("/v2/", "/v2"):
        answer = repository("GET", path)
        assert answer.status == 200
        assert answer.headers["docker-distribution-api-version"] == "registry/2.0"


@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
def test_a_blob_comes_back_as_it_was_pushed(repository: RawRepository, algorithm: str) -> None:
    digest = repository.push_blob(CONTENT, algorithm)
    answer = repository("GET", f"blobs/{digest}")
    assert (answer.status, answer.body) == (200, CONTENT)
    assert answer.headers["docker-content-digest"] == str(digest)
    assert answer.headers["content-length"] == str(len(CONTENT))


def test_a_blob_of_many_pieces_comes_back_whole(repository: RawRepository) -> None:
    content = CONTENT * 1500 + b"odd end"
    digest = repository.push_blob(content)
    assert repository("GET", f"blobs/{digest}").body == content


def test_head_tells_size_and_digest_without_a_body(repository: RawRepository) -> None:
    digest = repository.push_blob(CONTENT)
    answer = repository("HEAD", f"blobs/{digest}")
    assert (answer.status, answer.body) == (200, b"")
    assert answer.headers["content-length"] == str(len(CONTENT))
    assert answer.headers["docker-content-digest"] == str(digest)


@pytest.mark.parametrize(
    ("header", "start", "end"),
    [
        ("bytes=500-1499", 500, 1500),
        ("bytes=500-", 500, 2048),
        ("bytes=-500", 1548, 2048),
        ("bytes=-9000", 0, 2048),
        ("bytes=2000-5000", 2000, 2048),
        ("bytes=0-0", 0, 1),
        ("bytes=0-", 0, 2048),
    ],
)
def test_a_range_gives_that_part(repository: RawRepository, header: str, start: int, end: int) -> None:
    digest = repository.push_blob(CONTENT)
    answer = repository("GET", f"blobs/{digest}", headers={"Range": header})
    assert (answer.status, answer.body) == (206, CONTENT[start:end])
    assert answer.headers["content-range"] == f"bytes {start}-{end - 1}/2048"
    assert answer.headers["content-length"] == str(end - start)


@pytest.mark.parametrize("header", ["bytes=500-0", "bytes=5000-10000", "bytes=2048-", "bytes=-0"])
def test_a_range_outside_the_blob_is_refused(repository: RawRepository, header: str) -> None:
    digest = repository.push_blob(CONTENT)
    answer = repository("GET", f"blobs/{digest}", headers={"Range": header})
    assert answer.status == 416
    assert answer.headers["content-range"] == "bytes */2048"


@pytest.mark.parametrize("header", ["bytes=0-1,4-5", "lines=0-1", "bytes=-", "bytes=a-b"])
def test_what_is_not_one_byte_range_gives_the_whole(repository: RawRepository, header: str) -> None:
    digest = repository.push_blob(CONTENT)
    answer = repository("GET", f"blobs/{digest}", headers={"Range": header})
    assert (answer.status, answer.body) == (200, CONTENT)


def test_a_range_of_another_version_gives_the_whole(repository: RawRepository) -> None:
    digest = repository.push_blob(CONTENT)
    path = f"blobs/{digest}"
    etag = repository("HEAD", path).headers["etag"]
    same = repository("GET", path, headers={"Range": "bytes=0-9", "If-Range": etag})
    other = repository("GET", path, headers={"Range": "bytes=0-9", "If-Range": '"other"'})
    assert (same.status, other.status) == (206, 200)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_missing_blob_is_unknown(repository: RawRepository, method: str) -> None:
    answer = repository(method, f"blobs/{MISSING}")
    assert answer.status == 404
    if method == "GET":
        assert answer.code == "BLOB_UNKNOWN"


def test_a_blob_of_another_repository_is_unknown(repository: RawRepository) -> None:
    digest = RawRepository(repository.address, "test/elsewhere").push_blob(b"theirs")
    assert repository("GET", f"blobs/{digest}").code == "BLOB_UNKNOWN"


def test_a_malformed_digest_is_refused(repository: RawRepository) -> None:
    for path in ("blobs/sha256:bad", "blobs/sha256", "manifests/sha256:bad", "referrers/sha256:bad"):
        answer = repository("GET", path)
        assert (answer.status, answer.code) == (400, "DIGEST_INVALID"), path


@pytest.mark.parametrize("name", ["Upper/case", "a//b", "-a", "a/b:c", "a" * 256])
def test_a_malformed_name_is_refused(repository: RawRepository, name: str) -> None:
    answer = repository("GET", f"/v2/{name}/manifests/latest")
    assert (answer.status, answer.code) == (400, "NAME_INVALID")


def test_a_manifest_comes_back_by_tag_and_digest(repository: RawRepository) -> None:
    document = repository.image()
    data = encode(document)
    digest = Digest.of(data)
    repository.put_manifest("1.0", document)
    for reference in ("1.0", str(digest)):
        for method in ("GET", "HEAD"):
            answer = repository(method, f"manifests/{reference}")
            assert answer.status == 200
            assert answer.body == (data if method == "GET" else b"")
            assert answer.headers["content-type"] == document["mediaType"]
            assert answer.headers["content-length"] == str(len(data))
            assert answer.headers["docker-content-digest"] == str(digest)


@pytest.mark.parametrize("reference", ["missing", str(MISSING), ".not-a-tag"])
def test_a_missing_manifest_is_unknown(repository: RawRepository, reference: str) -> None:
    repository.push_image("present")
    assert repository("HEAD", f"manifests/{reference}").status == 404
    assert repository("GET", f"manifests/{reference}").code == "MANIFEST_UNKNOWN"


def test_names_may_look_like_endpoints(repository: RawRepository) -> None:
    tricky = RawRepository(repository.address, "shop/manifests/blobs/uploads")
    digest = tricky.push_image("tags")
    assert tricky("GET", "manifests/tags").headers["docker-content-digest"] == str(digest)


def test_what_is_no_endpoint_gets_the_error_body_too(repository: RawRepository) -> None:
    assert repository("GET", "/v2/shop/other").code == "NAME_UNKNOWN"
    answer = repository("PATCH", "manifests/latest", b"{}")
    assert (answer.status, answer.code) == (405, "UNSUPPORTED")
