"""The engine for tests must be as good as a real one where flows can tell the difference."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from shipway.errors import BuildFailed, DiskFull, EngineError, EngineMissing
from shipway.oci.manifest import OCI_MANIFEST, read_config
from shipway.ports import BuildRequest
from shipway.testing.clock import START, FixedClock
from shipway.testing.engine import ScriptedEngine, image_of
from shipway.testing.raw import RawRepository
from shipway.testing.registry import running_registry
from shipway.values import Digest, Platform, Reference

REQUEST = BuildRequest(
    "api", b"FROM scratch\nCOPY a /a\n", None, Platform("linux", "arm64"), labels={"a": "b"}
)


@pytest.fixture
def registry() -> Iterator[str]:
    with running_registry() as running:
        yield running.address


async def test_what_it_pushes_is_a_whole_image(registry: str) -> None:
    engine, lines = ScriptedEngine(), list[str]()
    image = await engine.build(REQUEST, lines.append)
    await engine.push(image, Reference(registry, "shop/api", "run-1"), lines.append)
    manifest = image_of(REQUEST).manifest
    repository = RawRepository(registry, "shop/api")
    answer = repository("GET", "manifests/run-1", headers={"Accept": OCI_MANIFEST})
    assert (answer.body, answer.headers["content-type"]) == (manifest.data, OCI_MANIFEST)
    config_of, layer_of = manifest.blobs
    config = read_config(repository("GET", f"blobs/{config_of.digest}").body)
    layer = repository("GET", f"blobs/{layer_of.digest}").body
    assert config.platform == REQUEST.platform
    assert config.config is not None and config.config.Labels == {"a": "b"}
    assert config.rootfs.diff_ids == (str(Digest.of(gzip.decompress(layer))),)
    assert lines[:2] == ["STEP 1/2: FROM scratch", "STEP 2/2: COPY a /a"]


def test_equal_inputs_give_equal_images_and_others_do_not(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("1")
    request = replace(REQUEST, context=tmp_path)
    before = image_of(request).manifest.digest
    assert image_of(request).manifest.digest == before
    variants = [
        replace(request, dockerfile=b"FROM scratch\n"),
        replace(request, target="x"),
        replace(request, args={"A": "1"}),
        replace(request, platform=Platform("linux", "amd64")),
        replace(request, labels={}),
        REQUEST,
    ]
    digests = {image_of(variant).manifest.digest for variant in variants}
    (tmp_path / "a").write_text("2")
    digests.add(image_of(request).manifest.digest)
    assert len(digests | {before}) == len(variants) + 2


def test_the_port_of_staging_does_not_change_the_image() -> None:
    digests = {
        image_of(
            replace(REQUEST, dockerfile=f"FROM {host}/base\n".encode(), registries_plain=frozenset({host}))
        ).manifest.digest
        for host in ("127.0.0.1:1", "127.0.0.1:2")
    }
    assert len(digests) == 1


async def test_a_base_must_have_been_pushed(registry: str) -> None:
    engine = ScriptedEngine()
    digest = image_of(REQUEST).manifest.digest
    child = replace(
        REQUEST,
        name="child",
        dockerfile=f"FROM {registry}/shop/base@{digest}\n".encode(),
        registries_plain=frozenset({registry}),
    )
    with pytest.raises(BuildFailed, match="there is no image"):
        await engine.build(child, lambda _: None)
    base = await engine.build(REQUEST, lambda _: None)
    await engine.push(base, Reference(registry, "shop/base", "1"), lambda _: None)
    await engine.build(child, lambda _: None)
    assert engine.built == ["child", "api", "child"]


async def test_a_failure_can_be_scripted_and_taken_back() -> None:
    engine, lines = ScriptedEngine(), list[str]()
    engine.fail("api")
    with pytest.raises(BuildFailed, match="could not build api"):
        await engine.build(REQUEST, lines.append)
    assert lines[-1].startswith("Error: ")
    engine.fail("api", DiskFull("full"))
    with pytest.raises(DiskFull):
        await engine.build(REQUEST, lines.append)
    engine.broken.clear()
    await engine.build(REQUEST, lines.append)


async def test_builds_that_run_together_are_counted() -> None:
    engine = ScriptedEngine(delay=0.05)
    await asyncio.gather(*(engine.build(REQUEST, lambda _: None) for _ in range(3)))
    await engine.build(REQUEST, lambda _: None)
    assert (engine.most_at_once, len(engine.builds)) == (3, 4)


async def test_an_image_that_was_removed_cannot_be_pushed(registry: str) -> None:
    engine = ScriptedEngine()
    image = await engine.build(REQUEST, lambda _: None)
    await engine.remove(image)
    await engine.remove("never seen")
    with pytest.raises(EngineError, match="has no image"):
        await engine.push(image, Reference(registry, "a", "b"), lambda _: None)
    assert engine.removed == [image, "never seen"] and engine.pushed == []


async def test_a_registry_that_does_not_answer_or_refuses_is_an_engine_error(registry: str) -> None:
    engine = ScriptedEngine()
    image = await engine.build(REQUEST, lambda _: None)
    for destination in (Reference("127.0.0.1:1", "a", "b"), Reference(registry, "NOT-valid", "b")):
        with pytest.raises(EngineError, match="could not push"):
            await engine.push(image, destination, lambda _: None)


async def test_an_engine_can_be_missing() -> None:
    assert (await ScriptedEngine().probe()).native == Platform("linux", "amd64")
    with pytest.raises(EngineMissing):
        await ScriptedEngine(missing=True).probe()


def test_the_fixed_clock_moves_only_when_told() -> None:
    clock = FixedClock()
    assert clock.now() == clock.now() == START
    clock.advance(timedelta(hours=1))
    assert clock.now() == START + timedelta(hours=1)
    ticking = FixedClock(step=timedelta(seconds=1))
    assert (ticking.now(), ticking.now()) == (START, START + timedelta(seconds=1))
