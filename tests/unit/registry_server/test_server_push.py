"""Uploading blobs: distribution specification 1.1, § Push."""

from __future__ import annotations

import socket
import threading
from pathlib import Path
from typing import Any

import pytest

from shipway.registry.server.embedded import EmbeddedRegistry
from shipway.testing.raw import Answer, RawRepository
from shipway.testing.registry import running_registry
from shipway.values import Digest

CONTENT = bytes(range(256)) * 5
PARTS = (CONTENT[:500], CONTENT[500:1000], CONTENT[1000:])
ALGORITHMS = pytest.mark.parametrize("algorithm", ["sha256", "sha512"])


def chunk(
    repository: RawRepository, method: str, location: str, start: int, data: bytes, **query: Any
) -> Answer:
    headers = {"Content-Range": f"{start}-{start + len(data) - 1}"}
    return repository(method, location, data, headers, **query)


def stored(repository: RawRepository, digest: Digest) -> bytes | None:
    answer = repository("GET", f"blobs/{digest}")
    return answer.body if answer.status == 200 else None


def assert_created(repository: RawRepository, answer: Answer, digest: Digest) -> None:
    assert answer.status == 201, answer
    assert answer.headers["docker-content-digest"] == str(digest)
    assert answer.headers["location"] == f"/v2/{repository.name}/blobs/{digest}"


# --- each way to push -----------------------------------------------------------------------------


@ALGORITHMS
def test_one_post(repository: RawRepository, algorithm: str) -> None:
    digest = Digest.of(CONTENT, algorithm)
    assert_created(repository, repository("POST", "blobs/uploads/", CONTENT, digest=digest), digest)
    assert stored(repository, digest) == CONTENT


@ALGORITHMS
def test_post_then_put(repository: RawRepository, algorithm: str) -> None:
    digest = Digest.of(CONTENT, algorithm)
    answer = repository("PUT", repository.open_upload(), CONTENT, digest=digest)
    assert_created(repository, answer, digest)
    assert stored(repository, digest) == CONTENT


@ALGORITHMS
@pytest.mark.parametrize("last", ["PATCH", "PUT"])
def test_chunks(repository: RawRepository, algorithm: str, last: str) -> None:
    digest = Digest.of(CONTENT, algorithm)
    answer = repository("POST", "blobs/uploads/?digest-algorithm=" + algorithm)
    location = answer.headers["location"]
    start = 0
    for part in PARTS if last == "PATCH" else PARTS[:-1]:
        answer = chunk(repository, "PATCH", location, start, part)
        start += len(part)
        assert (answer.status, answer.headers["range"]) == (202, f"0-{start - 1}")
        location = answer.headers["location"]
    if last == "PATCH":
        answer = repository("PUT", location, digest=digest)
    else:
        answer = chunk(repository, "PUT", location, start, PARTS[-1], digest=str(digest))
    assert_created(repository, answer, digest)
    assert stored(repository, digest) == CONTENT


def test_a_stream_of_unknown_length(repository: RawRepository) -> None:
    digest = Digest.of(CONTENT)
    location = repository.open_upload()
    answer = repository("PATCH", location, iter(PARTS))  # http.client sends these chunked
    assert (answer.status, answer.headers["range"]) == (202, f"0-{len(CONTENT) - 1}")
    assert repository("PUT", location, digest=digest).status == 201
    assert stored(repository, digest) == CONTENT


def test_a_blob_of_many_batches(repository: RawRepository) -> None:
    content = CONTENT * 7000
    digest = repository.push_blob(content)
    assert stored(repository, digest) == content


@ALGORITHMS
@pytest.mark.parametrize("content", [b"", b"{}"])
def test_tiny_blobs(repository: RawRepository, algorithm: str, content: bytes) -> None:
    digest = repository.push_blob(content, algorithm)
    assert stored(repository, digest) == content
    assert repository("POST", "blobs/uploads/", content, digest=digest).status == 201


def test_pushing_twice_is_no_error(repository: RawRepository) -> None:
    assert repository.push_blob(CONTENT) == repository.push_blob(CONTENT)


# --- what must not get in -------------------------------------------------------------------------


@pytest.mark.parametrize("digest", [str(Digest.of(b"other")), "sha256:bad", "md5:" + "0" * 32, ""])
def test_a_wrong_digest_is_refused_and_the_upload_can_be_repeated(
    repository: RawRepository, digest: str
) -> None:
    location = repository.open_upload()
    answer = repository("PUT", location, CONTENT, digest=digest)
    assert (answer.status, answer.code) == (400, "DIGEST_INVALID")
    assert stored(repository, Digest.of(CONTENT)) is None
    assert repository("PUT", location, CONTENT, digest=Digest.of(CONTENT)).status == 201


