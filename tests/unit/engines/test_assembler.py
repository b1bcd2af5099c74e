"""Assemble as a builder: what it asks of a registry, what it leaves there, and what it refuses."""

from __future__ import annotations

import asyncio
import gzip
import io
import json
import tarfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from shipway.engines.assemble.builder import Assembler
from shipway.errors import BuildFailed, CannotAssemble, DockerfileError, Unreachable
from shipway.oci.manifest import (
    DOCKER_CONFIG,
    DOCKER_MANIFEST,
    OCI_CONFIG,
    OCI_LAYER_GZIP,
    OCI_MANIFEST,
    Descriptor,
    Manifest,
    index_of,
)
from shipway.ports import BuildRequest, Built
from shipway.testing.memory_registry import MemoryRegistry
from shipway.values import Digest, Platform, Reference

AMD64, ARM64 = Platform.parse("linux/amd64"), Platform.parse("linux/arm64")
BASE = Reference("hub.example", "acme/base")
TO = Reference("own.example", "shop/app")


@pytest.fixture
def context(tmp_path: Path) -> Path:
    directory = tmp_path / "context"
    directory.mkdir()
    (directory / "f").write_text("content")
    (directory / "f").chmod(0o644)
    return directory


def tar_of(*names: str) -> bytes:
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as made:
        for name in names:
            info = tarfile.TarInfo(name)
            info.mode = 0o750
            info.type = tarfile.DIRTYPE
            made.addfile(info)
    return data.getvalue()


async def push_base(
    registry: MemoryRegistry, *layers: bytes, platform: Platform = AMD64, media_type: str = "", **config: Any
) -> Manifest:
    kind = media_type or "application/vnd.docker.image.rootfs.diff.tar.gzip"
    document = {
        **{"architecture": platform.architecture, "os": platform.os, "config": config, "author": "somebody"},
        "rootfs": {"type": "layers", "diff_ids": [str(Digest.of(each)) for each in layers]},
        "history": [{"created_by": "by hand"} for _ in layers],
    }
    data = json.dumps(document).encode()
    described = []
    for layer in layers:
        packed = gzip.compress(layer, mtime=0)
        await registry.put_blob(BASE, packed)
        described.append({"mediaType": kind, "digest": str(Digest.of(packed)), "size": len(packed)})
    await registry.put_blob(BASE, data)
    of_config = {"mediaType": DOCKER_CONFIG, "digest": str(Digest.of(data)), "size": len(data)}
    body = {"schemaVersion": 2, "mediaType": DOCKER_MANIFEST, "config": of_config, "layers": described}
    manifest = Manifest(DOCKER_MANIFEST, json.dumps(body).encode())
    await registry.put_manifest(BASE.with_tag("latest"), manifest)
    return manifest


def request_of(text: str, context: Path | None, platform: Platform = AMD64) -> BuildRequest:
    return BuildRequest("app", text.encode(), context, platform, epoch=1_700_000_000)


class Bench:
    """One assembler and the registry it pushes to."""

    def __init__(self, state: Path) -> None:
        self.registry = MemoryRegistry()
        self.state = state
        self.lines: list[str] = []
        self.builder = self.new()

    def new(self) -> Assembler:
        """Another run, with the same directory."""
        return Assembler(self.registry, AMD64, self.state)

    async def build(self, request: BuildRequest, to: Reference = TO) -> Built:
        return await self.builder.build(request, to, to, self.lines.append)

    async def config(self, built: Built) -> dict[str, Any]:
        manifest = await self.registry.manifest(built.at)
        assert manifest.body.config is not None
        found: dict[str, Any] = json.loads(await self.registry.blob(built.at, manifest.body.config))
        return found


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path / "state")


