"""Builders for tests: as if on other machines, with real images pushed by digest to their destination."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from shipway.errors import EngineMissing
from shipway.fleet.model import Image
from shipway.ports import Builder, BuildRequest, Built
from shipway.testing.engine import AMD64, ScriptedEngine, image_of
from shipway.values import Platform, Reference


@dataclass(eq=False)
class ScriptedBuilder:
    """Satisfies ``ports.Builder``: a machine with a scripted engine that cannot reach loopback.

    ``gate``, when given, is waited for before each build. ``finished`` counts the calls of ``finish``.
    """

    name: str = "remote"
    native: Platform = AMD64
    engine: ScriptedEngine = field(default_factory=ScriptedEngine)
    gate: Callable[[], Awaitable[object]] | None = None
    bases_from: Literal["staging", "destination"] = "destination"
    finished: int = 0

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
        return Built(manifest.descriptor, destination.with_digest(manifest.digest))

    async def finish(self) -> None:
        self.finished += 1


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
