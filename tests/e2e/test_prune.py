"""``shipway prune`` as people run it, against real registries."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from shipway.oci.manifest import MANIFEST_TYPES, OCI_CONFIG
from shipway.testing.raw import RawRepository, descriptor, encode, index
from shipway.testing.registry import running_registry
from shipway.values import Digest

Prune = Callable[..., Any]
# a thousand with `make chaos-registry`, fewer in every run
COUNT = int(os.environ.get("SHIPWAY_PRUNE_TAGS", "120"))


@pytest.fixture(
    params=["embedded", pytest.param("distribution", marks=pytest.mark.registry)], ids=lambda name: name
)
def address(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "distribution":
        yield request.getfixturevalue("docker_registry")
        return
    with running_registry(tmp_path / "registry") as registry:
        yield registry.address


@pytest.fixture
def prune(tmp_path: Path) -> Prune:
    """Runs the command in a directory of its own and gives what it printed as JSON."""
    (tmp_path / "fleet").mkdir()

    def run(*arguments: str, code: int = 0) -> Any:
        argv = [sys.executable, "-m", "shipway", "prune", *arguments, "--json"]
        directories = ["-C", str(tmp_path / "fleet"), "--state", str(tmp_path / "state")]
        done = subprocess.run([*argv, *directories], capture_output=True, text=True, check=False)
        assert done.returncode == code, done.stdout + done.stderr
        return json.loads(done.stdout)

    return run


def image(repository: RawRepository, created: str, **fields: Any) -> dict[str, Any]:
    """The manifest of an image that says when it was created, its blobs pushed."""
    config = encode({"architecture": "amd64", "os": "linux", "created": created})
    repository.push_blob(config)
    return {**repository.image(**fields), "config": descriptor(config, OCI_CONFIG)}


def tags(repository: RawRepository) -> list[str]:
    found: list[str] = []
    answer = repository("GET", "tags/list", n=1000)
    while True:
        found += answer.json["tags"] or []
        link = answer.headers.get("link")
        if not link:
            return sorted(found)
        answer = repository("GET", link[link.index("<") + 1 : link.index(">")])


def digest_at(repository: RawRepository, reference: object) -> str | None:
    answer = repository("GET", f"manifests/{reference}", headers={"Accept": ", ".join(MANIFEST_TYPES)})
    return str(Digest.of(answer.body)) if answer.status == 200 else None


def test_of_a_thousand_tags_the_five_newest_stay_and_undo_brings_back_the_others(
    address: str, prune: Prune
) -> None:
    repository = RawRepository(address, "shop/thousand")
    random_source = random.Random(7)
    made = []
    document = image(repository, "2026-01-01T00:00:00Z")
    for number in range(COUNT):
        tag = f"main-{random_source.randbytes(4).hex()}-{1_760_000_000 + number * 60}"
        document["annotations"] = {"number": str(number)}
        assert repository.put_manifest(tag, document).status == 201
        made.append(tag)
    name = f"{address}/shop/thousand"
    shown = prune(name, "--keep", "5", "--dry-run")
    assert tags(repository) == sorted(made)
    result = prune(name, "--keep", "5")
    assert result["delete"] == shown["delete"]
    assert {entry["tag"] for entry in result["delete"]} == set(made[:-5])
    assert {entry["tag"] for entry in result["keep"]} == set(made[-5:])
    assert tags(repository) == sorted(made[-5:])
    undone = prune("--undo", str(result["run"]))
    assert undone["failed"] == []
    assert tags(repository) == sorted(made)


def test_nothing_that_a_kept_tag_needs_goes(address: str, prune: Prune) -> None:
    repository = RawRepository(address, "shop/graph")
    old = image(repository, "2026-01-01T00:00:00Z", content=b"old")
    shared = image(repository, "2026-02-01T00:00:00Z", content=b"shared")
    repository.put_manifest("build-1", old)
    repository.put_manifest("build-2", shared)
    entry = descriptor(encode(shared)) | {"platform": {"architecture": "amd64", "os": "linux"}}
    whole = index(entry)
    repository.put_manifest("build-3", whole)
    kept = Digest.of(encode(whole))
    signature = image(repository, "2025-01-01T00:00:00Z", content=b"signature")
    repository.put_manifest(f"sha256-{kept.hex}.sig", signature)
    doomed = image(repository, "2025-01-01T00:00:00Z", content=b"signature of the old one")
    repository.put_manifest(f"sha256-{Digest.of(encode(old)).hex}.sig", doomed)
    result = prune(f"{address}/shop/graph", "--keep", "1", "--by", "tag-number")
    assert tags(repository) == ["build-3", f"sha256-{kept.hex}.sig"]
    assert digest_at(repository, Digest.of(encode(shared))), "a platform of the kept index is gone"
    assert digest_at(repository, Digest.of(encode(old))) is None
    assert digest_at(repository, Digest.of(encode(doomed))) is None
    prune("--undo", str(result["run"]))
    assert len(tags(repository)) == 5


def test_the_creation_time_counts_where_tags_tell_nothing(address: str, prune: Prune) -> None:
    repository = RawRepository(address, "shop/created")
    for tag, created in (("zebra", "2026-01-01"), ("apple", "2026-03-01"), ("mango", "2026-02-01")):
        repository.put_manifest(tag, image(repository, f"{created}T00:00:00Z", content=tag.encode()))
    prune(f"{address}/shop/created", "--keep", "2")
    assert tags(repository) == ["apple", "mango"]


def test_what_tells_no_time_is_refused_and_stays(address: str, prune: Prune) -> None:
    repository = RawRepository(address, "shop/reproducible")
    for tag in ("one", "two"):
        repository.put_manifest(tag, image(repository, "1970-01-01T00:00:00Z", content=tag.encode()))
    refusal = prune(f"{address}/shop/reproducible", "--keep", "1", code=2)
    assert "1970" in refusal["error"]["cause"]
    assert tags(repository) == ["one", "two"]


def test_without_a_policy_nothing_is_deleted(address: str, prune: Prune) -> None:
    refusal = prune(f"{address}/shop/any", code=2)
    assert "--keep" in refusal["error"]["help"]


def test_what_manifests_use_stays(address: str, prune: Prune, tmp_path: Path) -> None:
    repository = RawRepository(address, "shop/used")
    for number in range(1, 5):
        content = f"image {number}".encode()
        repository.put_manifest(
            f"build-{number}00", image(repository, "2026-01-01T00:00:00Z", content=content)
        )
    (tmp_path / "fleet" / "kustomization.yaml").write_text(
        "images:\n- name: app\n  newName: example.com/shop/used\n  newTag: build-200\n"
    )
    result = prune(f"{address}/shop/used", "--keep", "1", "--by", "tag-number")
    assert tags(repository) == ["build-200", "build-400"]
    why = {entry["tag"]: entry["why"] for entry in result["keep"]}
    assert why["build-200"] == "in use: kustomization.yaml:4"


def test_the_fleet_file_holds_the_policy(address: str, prune: Prune, tmp_path: Path) -> None:
    repository = RawRepository(address, "policy/api")
    made = [
        f"{branch}-{number:07x}-{1_760_000_000 + number}"
        for branch in ("main", "dev")
        for number in (1, 2, 3)
    ]
    document = image(repository, "2026-01-01T00:00:00Z")
    for tag in made:
        document["annotations"] = {"tag": tag}
        repository.put_manifest(tag, document)
    (tmp_path / "fleet" / "Dockerfile").write_text("FROM scratch\n")
    (tmp_path / "fleet" / "shipway.yaml").write_text(
        f'registry: {address}/policy\ntag: "{{branch}}-{{sha7}}-{{timestamp}}"\n'
        "retention: {keep: 1}\nimages:\n  api: {context: .}\n"
    )
    prune("--fleet")
    assert tags(repository) == [made[5], made[2]], "each branch has a newest one"