async def test_the_image_is_complete_and_by_digest_alone(bench: Bench, context: Path) -> None:
    request = replace(request_of("FROM scratch\nCOPY f /\nENV A=1\n", context), labels={"l": "v"})
    built = await bench.build(request)
    assert built.at == TO.with_digest(built.descriptor.parsed_digest)
    assert built.tool.startswith("shipway ")
    assert await bench.registry.tags(TO) == []
    manifest = await bench.registry.manifest(built.at)
    assert (manifest.media_type, manifest.body.media_type) == (OCI_MANIFEST, OCI_MANIFEST)
    assert [layer.media_type for layer in manifest.body.layers or ()] == [OCI_LAYER_GZIP]
    assert manifest.body.config is not None and manifest.body.config.media_type == OCI_CONFIG
    config = await bench.config(built)
    assert (config["os"], config["architecture"], config["created"]) == (
        "linux",
        "amd64",
        "2023-11-14T22:13:20Z",
    )
    assert config["config"]["Labels"] == {"l": "v"}
    assert [entry.get("empty_layer", False) for entry in config["history"]] == [False, True]
    assert bench.lines[:2] == ["COPY f /", "ENV A=1"]


async def test_the_layers_of_a_base_are_taken_over_as_they_are(bench: Bench, context: Path) -> None:
    base = await push_base(bench.registry, tar_of("srv"), tar_of("opt"), WorkingDir="/srv")
    built = await bench.build(request_of(f"FROM {BASE}\nCOPY f .\n", context))
    layers = (await bench.registry.manifest(built.at)).body.layers or ()
    below = base.body.layers or ()
    assert [layer.digest for layer in layers[:2]] == [layer.digest for layer in below]
    assert {layer.media_type for layer in layers} == {OCI_LAYER_GZIP}
    config = await bench.config(built)
    assert (len(config["rootfs"]["diff_ids"]), config["author"]) == (3, "somebody")
    assert config["history"][0] == {"created_by": "by hand"}


async def test_layers_of_a_base_are_not_read_for_metadata(bench: Bench) -> None:
    await push_base(bench.registry, tar_of("srv"))
    await bench.build(request_of(f"FROM {BASE}\nLABEL a=b\nUSER 5\n", None))
    assert bench.registry.calls["stream_blob"] == 0
    assert bench.registry.calls["copy_blob"] == 1


async def test_a_base_is_read_once_for_all_images_and_runs(bench: Bench, context: Path) -> None:
    await push_base(bench.registry, tar_of("srv"), tar_of("opt"))
    request = request_of(f"FROM {BASE}\nCOPY f /srv/\n", context)
    await asyncio.gather(*(bench.build(request, Reference("own.example", f"shop/{n}")) for n in range(5)))
    assert bench.registry.calls["stream_blob"] == 2
    bench.builder = bench.new()
    await bench.build(request)
    assert bench.registry.calls["stream_blob"] == 2


async def test_a_broken_list_of_a_layer_is_made_anew(bench: Bench, context: Path) -> None:
    await push_base(bench.registry, tar_of("srv"))
    request = request_of(f"FROM {BASE}\nCOPY f /srv/\n", context)
    before = await bench.build(request)
    for kept in (bench.state / "layers").iterdir():
        kept.write_bytes(b"broken")
    bench.builder = bench.new()
    assert await bench.build(request) == before
    assert bench.registry.calls["stream_blob"] == 2


async def test_a_base_is_chosen_by_platform(bench: Bench) -> None:
    parts = [
        ((await push_base(bench.registry, tar_of(name), platform=platform)).descriptor, platform)
        for name, platform in (("one", AMD64), ("two", ARM64))
    ]
    await bench.registry.put_manifest(BASE.with_tag("both"), index_of(parts))
    text = f"FROM {BASE}:both\nLABEL a=b\n"
    for platform in (AMD64, ARM64):
        config = await bench.config(await bench.build(request_of(text, None, platform)))
        assert config["architecture"] == platform.architecture
    with pytest.raises(CannotAssemble, match="linux/s390x"):
        await bench.build(request_of(text, None, Platform.parse("linux/s390x")))
    fixed = f"FROM --platform=linux/arm64 {BASE}:both\nLABEL a=b\n"
    built = await bench.build(request_of(fixed, None))
    assert (await bench.registry.manifest(built.at)).body.layers == tuple(
        Descriptor(OCI_LAYER_GZIP, layer.digest, layer.size)
        for layer in (await bench.registry.manifest(BASE.with_digest(parts[1][0].parsed_digest))).body.layers
        or ()
    )


