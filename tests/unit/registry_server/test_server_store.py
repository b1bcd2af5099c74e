"""The store below the API: many writers, damage, and folders that are something else."""

from __future__ import annotations

import os
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from shipway.errors import HostError
from shipway.oci.layout import Layout
from shipway.oci.manifest import OCI_MANIFEST, Descriptor
from shipway.registry.server.embedded import EmbeddedRegistry
from shipway.registry.server.store import Store
from shipway.testing.raw import RawRepository
from shipway.testing.registry import running_registry
from shipway.values import Digest


def entry_names(directory: Path) -> set[str]:
    entries = Layout(directory).entries()
    return {(entry.annotations or {})["org.opencontainers.image.ref.name"] for entry in entries}


def test_no_tag_is_lost_among_twenty_writers(repository: RawRepository, served: EmbeddedRegistry) -> None:
    def push(writer: int) -> None:
        for number in range(5):
            repository.push_image(f"{writer}-{number}", f"{writer} {number}".encode())

    with ThreadPoolExecutor(20) as pool:
        list(pool.map(push, range(20)))
    expected = {f"{writer}-{number}" for writer in range(20) for number in range(5)}
    assert set(repository("GET", "tags/list").json["tags"]) == expected
    assert {f"{repository.name}:{tag}" for tag in expected} <= entry_names(served.directory)


def test_two_stores_on_one_folder_see_each_other(tmp_path: Path) -> None:
    with running_registry(tmp_path) as one, running_registry(tmp_path) as two:
        assert one.address != two.address
        repositories = [RawRepository(registry.address, "shop/api") for registry in (one, two)]

        def push(number: int) -> None:
            repositories[number % 2].push_image(str(number), f"layer {number}".encode())

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(push, range(24)))
        for repository in repositories:
            assert len(repository("GET", "tags/list").json["tags"]) == 24
    assert len(entry_names(tmp_path)) == 24


def test_an_upload_may_move_between_two_stores(tmp_path: Path) -> None:
    with running_registry(tmp_path) as one, running_registry(tmp_path) as two:
        first, second = (RawRepository(registry.address, "shop/api") for registry in (one, two))
        location = first.open_upload()
        first("PATCH", location, b"one ")
        second("PATCH", location, b"two ")
        assert first("PUT", location, b"one", digest=Digest.of(b"one two one")).status == 201
        assert second("GET", f"blobs/{Digest.of(b'one two one')}").body == b"one two one"


def test_a_blob_is_left_whole_when_the_database_fails_after_it(tmp_path: Path) -> None:
    layout, digest = Layout(tmp_path), Digest.of(b"precious")
    with running_registry(tmp_path) as registry:
        repository = RawRepository(registry.address, "shop/api")
        location = repository.open_upload()
        with sqlite3.connect(tmp_path / "registry.sqlite3") as connection:
            connection.execute("DROP TABLE link")
        connection.close()
        answer = repository("PUT", location, b"precious", digest=digest)
        assert (answer.status, answer.code) == (500, "UNKNOWN")
    assert layout.read(digest) == b"precious"


def test_everything_is_there_after_a_restart(tmp_path: Path) -> None:
    with running_registry(tmp_path) as registry:
        digest = RawRepository(registry.address, "shop/api").push_image("1.0")
    with running_registry(tmp_path) as registry:
        answer = RawRepository(registry.address, "shop/api")("GET", "manifests/1.0")
        assert answer.headers["docker-content-digest"] == str(digest)


def test_an_index_that_was_left_behind_is_written_when_the_store_opens(tmp_path: Path) -> None:
    with running_registry(tmp_path) as registry:
        RawRepository(registry.address, "shop/api").push_image("1.0")
    # as if the process had been killed between the row and the export
    with sqlite3.connect(tmp_path / "registry.sqlite3") as connection:
        connection.execute("UPDATE export SET written = written - 1")
    connection.close()
    Layout(tmp_path).replace_entries(())
    Store(tmp_path).close()
    assert entry_names(tmp_path) == {"shop/api:1.0"}


def test_a_damaged_manifest_is_not_given_out(tmp_path: Path) -> None:
    with running_registry(tmp_path) as registry:
        repository = RawRepository(registry.address, "shop/api")
        digest = repository.push_image("1.0")
        Layout(tmp_path).blob_path(digest).write_bytes(b"{}")
        answer = repository("GET", "manifests/1.0")
        assert answer.status == 500
        assert "does not hold what its name says" in answer.json["errors"][0]["message"]


def test_a_blob_whose_file_was_lost_is_pushed_again(tmp_path: Path) -> None:
    with running_registry(tmp_path) as registry:
        repository = RawRepository(registry.address, "shop/api")
        digest = repository.push_blob(b"precious")
        Layout(tmp_path).blob_path(digest).unlink()
        assert repository("HEAD", f"blobs/{digest}").status == 404
        assert repository("POST", "blobs/uploads/", mount=digest).status == 202
        repository.push_blob(b"precious")
        assert repository("GET", f"blobs/{digest}").body == b"precious"


def test_a_layout_of_somebody_else_is_refused_and_kept(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    layout.create()
    layout.put_entry("theirs", Descriptor(OCI_MANIFEST, str(Digest.of(b"theirs")), 6))
    with pytest.raises(HostError, match="image layout with content of its own"):
        Store(tmp_path)
    assert entry_names(tmp_path) == {"theirs"}


def test_a_database_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    Store(tmp_path).close()
    with sqlite3.connect(tmp_path / "registry.sqlite3") as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(HostError, match="has version 99") as caught:
        Store(tmp_path)
    assert caught.value.help == "upgrade Shipway, or name another folder"


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "registry.sqlite3").write_bytes(b"not a database" * 1000)
    with pytest.raises(HostError) as caught:
        Store(tmp_path)
    assert caught.value.cause == "the file is no SQLite database"


def test_an_upload_is_free_for_the_next_request_while_a_process_is_being_started(tmp_path: Path) -> None:
    store = Store(tmp_path)
    id = store.uploads.begin("shop/api")
    with store.uploads.writing("shop/api", id) as upload:
        upload.append([b"one "])
        opened = ((link.name, link) for link in Path("/proc/self/fd").iterdir())
        # what a child process has from its fork on, until it runs its own program
        copies = [os.dup(int(fd)) for fd, link in opened if link.resolve() == upload.path]
    with store.uploads.writing("shop/api", id) as upload:
        upload.append([b"two"])
        assert upload.digest("sha256") == Digest.of(b"one two")
    assert copies
    for copy in copies:
        os.close(copy)
    store.close()