def test_a_put_without_digest_is_refused(repository: RawRepository) -> None:
    assert repository("PUT", repository.open_upload(), CONTENT).code == "DIGEST_INVALID"


def test_one_post_with_a_wrong_digest_is_refused(repository: RawRepository) -> None:
    answer = repository("POST", "blobs/uploads/", CONTENT, digest=Digest.of(b"other"))
    assert (answer.status, answer.code) == (400, "DIGEST_INVALID")
    assert stored(repository, Digest.of(CONTENT)) is None


def test_an_unknown_digest_algorithm_is_refused(repository: RawRepository) -> None:
    answer = repository("POST", "blobs/uploads/?digest-algorithm=md5")
    assert (answer.status, answer.code) == (400, "DIGEST_INVALID")


@pytest.mark.parametrize("method", ["PATCH", "PUT"])
@pytest.mark.parametrize("start", [0, 400, 600])
def test_a_chunk_out_of_order_is_refused_and_tells_where_to_go_on(
    repository: RawRepository, method: str, start: int
) -> None:
    digest = Digest.of(CONTENT)
    location = repository.open_upload()
    chunk(repository, "PATCH", location, 0, PARTS[0])
    answer = chunk(repository, method, location, start, PARTS[1], digest=str(digest))
    assert (answer.status, answer.code) == (416, "BLOB_UPLOAD_INVALID")
    assert (answer.headers["location"], answer.headers["range"]) == (location, "0-499")
    assert chunk(repository, "PUT", location, 500, CONTENT[500:], digest=str(digest)).status == 201


def test_a_first_chunk_that_does_not_start_at_zero_is_refused(repository: RawRepository) -> None:
    assert chunk(repository, "PATCH", repository.open_upload(), 5, b"0123456789").status == 416


@pytest.mark.parametrize("header", ["bytes 0-4/5", "0-", "4-0", "a-b"])
def test_a_malformed_content_range_is_refused(repository: RawRepository, header: str) -> None:
    answer = repository("PATCH", repository.open_upload(), b"12345", {"Content-Range": header})
    assert (answer.status, answer.code) == (400, "BLOB_UPLOAD_INVALID")


@pytest.mark.parametrize("method", ["PATCH", "PUT"])
@pytest.mark.parametrize("streamed", [False, True])
def test_a_chunk_of_another_length_than_declared_leaves_nothing(
    repository: RawRepository, method: str, streamed: bool
) -> None:
    location = repository.open_upload()
    body = iter([b"12345"]) if streamed else b"12345"
    answer = repository(method, location, body, {"Content-Range": "0-3"}, digest=Digest.of(b"12345"))
    assert (answer.status, answer.code) == (400, "SIZE_INVALID")
    assert chunk(repository, "PUT", location, 0, b"12345", digest=str(Digest.of(b"12345"))).status == 201


# --- uploads in progress --------------------------------------------------------------------------


def test_the_status_of_an_upload(repository: RawRepository) -> None:
    location = repository.open_upload()
    assert repository("GET", location).headers["range"] == "0-0"
    chunk(repository, "PATCH", location, 0, PARTS[0])
    answer = repository("GET", location)
    assert (answer.status, answer.headers["range"]) == (204, "0-499")
    assert answer.headers["location"] == location


def test_a_cancelled_upload_is_gone(repository: RawRepository, served: EmbeddedRegistry) -> None:
    location = repository.open_upload()
    chunk(repository, "PATCH", location, 0, PARTS[0])
    assert repository("DELETE", location).status == 204
    for method in ("GET", "PATCH", "PUT", "DELETE"):
        answer = repository(method, location, digest=Digest.of(b""))
        assert answer.status == 404, method
    assert not (served.directory / "uploads" / location.rpartition("/")[2]).exists()


def test_a_finished_upload_is_gone(repository: RawRepository) -> None:
    location = repository.open_upload()
    repository("PUT", location, CONTENT, digest=Digest.of(CONTENT))
    assert repository("PATCH", location, b"more").code == "BLOB_UPLOAD_UNKNOWN"
    assert stored(repository, Digest.of(CONTENT)) == CONTENT


