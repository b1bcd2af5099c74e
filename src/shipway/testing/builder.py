"""Builders for tests: as if on other machines, with real images pushed by digest to their destination."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from shipway.errors import EngineMissing
from shipway.fleet.model import Image
from shipway.oci.manifest import OCI_CONFIG, OCI_MANIFEST, Descriptor, Manifest, WirePlatform
from shipway.ports import Builder, BuildRequest, Built
from shipway.testing.engine import AMD64, ScriptedEngine, image_of
from shipway.testing.raw import RawRepository, descriptor, encode
from shipway.values import Platform, Reference


@dataclass(eq=False)
class ScriptedBuilder:
    """Satisfies ``ports.Builder``: a machine with a scripted engine that cannot reach loopback.

    ``gate``, when given, is waited for before each build. ``finished`` counts the calls of ``finish``.
    With ``attests`` there is a manifest beside each image that is about it, as BuildKit leaves one.
    """

    name: str = "remote"
    native: Platform = AMD64
    engine: ScriptedEngine = field(default_factory=ScriptedEngine)
    gate: Callable[[], Awaitable[object]] | None = None
    bases_from: Literal["staging", "destination"] = "destination"
    finished: int = 0
    attests: bool = False

    async def platforms(self) -> tuple[Platform, ...]:
        return (self.native,)

    async def build(
        self,
        request: BuildRequest,
        staged: Reference,  # noqa: ARG002 - out of reach
        destination: Reference,
        on_line: Callable[[str], None],
    ) -> Built:
        if self.gate is not None:
            await self.gate()
        image_id = await self.engine.build(request, on_line)
        await self.engine.push(image_id, destination.without_version(), on_line)
        await self.engine.remove(image_id)
        manifest = image_of(request).manifest
        at = destination.with_digest(manifest.digest)
        about = (await asyncio.to_thread(_attest, at),) if self.attests else ()
        return Built(manifest.descriptor, at, attestations=about)

    async def finish(self) -> None:
        self.finished += 1


def _attest(image: Reference) -> Descriptor:
    """Push what says where ``image`` comes from, as BuildKit stores it (attestation-storage.md)."""
    repository = RawRepository(image.registry, image.repository)
    statement = encode({"_type": "https://in-toto.io/Statement/v1", "subject": str(image.digest)})
    layer = descriptor(statement, "application/vnd.in-toto+json")
    config = encode({"architecture": "unknown", "os": "unknown", "rootfs": {"diff_ids": [layer["digest"]]}})
    for blob in (statement, config):
        repository.push_blob(blob)
    document = {"schemaVersion": 2, "config": descriptor(config, OCI_CONFIG), "layers": [layer]}
    manifest = Manifest(OCI_MANIFEST, encode({**document, "mediaType": OCI_MANIFEST}))
    repository("PUT", f"manifests/{manifest.digest}", manifest.data, {"Content-Type": OCI_MANIFEST})
    return Descriptor(
        OCI_MANIFEST,
        str(manifest.digest),
        len(manifest.data),
        platform=WirePlatform("unknown", "unknown"),
        annotations={
            "vnd.docker.reference.digest": str(image.digest),
            "vnd.docker.reference.type": "attestation-manifest",
        },
    )


@dataclass(eq=False)
class ScriptedBuilders:
    """Satisfies ``flows.yard.Builders``: one builder a platform, the first one is native."""

    by_platform: Mapping[Platform, Builder]

    async def native(self) -> Platform:
        return next(iter(self.by_platform))

    async def builder(self, image: Image, platform: Platform) -> Builder:
        try:
            return self.by_platform[platform]
        except KeyError:
            raise EngineMissing(f"nobody builds {image.name} for {platform}") from None

    async def finish(self) -> None:
        for builder in self.by_platform.values():
            await builder.finish()
