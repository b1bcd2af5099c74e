"""Images for the benchmarks, the same bytes on every machine, pushed to registries or laid out on disk."""

from __future__ import annotations

import asyncio
import hashlib
import io
import tarfile
import zlib
from collections.abc import Coroutine, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property, lru_cache
from pathlib import Path
from random import Random

import msgspec

from shipway.host import SystemClock
from shipway.oci.layout import Layout
from shipway.oci.manifest import OCI_CONFIG, OCI_LAYER_GZIP, OCI_MANIFEST, Descriptor, Manifest
from shipway.registry.client import RegistryClient
from shipway.registry.config import RegistryConfig
from shipway.values import Digest, Reference

MIB = 1 << 20
# the layers of a slim interpreter's image (44 MiB), and of a small one (8 MiB)
BASE = (28 * MIB, 4 * MIB, 12 * MIB, 4 << 10)
SMALL_BASE = (4 * MIB, 2 * MIB, MIB, MIB)
OWN = (128 << 10, 16 << 10)
_FIRST = datetime(2026, 1, 1, tzinfo=UTC)
_AT_ONCE = 6


@dataclass(frozen=True)
class Layer:
    """A gzip layer of one file with incompressible content; ``diff_id`` is the digest of its tar."""

    data: bytes
    diff_id: str

    @cached_property
    def descriptor(self) -> Descriptor:
        return Descriptor(OCI_LAYER_GZIP, str(Digest.of(self.data)), len(self.data))


@dataclass(frozen=True)
class Image:
    """An image with the bytes of everything that its manifest names."""

    manifest: Manifest
    config: bytes
    layers: tuple[Layer, ...]

    @property
    def blobs(self) -> list[bytes]:
        return [self.config, *(layer.data for layer in self.layers)]


@lru_cache(maxsize=64)
def layer(name: str, size: int) -> Layer:
    """About ``size`` bytes of gzip without compression: content that engines would not compress further."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        entry = tarfile.TarInfo(f"{name}.bin")
        entry.size = size
        archive.addfile(entry, io.BytesIO(_random(name, size)))
    plain = packed.getvalue()
    squeeze = zlib.compressobj(0, wbits=31)
    data = squeeze.compress(plain) + squeeze.flush()
    return Layer(data, f"sha256:{hashlib.sha256(plain).hexdigest()}")


def _random(name: str, size: int) -> bytes:
    """In pieces: more than 256 MiB at once do not fit the number that they are made of."""
    source = Random(name)
    return b"".join(source.randbytes(min(MIB, size - start)) for start in range(0, size, MIB))


def image(layers: Sequence[Layer], number: int = 0) -> Image:
    """An image of ``layers`` that was created ``number`` minutes into a year."""
    config = msgspec.json.encode(
        {
            "architecture": "amd64",
            "os": "linux",
            "created": created(number).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "config": {"Labels": {"number": str(number)}},
            "rootfs": {"type": "layers", "diff_ids": [each.diff_id for each in layers]},
        }
    )
    body = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": Descriptor(OCI_CONFIG, str(Digest.of(config)), len(config)),
        "layers": [each.descriptor for each in layers],
    }
    return Image(Manifest(OCI_MANIFEST, msgspec.json.encode(body)), config, tuple(layers))


def created(number: int) -> datetime:
    return _FIRST + timedelta(minutes=number)


def base(sizes: Sequence[int]) -> list[Layer]:
    """The layers that the images of a fleet share."""
    return [layer(f"base-{index}", size) for index, size in enumerate(sizes)]


def shared_base(count: int, sizes: Sequence[int]) -> list[Image]:
    """``count`` images, each of the base and two small layers of its own."""
    return [
        image([*base(sizes), *(layer(f"own-{number}-{size}", size) for size in OWN)], number)
        for number in range(count)
    ]


def write_layout(directory: Path, name: str, sizes: Iterable[int]) -> None:
    """An OCI layout of one image, called ``name``, with a layer of each size in bytes."""
    layout = Layout(directory)
    layout.create()
    layers = []
    for index, size in enumerate(sizes):
        made = layer(f"large-{index}", size)
        layout.write(made.descriptor.parsed_digest, made.data)
        # only what the manifest says of it is kept: all of them would not fit in memory
        layers.append(Layer(b"", made.diff_id))
        layers[-1].__dict__["descriptor"] = made.descriptor
        layer.cache_clear()
    made_image = image(layers)
    layout.write(Digest.of(made_image.config), made_image.config)
    layout.write(made_image.manifest.digest, made_image.manifest.data)
    layout.put_entry(name, made_image.manifest.descriptor)


def push(placed: Iterable[tuple[Reference, Image]]) -> None:
    """Put images where they are wanted: every blob once a repository, and each manifest."""
    asyncio.run(_push(list(placed)))


def tag_all(reference: Reference, content: Image, tags: Iterable[str]) -> None:
    """Put one image under many tags."""
    asyncio.run(_tag_all(reference, content, list(tags)))


async def _push(placed: list[tuple[Reference, Image]]) -> None:
    async with RegistryClient(RegistryConfig(), SystemClock()) as client:
        blobs = {(at.name, Digest.of(data)): (at, data) for at, each in placed for data in each.blobs}
        await _together(client.put_blob(at, data) for at, data in blobs.values())
        await _together(client.put_manifest(at, each.manifest) for at, each in placed)


async def _tag_all(reference: Reference, content: Image, tags: list[str]) -> None:
    await _push([(reference.with_tag(tags[0]), content)])
    async with RegistryClient(RegistryConfig(), SystemClock()) as client:
        await _together(client.put_manifest(reference.with_tag(tag), content.manifest) for tag in tags[1:])


async def _together(work: Iterable[Coroutine[object, object, object]]) -> None:
    gate = asyncio.Semaphore(_AT_ONCE)

    async def one(item: Coroutine[object, object, object]) -> None:
        async with gate:
            await item

    await asyncio.gather(*map(one, work))