@pytest.mark.parametrize("id", ["00000000-0000-0000-0000-000000000000", "..", "registry.sqlite3"])
def test_an_unknown_upload_is_refused(repository: RawRepository, id: str) -> None:
    answer = repository("PATCH", f"blobs/uploads/{id}", b"data")
    assert (answer.status, answer.code) == (404, "BLOB_UPLOAD_UNKNOWN")


def test_an_upload_belongs_to_its_repository(repository: RawRepository) -> None:
    id = RawRepository(repository.address, "test/elsewhere").open_upload().rpartition("/")[2]
    assert repository("PATCH", f"blobs/uploads/{id}", b"data").code == "BLOB_UPLOAD_UNKNOWN"


def test_an_upload_goes_on_after_a_restart(tmp_path: Path) -> None:
    digest = Digest.of(CONTENT)
    with running_registry(tmp_path) as before:
        repository = RawRepository(before.address, "shop/api")
        location = repository.open_upload()
        chunk(repository, "PATCH", location, 0, PARTS[0])
    with running_registry(tmp_path) as after:
        repository = RawRepository(after.address, "shop/api")
        assert repository("GET", location).headers["range"] == "0-499"
        assert chunk(repository, "PUT", location, 500, CONTENT[500:], digest=str(digest)).status == 201
        assert stored(repository, digest) == CONTENT


def send_half(repository: RawRepository, method: str, target: str, data: bytes) -> socket.socket:
    """Send the head of a request that announces more than ``data``, and ``data``."""
    host, port = repository.address.rsplit(":", 1)
    connection = socket.create_connection((host, int(port)), timeout=30)
    length = len(CONTENT)
    head = f"{method} {target} HTTP/1.1\r\nHost: registry\r\nContent-Length: {length}\r\n"
    connection.sendall(f"{head}Content-Range: 0-{length - 1}\r\n\r\n".encode() + data)
    return connection


def wait_for_answer(repository: RawRepository, location: str, status: int) -> Answer:
    """Ask until no other request holds the upload."""
    for _ in range(1000):
        answer = repository("PATCH", location, b"")
        if answer.status == status:
            return answer
    raise AssertionError(answer)


def test_an_upload_has_one_writer_and_keeps_what_came_before_a_lost_connection(
    repository: RawRepository,
) -> None:
    location = repository.open_upload()
    connection = send_half(repository, "PATCH", location, PARTS[0])
    wait_for_answer(repository, location, 409)
    assert repository("PATCH", location, b"intruder").code == "BLOB_UPLOAD_INVALID"
    connection.close()
    assert wait_for_answer(repository, location, 202).headers["range"] == "0-499"
    digest = Digest.of(CONTENT)
    assert chunk(repository, "PUT", location, 500, CONTENT[500:], digest=str(digest)).status == 201


def test_a_put_whose_connection_is_lost_can_be_sent_again(repository: RawRepository) -> None:
    location, digest = repository.open_upload(), Digest.of(CONTENT)
    connection = send_half(repository, "PUT", f"{location}?digest={digest}", PARTS[0])
    wait_for_answer(repository, location, 409)
    connection.close()
    assert wait_for_answer(repository, location, 202).headers["range"] == "0-0"
    assert repository("PUT", location, CONTENT, digest=digest).status == 201


def test_the_same_blob_pushed_by_many_at_once(repository: RawRepository) -> None:
    content = CONTENT * 500
    threads = [threading.Thread(target=repository.push_blob, args=(content,)) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert stored(repository, Digest.of(content)) == content


# --- mounts ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("anonymous", [False, True])
def test_a_blob_is_mounted_from_another_repository(repository: RawRepository, anonymous: bool) -> None:
    source = RawRepository(repository.address, f"{repository.name}/source")
    digest = source.push_blob(f"{repository.name} {anonymous}".encode())
    query: dict[str, Any] = {"mount": digest} | ({} if anonymous else {"from": source.name})
    assert_created(repository, repository("POST", "blobs/uploads/", **query), digest)
    assert stored(repository, digest) is not None


def test_a_mount_of_what_is_not_there_opens_an_upload(repository: RawRepository) -> None:
    digest = repository.push_blob(CONTENT)
    queries: list[dict[str, Any]] = [
        {"mount": Digest.of(repository.name.encode())},
        {"mount": digest, "from": "test/no-such-repository"},
    ]
    for query in queries:
        answer = RawRepository(repository.address, "test/target")("POST", "blobs/uploads/", **query)
        assert answer.status == 202
        assert "/blobs/uploads/" in answer.headers["location"]
