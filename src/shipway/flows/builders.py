"""Builders: who builds a platform of an image. The engine of this machine pushes to staging."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from typing import Literal

from shipway.fleet.model import Image
from shipway.flows.tidy import tidy
from shipway.ports import Builder, BuildRequest, Built, Engine, Registry
from shipway.values import Platform, Reference


class EngineBuilder:
    """A local engine and the staging registry that it pushes to. Satisfies ``ports.Builder``."""

    bases_from: Literal["staging", "destination"] = "staging"

    def __init__(self, engine: Engine, registry: Registry) -> None:
        self.name = engine.name
        self._engine = engine
        self._registry = registry
        self._pulled: set[Reference] = set()

    async def platforms(self) -> tuple[Platform, ...]:
        """See ``ports.Builder``, like every method here."""
        return ((await self._engine.probe()).native,)

    async def build(
        self,
        request: BuildRequest,
        staged: Reference,
        destination: Reference,  # noqa: ARG002 - engines push to loopback only
        on_line: Callable[[str], None],
    ) -> Built:
        self._pulled |= request.bases
        image_id = await self._engine.build(request, on_line)
        tagged = staged.with_tag(_passing_tag(request))
        try:
            await self._engine.push(image_id, tagged, on_line)
        finally:
            await self._engine.remove(image_id)
        pushed = await self._registry.manifest(tagged)
        await self._registry.delete(tagged)
        manifest = await tidy(self._registry, staged, pushed, request)
        info = await self._engine.probe()
        return Built(manifest.descriptor, staged.with_digest(manifest.digest), f"{info.name} {info.version}")

    async def finish(self) -> None:
        """Let the engine drop the bases it pulled from staging; their layers stay in its cache."""
        for pulled in self._pulled:
            await self._engine.remove(str(pulled))
        self._pulled.clear()


def _passing_tag(request: BuildRequest) -> str:
    """The tag under which engines push, since they cannot push by digest. It is the same for every build of
    this platform of this image: what a run that died has left behind, the next one takes away."""
    name = hashlib.sha256(request.name.encode()).hexdigest()[:12]
    return f"shipway-{name}-{str(request.platform).replace('/', '-')}"


class OneEngine:
    """The engine of this machine builds everything. Satisfies ``flows.yard.Builders``.

    ``engine`` is asked for only when something is built, and gives the same engine every time.
    """

    def __init__(self, engine: Callable[[], Awaitable[Engine]], registry: Registry) -> None:
        self._engine = engine
        self._registry = registry
        self._builder: EngineBuilder | None = None

    async def native(self) -> Platform:
        """See ``flows.yard.Builders``, like every method here."""
        return (await (await self._engine()).probe()).native

    async def builder(self, image: Image, platform: Platform) -> Builder:  # noqa: ARG002 - there is but one
        engine = await self._engine()
        if self._builder is None:
            self._builder = EngineBuilder(engine, self._registry)
        return self._builder

    async def finish(self) -> None:
        if self._builder is not None:
            await self._builder.finish()
