"""Garbage collection: what goes, what stays, and that nothing claimed is lost."""

from __future__ import annotations

import json
import random
import sqlite3
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner

from shipway.cli.registry import command as registry_command
from shipway.errors import HostError
from shipway.oci.layout import Layout
from shipway.oci.manifest import OCI_CONFIG, OCI_LAYER_TAR, OCI_MANIFEST
from shipway.registry.server.store import LEAST_GRACE_SECONDS, Store
from shipway.registry.staging import EmbeddedStaging
from shipway.testing.raw import RawRepository, descriptor, encode, index
from shipway.testing.registry import running_registry
from shipway.values import Digest

HOUR = 3600.0
DAY = 24 * HOUR


class Later:
    """A store over the folder of a running registry, whose clock is ahead."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def forget(self) -> None:
        """Let nothing have been used since 1970."""
        with sqlite3.connect(self.directory / "registry.sqlite3") as connection:
            connection.execute("UPDATE link SET used = 0")
            connection.execute("UPDATE manifest SET used = 0")
        connection.close()

    @contextmanager
    def store(self, seconds: float) -> Iterator[Store]:
        with closing(Store(self.directory, lambda: time.time() + seconds)) as store:
            yield store


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[RawRepository]:
    with running_registry(tmp_path) as registry:
        yield RawRepository(registry.address, "shop/api")


@pytest.fixture
def later(tmp_path: Path) -> Later:
    return Later(tmp_path)


def files(directory: Path) -> set[str]:
    return {path.name for path in (directory / "blobs" / "sha256").iterdir()}


def digests(*contents: bytes) -> set[str]:
    return {Digest.of(content).hex for content in contents}


def image_of(layer: bytes) -> dict[str, object]:
    """The manifest document of an image of which nothing is pushed."""
    return {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": descriptor(b"{}", OCI_CONFIG),
        "layers": [descriptor(layer, OCI_LAYER_TAR)],
    }


def test_what_a_tag_needs_stays_and_the_rest_goes(shop: RawRepository, later: Later) -> None:
    shop.push_image("1.0", b"kept")
    shop.push_image("2.0", b"gone")
    shop("DELETE", "manifests/2.0")
    stray = shop.push_blob(b"stray")
    with later.store(2 * DAY) as store:
        collected = store.collect(DAY)
    gone = Digest.of(encode(shop.image(b"gone")))
    with later.store(4 * DAY) as store:
        store.collect(DAY)
    assert collected.manifests == (f"shop/api@{gone}",)
    assert set(collected.links) == {f"shop/api@{stray}", f"shop/api@{Digest.of(b'gone')}"}
    kept = encode(shop.image(b"kept"))
    assert files(later.directory) == digests(kept, b"kept", b"{}")


def test_nothing_goes_within_the_grace_period(shop: RawRepository, later: Later) -> None:
    shop.push_image("1.0")
    shop("DELETE", "manifests/1.0")
    shop.push_blob(b"stray")
    before = files(later.directory)
    with later.store(DAY) as store:
        assert store.collect(2 * DAY).files == 0
    with later.store(LEAST_GRACE_SECONDS - 60) as store:
        assert store.collect(0).files == 0
    assert files(later.directory) == before


def test_untagging_begins_the_grace_period(shop: RawRepository, later: Later) -> None:
    digest = Digest.of(encode(shop.image(b"old")))
    shop.push_image("1.0", b"old")
    with later.store(5 * DAY) as store:
        store.delete_tag("shop/api", "1.0")
    with later.store(5 * DAY + LEAST_GRACE_SECONDS / 2) as store:
        assert store.collect(DAY).manifests == ()
    with later.store(7 * DAY) as store:
        assert store.collect(DAY).manifests == (f"shop/api@{digest}",)


def test_moving_a_tag_begins_the_grace_period_of_what_it_leaves(shop: RawRepository, later: Later) -> None:
    old = shop.push_image("latest", b"old")
    later.forget()
    shop.push_image("latest", b"new")
    with later.store(HOUR) as store:
        assert store.collect(DAY).manifests == ()
    with later.store(2 * DAY) as store:
        assert store.collect(DAY).manifests == (f"shop/api@{old}",)


def test_a_deleted_manifest_can_be_put_again_within_the_grace_period(
    shop: RawRepository, later: Later
) -> None:
    child = shop.image(b"layer")
    shop.push_image("child", b"layer")
    digest = Digest.of(encode(index(descriptor(encode(child)))))
    shop.put_manifest("many", index(descriptor(encode(child))))
    shop("DELETE", "manifests/child")
    with later.store(5 * DAY) as store:
        store.delete_manifest("shop/api", digest)
    with later.store(5 * DAY + HOUR) as store:
        assert store.collect(DAY).manifests == ()
    assert shop.put_manifest("many", index(descriptor(encode(child)))).status == 201


def test_a_deleted_image_leaves_its_blobs_for_the_grace_period(shop: RawRepository, later: Later) -> None:
    shop.push_image("1.0", b"layer")
    later.forget()
    shop("DELETE", f"manifests/{Digest.of(encode(image_of(b'layer')))}")
    with later.store(HOUR) as store:
        assert store.collect(DAY).links == ()
    assert shop.put_manifest("1.0", image_of(b"layer")).status == 201


def test_an_index_keeps_its_children_and_theirs(shop: RawRepository, later: Later) -> None:
    child = shop.image(b"deep")
    inner = index(descriptor(encode(child)))
    outer = index(descriptor(encode(inner)))
    for document in (child, inner):
        assert shop.put_manifest(Digest.of(encode(document)), document).status == 201
    assert shop.put_manifest("many", outer).status == 201
    with later.store(5 * DAY) as store:
        assert store.collect(DAY).files == 0
    assert files(later.directory) == digests(encode(child), encode(inner), encode(outer), b"deep", b"{}")


def test_an_index_over_blobs_keeps_them(shop: RawRepository, later: Later) -> None:
    shop.push_blob(b"cache")
    assert shop.put_manifest("cache", index(descriptor(b"cache", OCI_LAYER_TAR))).status == 201
    with later.store(5 * DAY) as store:
        assert store.collect(DAY).files == 0


def test_referrers_stay_with_their_subject_and_subjects_with_their_referrers(
    shop: RawRepository, later: Later
) -> None:
    kept, orphan = shop.push_image("1.0", b"one"), encode(shop.image(b"none"))
    by_tag = shop.image(b"signature", subject=descriptor(encode(shop.image(b"one"))))
    assert shop.put_manifest(Digest.of(encode(by_tag)), by_tag).status == 201
    # a subject without a tag, whose signature has one
    assert shop.put_manifest(Digest.of(orphan), shop.image(b"none")).status == 201
    signature = shop.image(b"its signature", subject=descriptor(orphan))
    assert shop.put_manifest("sha256-of-orphan.sig", signature).status == 201
    with later.store(5 * DAY) as store:
        assert store.collect(DAY).files == 0
        assert store.referrers("shop/api", kept)


def test_an_image_and_its_referrers_go_together(shop: RawRepository, later: Later) -> None:
    shop.push_image("1.0", b"one")
    by_tag = shop.image(b"signature", subject=descriptor(encode(shop.image(b"one"))))
    shop.put_manifest(Digest.of(encode(by_tag)), by_tag)
    shop("DELETE", "manifests/1.0")
    with later.store(5 * DAY) as store:
        assert len(store.collect(DAY).manifests) == 2
    assert files(later.directory) == set()


@pytest.mark.parametrize("method", ["HEAD", "GET"])
@pytest.mark.parametrize("kind", ["blobs", "manifests"])
def test_who_asks_by_digest_claims(shop: RawRepository, later: Later, method: str, kind: str) -> None:
    wanted = shop.push_blob(b"stray") if kind == "blobs" else shop.push_image("1.0")
    if kind == "manifests":
        shop("DELETE", "manifests/1.0")
    later.forget()
    assert shop(method, f"{kind}/{wanted}").status == 200
    with later.store(0) as store:
        store.collect(DAY)
    assert shop(method, f"{kind}/{wanted}").status == 200
    later.forget()
    with later.store(0) as store:
        store.collect(DAY)
    assert shop(method, f"{kind}/{wanted}").status == 404


def test_a_mount_and_a_push_of_what_is_there_claim(shop: RawRepository, later: Later) -> None:
    mounted, pushed = shop.push_blob(b"mounted"), shop.push_blob(b"pushed")
    later.forget()
    other = RawRepository(shop.address, "shop/other")
    assert other("POST", "blobs/uploads/", mount=mounted).status == 201
    shop.push_blob(b"pushed")
    with later.store(0) as store:
        assert set(store.collect(DAY).links) == {f"shop/api@{mounted}"}
    assert other("GET", f"blobs/{mounted}").body == b"mounted"
    assert shop("GET", f"blobs/{pushed}").body == b"pushed"


def test_abandoned_uploads_and_files_of_killed_writers_go(shop: RawRepository, later: Later) -> None:
    location = shop.open_upload()
    shop("PATCH", location, b"half")
    leftover = later.directory / ".0123456789abcdef.tmp"
    leftover.write_bytes(b"half a manifest")
    with later.store(HOUR) as store:
        assert store.collect(DAY).uploads == 0
    assert leftover.exists()
    with later.store(2 * DAY) as store:
        collected = store.collect(DAY)
    assert (collected.uploads, collected.size) == (1, len(b"half") + len(b"half a manifest"))
    assert not leftover.exists()
    assert shop("PATCH", location, b"more").status == 404


def test_an_upload_that_is_written_to_stays(shop: RawRepository, later: Later) -> None:
    location = shop.open_upload()
    with (
        later.store(2 * DAY) as store,
        store.uploads.writing("shop/api", location.rpartition("/")[2]) as upload,
    ):
        upload.append([b"half"])
        assert store.collect(DAY).uploads == 0
        assert upload.in_place


def test_a_dry_run_tells_the_same_and_writes_nothing(shop: RawRepository, later: Later) -> None:
    shop.push_image("1.0", b"gone")
    shop("DELETE", "manifests/1.0")
    shop("PATCH", shop.open_upload(), b"half")
    with later.store(2 * DAY) as store:
        before = sorted(path for path in later.directory.rglob("*") if "sqlite3" not in path.name)
        told = store.collect(DAY, dry_run=True)
        assert sorted(path for path in later.directory.rglob("*") if "sqlite3" not in path.name) == before
        assert store.collect(DAY, dry_run=True) == told
        assert store.collect(DAY) == told
        assert store.collect(DAY).files == 0


def test_a_file_that_no_row_names_goes_and_strange_ones_stay(shop: RawRepository, later: Later) -> None:
    blob = Layout(later.directory).blob_path(Digest.of(b"killed before its row"))
    blob.write_bytes(b"killed before its row")
    strange = blob.with_name("README")
    strange.write_text("not ours")
    with later.store(0) as store:
        assert store.collect(DAY).files == 1
    assert strange.exists()


def test_content_of_another_repository_stays(shop: RawRepository, later: Later) -> None:
    other = RawRepository(shop.address, "shop/other")
    other.push_image("1.0", b"shared")
    shop.push_image("1.0", b"shared")
    shop("DELETE", "manifests/1.0")
    with later.store(2 * DAY) as store:
        assert store.collect(DAY).files == 0
    assert other("GET", f"blobs/{Digest.of(b'shared')}").body == b"shared"
    assert shop("GET", f"blobs/{Digest.of(b'shared')}").status == 404


def test_a_folder_without_a_registry_is_refused_and_left_alone(tmp_path: Path) -> None:
    with pytest.raises(HostError, match="holds no embedded registry"):
        Store.existing(tmp_path)
    assert list(tmp_path.iterdir()) == []


def downgrade(directory: Path) -> None:
    """Make the database what version 1 wrote."""
    with sqlite3.connect(directory / "registry.sqlite3") as connection:
        connection.executescript(
            "DROP TABLE need; DROP INDEX manifest_digest; ALTER TABLE link DROP COLUMN used;"
            "ALTER TABLE manifest DROP COLUMN used; PRAGMA user_version = 1;"
        )
    connection.close()


def test_a_database_of_version_1_is_upgraded(tmp_path: Path, later: Later) -> None:
    with running_registry(tmp_path) as registry:
        shop = RawRepository(registry.address, "shop/api")
        shop.push_image("1.0", b"kept")
        shop.push_blob(b"stray")
    downgrade(tmp_path)
    with later.store(0) as store:
        assert store.collect(DAY).files == 0
    with later.store(2 * DAY) as store:
        assert store.collect(DAY).links == (f"shop/api@{Digest.of(b'stray')}",)
    with running_registry(tmp_path) as registry:
        shop = RawRepository(registry.address, "shop/api")
        assert shop("GET", f"blobs/{Digest.of(b'kept')}").body == b"kept"
        shop.push_image("2.0", b"more")


def test_beside_a_damaged_manifest_of_version_1_nothing_is_collected(tmp_path: Path, later: Later) -> None:
    with running_registry(tmp_path) as registry:
        shop = RawRepository(registry.address, "shop/api")
        damaged = shop.push_image("1.0", b"kept")
        shop.push_blob(b"perhaps its layer")
    downgrade(tmp_path)
    Layout(tmp_path).blob_path(damaged).write_bytes(b"{}")
    with later.store(2 * DAY) as store:
        assert store.collect(DAY).files == 0


@pytest.mark.parametrize("seed", range(4))
def test_writers_and_collectors_at_once_lose_nothing_that_was_claimed(tmp_path: Path, seed: int) -> None:
    """Every layer is stale at first. A writer that sees one (HEAD) builds on it, else pushes it."""
    layers = [f"layer {number}".encode() for number in range(40)]
    with running_registry(tmp_path) as registry:
        for layer in [b"{}", *layers]:
            RawRepository(registry.address, "shop/api").push_blob(layer)
        Later(tmp_path).forget()
        done = threading.Event()
        shop = RawRepository(registry.address, "shop/api")

        def write(number: int) -> None:
            layer = random.Random(f"{seed} {number}").choice(layers)
            for part in (b"{}", layer):
                if shop("HEAD", f"blobs/{Digest.of(part)}").status != 200:
                    shop.push_blob(part)
            document = {**image_of(layer), "annotations": {"number": str(number)}}
            answer = shop.put_manifest(f"v{number}", document)
            assert answer.status == 201, answer

        def collect() -> int:
            with closing(Store(tmp_path)) as store:
                files = 0
                while not done.is_set():
                    files += store.collect(DAY).files
            return files

        with ThreadPoolExecutor(8) as pool:
            collectors = [pool.submit(collect) for _ in range(2)]
            try:
                list(pool.map(write, range(60)))
            finally:
                done.set()
            removed = sum(collector.result() for collector in collectors)
        assert removed > 0
        for number in range(60):
            document = shop("GET", f"manifests/v{number}").json
            for part in (document["config"], *document["layers"]):
                body = shop("GET", f"blobs/{part['digest']}").body
                assert str(Digest.of(body)) == part["digest"]


def test_a_collected_blob_is_pushed_again_while_its_file_goes(tmp_path: Path) -> None:
    """The same digest is collected and committed over and over: a link never lacks its file."""
    digest = Digest.of(b"again")
    done = threading.Event()
    with running_registry(tmp_path) as registry:
        shop = RawRepository(registry.address, "shop/api")

        def collect() -> None:
            with closing(Store(tmp_path)) as store:
                while not done.is_set():
                    store.collect(DAY)

        with ThreadPoolExecutor(2) as pool:
            collector = pool.submit(collect)
            try:
                for _ in range(40):
                    shop.push_blob(b"again")
                    assert shop("GET", f"blobs/{digest}").body == b"again"
                    shop("DELETE", f"blobs/{digest}")
            finally:
                done.set()
            collector.result()
    assert list((tmp_path / "uploads").iterdir()) == []


def test_staging_is_tidied_once_a_day(tmp_path: Path, later: Later) -> None:
    staging = EmbeddedStaging(tmp_path)
    with staging:
        staging.tidy()
        assert not (tmp_path / "registry.sqlite3").exists()
        shop = RawRepository(staging.address, "shop/api")
        first, second = shop.push_blob(b"first"), shop.push_blob(b"second")
        shop.push_image("1.0")
        later.forget()
        assert shop("HEAD", f"blobs/{second}").status == 200
        staging.tidy()
        assert shop("HEAD", f"blobs/{first}").status == 404
        assert shop("HEAD", f"blobs/{second}").status == 200
        later.forget()
        staging.tidy()
        assert shop("HEAD", f"blobs/{second}").status == 200
        assert shop("GET", "manifests/1.0").status == 200
    with later.store(2 * DAY) as store:
        assert store.is_due(DAY)


def test_the_command_collects_and_tells(tmp_path: Path, later: Later) -> None:
    with running_registry(tmp_path) as registry:
        blob = RawRepository(registry.address, "shop/api").push_blob(b"stray")
    later.forget()
    command = ["gc", "--data", str(tmp_path)]
    told = CliRunner().invoke(registry_command, [*command, "--dry-run", "--json"])
    assert json.loads(told.stdout)["schema"] == "shipway.registry-gc/1"
    assert json.loads(told.stdout)["links"] == [f"shop/api@{blob}"]
    assert (
        "would remove 1 file and 0 abandoned uploads: 5 B"
        in CliRunner().invoke(registry_command, [*command, "--dry-run"]).stdout
    )
    assert "removed 1 file and" in CliRunner().invoke(registry_command, command).stdout
    assert "removed 0 files and" in CliRunner().invoke(registry_command, command).stdout