async def test_a_large_layer_is_made_once_for_all_who_share_it(
    bench: Bench, context: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (context / "f").write_bytes(bytes(3 << 20))
    made: list[object] = []
    make = Assembler._made
    monkeypatch.setattr(Assembler, "_made", lambda self, entries: made.append(entries) or make(self, entries))
    request = request_of("FROM scratch\nCOPY f /\n", context)
    first, *others = await asyncio.gather(
        *(bench.build(replace(request, labels={"n": str(n)}), TO) for n in range(4))
    )
    assert len(made) == 1
    assert len({each.descriptor.digest for each in (first, *others)}) == 4
    elsewhere = Reference("third.example", "shop/app")
    built = await bench.build(request, elsewhere)
    assert len(made) == 2  # there it cannot be had from, so it is made again
    assert (await bench.registry.manifest(built.at)).digest == built.descriptor.parsed_digest
    (context / "f").write_bytes(bytes(3 << 20) + b"x")
    await bench.build(request)
    assert len(made) == 3


async def test_nothing_is_left_in_the_directory_but_lists(bench: Bench, context: Path) -> None:
    (context / "f").write_bytes(bytes(range(256)) * (64 << 10))
    await bench.build(request_of("FROM scratch\nCOPY f /\n", context))
    assert [path.name for path in bench.state.iterdir()] == []


async def test_named_contexts_are_read_with_their_own_ignore_files(
    bench: Bench, context: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "kept").write_text("1")
    (other / "dropped").write_text("2")
    (other / ".dockerignore").write_text("dropped\n.dockerignore\n")
    request = replace(
        request_of("FROM scratch\nCOPY --from=other . /\n", context), contexts={"other": str(other)}
    )
    built = await bench.build(request)
    layers = (await bench.registry.manifest(built.at)).body.layers or ()
    data = gzip.decompress(await bench.registry.blob(built.at, layers[0]))
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        assert archive.getnames() == ["kept"]


@pytest.mark.parametrize("text", ["FROM scratch\nRUN x\n", "FROM scratch\nCOPY --from=x:1 /f /\n"])
async def test_what_needs_an_engine_is_refused_before_anything_is_asked(text: str, bench: Bench) -> None:
    with pytest.raises(CannotAssemble):
        await bench.build(request_of(text, None))
    assert not bench.registry.calls


async def test_unknown_layers_are_left_to_an_engine(bench: Bench) -> None:
    await push_base(bench.registry, tar_of("x"), media_type="application/x.foreign")
    with pytest.raises(CannotAssemble, match=r"application/x\.foreign"):
        await bench.build(request_of(f"FROM {BASE}\nLABEL a=b\n", None))


async def test_a_missing_context_and_a_bad_ignore_file_are_named(bench: Bench, tmp_path: Path) -> None:
    with pytest.raises(BuildFailed, match="there is no directory"):
        await bench.build(request_of("FROM scratch\nCOPY f /\n", tmp_path / "none"))
    with pytest.raises(CannotAssemble, match="a context elsewhere"):
        await bench.build(request_of("FROM scratch\nCOPY f /\n", None))
    with pytest.raises(DockerfileError):
        await bench.build(replace(request_of("FROM scratch\nCOPY f /\n", tmp_path), ignore=b"[\n"))


async def test_what_a_registry_refuses_comes_out_as_it_is(bench: Bench, context: Path) -> None:
    bench.registry.fail("push_blob")
    with pytest.raises(Unreachable):
        await bench.build(request_of("FROM scratch\nCOPY f /\n", context))
    await bench.build(request_of("FROM scratch\nCOPY f /\n", context))


async def test_a_secret_arg_shows_in_no_refusal_and_no_line(bench: Bench, context: Path) -> None:
    text = "FROM scratch\nARG TOKEN\nENV A=1\nCOPY $TOKEN /\n"
    request = replace(
        request_of(text, context), args={"TOKEN": "hush-hush"}, secret_args=frozenset({"TOKEN"})
    )
    with pytest.raises(CannotAssemble, match=r"nothing to copy: \*\*\*") as caught:
        await bench.build(request)
    assert "hush" not in str(caught.value)
    await bench.build(replace(request, dockerfile=b"FROM scratch\nARG TOKEN\nLABEL a=b\n"))
    assert not any("hush" in line for line in bench.lines)
