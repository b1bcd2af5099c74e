"""The registry as a process: killed, stopped, out of space, and two of them on one folder."""

from __future__ import annotations

import os
import select
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from shipway.oci.layout import Layout
from shipway.testing.raw import RawRepository
from shipway.values import Digest

CONTENT = os.urandom(3 << 20)
DIGEST = Digest.of(CONTENT)
LIMIT_BYTES = 2 << 20
SERVE = """
import resource, sys
from pathlib import Path
from shipway.registry.server.embedded import serve
limit = int(sys.argv[2])
if limit:
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
serve(Path(sys.argv[1]), "127.0.0.1:0", announce=lambda url: print(url, flush=True))
"""
COLLECT = """
import sys
from pathlib import Path
from shipway.registry.server.store import Store
store = Store(Path(sys.argv[1]))
print("ready", flush=True)
store.collect(0)
while len(sys.argv) == 2:
    store.collect(0)
"""


@contextmanager
def process(directory: Path, limit: int = 0) -> Iterator[tuple[subprocess.Popen[str], RawRepository]]:
    """A registry process, and a repository of it. ``limit`` is the size in bytes that no file may exceed."""
    server = subprocess.Popen(
        [sys.executable, "-c", SERVE, str(directory), str(limit)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    with server:
        try:
            assert server.stdout is not None
            line = server.stdout.readline()
            assert line.startswith("http://127.0.0.1:"), line
            yield server, RawRepository(line.strip().removeprefix("http://"), "shop/api")
        finally:
            server.kill()


def half_an_upload(repository: RawRepository, location: str) -> socket.socket:
    """Send the first half of the blob in a request that announces it whole."""
    host, port = repository.address.split(":")
    connection = socket.create_connection((host, int(port)), timeout=60)
    connection.sendall(
        f"PATCH {location} HTTP/1.1\r\nHost: registry\r\nContent-Length: {len(CONTENT)}\r\n\r\n".encode()
    )
    connection.sendall(CONTENT[: len(CONTENT) // 2])
    return connection


def test_a_killed_registry_shows_no_partial_blob_and_goes_on(tmp_path: Path) -> None:
    with process(tmp_path) as (server, repository):
        repository.push_image("before")
        location = repository.open_upload()
        connection = half_an_upload(repository, location)
        upload = tmp_path / "uploads" / location.rpartition("/")[2]
        while upload.stat().st_size == 0:
            pass
        server.send_signal(signal.SIGKILL)
        server.wait()
        connection.close()
    assert not Layout(tmp_path).blob_path(DIGEST).exists()
    with process(tmp_path) as (_, repository):
        assert repository("GET", "tags/list").json["tags"] == ["before"]
        assert repository("HEAD", f"blobs/{DIGEST}").status == 404
        arrived = int(repository("GET", location).headers["range"].removeprefix("0-")) + 1
        assert 0 < arrived < len(CONTENT)
        rest = {"Content-Range": f"{arrived}-{len(CONTENT) - 1}"}
        assert repository("PUT", location, CONTENT[arrived:], rest, digest=DIGEST).status == 201
        assert repository("GET", f"blobs/{DIGEST}").body == CONTENT


def test_tags_survive_a_kill_among_many_writers(tmp_path: Path) -> None:
    acknowledged = []
    with process(tmp_path) as (server, repository), ThreadPoolExecutor(8) as pool:

        def push(number: int) -> None:
            try:
                repository.push_image(f"v{number}", f"layer {number}".encode())
            except OSError:
                return  # the kill
            acknowledged.append(f"v{number}")
            if len(acknowledged) == 20:
                server.kill()

        list(pool.map(push, range(60)))
    assert 20 <= len(acknowledged) < 60
    with process(tmp_path) as (_, repository):
        tags = set(repository("GET", "tags/list").json["tags"])
        assert set(acknowledged) <= tags
        for tag in tags:
            layers = repository("GET", f"manifests/{tag}").json["layers"]
            assert repository("GET", f"blobs/{layers[0]['digest']}").body == f"layer {tag[1:]}".encode()
        names = {(entry.annotations or {}).popitem()[1] for entry in Layout(tmp_path).entries()}
        assert names == {f"shop/api:{tag}" for tag in tags}


def test_two_processes_on_one_folder_lose_no_tag(tmp_path: Path) -> None:
    with process(tmp_path) as (_, one), process(tmp_path) as (_, two), ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: (one, two)[number % 2].push_image(str(number)), range(40)))
        expected = {str(number) for number in range(40)}
        for repository in (one, two):
            assert set(repository("GET", "tags/list").json["tags"]) == expected
    assert len(Layout(tmp_path).entries()) == 40


def test_no_space_left_is_told_and_the_same_upload_succeeds_later(tmp_path: Path) -> None:
    with process(tmp_path, LIMIT_BYTES) as (_, repository):
        location = repository.open_upload()
        for method in ("PATCH", "PUT"):
            answer = repository(method, location, CONTENT, digest=DIGEST)
            assert (answer.status, answer.code) == (507, "INSUFFICIENT_STORAGE")
            assert "free some space" in answer.json["errors"][0]["detail"]["help"]
        assert (tmp_path / "uploads" / location.rpartition("/")[2]).stat().st_size == 0
        repository.push_image("small")
    with process(tmp_path) as (_, repository):
        assert repository("PUT", location, CONTENT, digest=DIGEST).status == 201
        assert repository("GET", f"blobs/{DIGEST}").body == CONTENT


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_it_cleanly(tmp_path: Path, number: signal.Signals) -> None:
    with process(tmp_path) as (server, repository):
        repository.push_image("1.0")
        server.send_signal(number)
        assert server.wait(timeout=60) == 0
        assert server.stderr is not None
        assert server.stderr.read() == ""
    assert not (tmp_path / "registry.sqlite3-wal").exists()


def test_a_collection_that_is_killed_loses_nothing_and_the_next_one_finishes(tmp_path: Path) -> None:
    """Writers keep pushing to one process, while others collect and are killed at once, over and over."""
    collect = [sys.executable, "-c", COLLECT, str(tmp_path)]
    with process(tmp_path) as (_, repository), ThreadPoolExecutor(4) as pool:
        for number in range(300):
            repository.push_blob(f"stale {number}".encode())
        with sqlite3.connect(tmp_path / "registry.sqlite3") as connection:
            connection.execute("UPDATE link SET used = 0")
        connection.close()
        writers = pool.map(lambda number: repository.push_image(f"v{number}", b"layer"), range(60))
        for delay in range(8):
            with subprocess.Popen(collect, stdout=subprocess.PIPE) as collector:
                assert collector.stdout is not None
                collector.stdout.readline()
                select.select([], [], [], delay / 500)
                collector.kill()
        list(writers)
        subprocess.run([*collect, "once"], check=True)
        for number in range(60):
            layers = repository("GET", f"manifests/v{number}").json["layers"]
            assert repository("GET", f"blobs/{layers[0]['digest']}").body == b"layer"
        assert repository("HEAD", f"blobs/{Digest.of(b'stale 1')}").status == 404
    # of all files only the image's are left
    assert len(list((tmp_path / "blobs" / "sha256").iterdir())) == 3
