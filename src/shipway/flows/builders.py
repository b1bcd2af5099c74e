"""Builders: who builds a platform of an image.

A builder that the fleet file declares gets its platforms; the engine of this machine, which pushes to
staging, gets all others.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Literal

from shipway.errors import CannotAssemble, EngineMissing, NotMet
from shipway.fleet.model import Image
from shipway.flows.tidy import tidy
from shipway.flows.yard import Builders
from shipway.oci.manifest import Manifest, read_config
from shipway.planning.engines import ASSEMBLE, AUTO
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
        pushed = await self._pushed(request, staged, on_line)
        if await self._platform_of(staged, pushed) != request.platform:
            # buildah mistakes what it cached for another platform where no base tells them apart
            on_line(f"the cache gave another platform than {request.platform}: built again without it")
            pushed = await self._pushed(replace(request, cached=False), staged, on_line)
        manifest = await tidy(self._registry, staged, pushed, request)
        info = await self._engine.probe()
        return Built(manifest.descriptor, staged.with_digest(manifest.digest), f"{info.name} {info.version}")

    async def _pushed(
        self, request: BuildRequest, staged: Reference, on_line: Callable[[str], None]
    ) -> Manifest:
        """What the engine makes of a request, in staging."""
        image_id = await self._engine.build(request, on_line)
        tagged = staged.with_tag(_passing_tag(request))
        try:
            await self._engine.push(image_id, tagged, on_line)
        finally:
            await self._engine.remove(image_id)
        pushed = await self._registry.manifest(tagged)
        await self._registry.delete(tagged)
        return pushed

    async def _platform_of(self, staged: Reference, pushed: Manifest) -> Platform | None:
        config = pushed.body.config
        return read_config(await self._registry.blob(staged, config)).platform if config else None

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


class Queued:
    """A builder that builds when one of ``slots`` is free. Satisfies ``ports.Builder``."""

    def __init__(self, builder: Builder, slots: asyncio.Semaphore) -> None:
        self.name = builder.name
        self.bases_from: Literal["staging", "destination"] = builder.bases_from
        self._builder = builder
        self._slots = slots

    async def platforms(self) -> tuple[Platform, ...]:
        """See ``ports.Builder``, like every method here."""
        return await self._builder.platforms()

    async def build(
        self,
        request: BuildRequest,
        staged: Reference,
        destination: Reference,
        on_line: Callable[[str], None],
    ) -> Built:
        async with self._slots:
            return await self._builder.build(request, staged, destination, on_line)

    async def finish(self) -> None:
        await self._builder.finish()


@dataclass(frozen=True, slots=True)
class Declared:
    """A builder that the fleet file declares: its platforms, and how it is come by when it is needed."""

    platforms: tuple[Platform, ...]
    open: Callable[[], Awaitable[Builder]]


class DeclaredBuilders:
    """Declared builders, the first one that has a platform, and ``otherwise`` for all other platforms.
    Satisfies ``flows.yard.Builders``."""

    def __init__(self, declared: Sequence[Declared], otherwise: Builders) -> None:
        self._declared = declared
        self._otherwise = otherwise
        self._opened: dict[int, Builder] = {}
        self._opening = asyncio.Lock()

    async def native(self) -> Platform:
        """See ``flows.yard.Builders``, like every method here."""
        return await self._otherwise.native()

    async def builder(self, image: Image, platform: Platform) -> Builder:
        for number, each in enumerate(self._declared):
            if platform in each.platforms:
                return await self._open(number)
        return await self._otherwise.builder(image, platform)

    async def _open(self, number: int) -> Builder:
        """The declared builder of that number; opened once, however many ask at the same time."""
        async with self._opening:
            if number not in self._opened:
                self._opened[number] = await self._declared[number].open()
        return self._opened[number]

    async def finish(self) -> None:
        for builder in self._opened.values():
            await builder.finish()
        await self._otherwise.finish()


class PlannedBuilders:
    """Who the plan chose for each image. Satisfies ``flows.yard.Builders``.

    ``engines`` are the engines by image, ``assembler`` is who needs none, and ``of`` gives the builders for
    the name of an engine, or for ``auto``. ``native`` is the platform of this machine. Where it ``insists``
    nobody builds what could not be assembled.
    """

    def __init__(
        self,
        engines: Mapping[str, str],
        assembler: Builder,
        of: Callable[[str], Builders],
        native: Platform,
        *,
        insists: bool = False,
    ) -> None:
        self._insists = insists
        self._engines = engines
        self._assembler = assembler
        self._of = of
        self._native = native
        self._asked: dict[str, Builders] = {}

    async def native(self) -> Platform:
        """See ``flows.yard.Builders``, like every method here. Without an engine, this machine's own."""
        for name in sorted(set(self._engines.values()) - {ASSEMBLE}):
            with suppress(EngineMissing):
                return await self._builders(name).native()
        return self._native

    async def builder(self, image: Image, platform: Platform) -> Builder:
        engine = self._engines.get(image.name, AUTO)
        if engine == ASSEMBLE:
            return self._assembler
        return await self._builders(engine).builder(image, platform)

    async def instead(self, image: Image, platform: Platform, refusal: CannotAssemble) -> Builder:
        """Who builds what could not be assembled. Raises the refusal when nobody else shall, or can."""
        if self._insists or image.engine == ASSEMBLE:
            raise refusal
        try:
            return await self._builders(AUTO).builder(image, platform)
        except EngineMissing as error:
            raise CannotAssemble(refusal.message, cause=error.message, help=error.help) from None

    def _builders(self, name: str) -> Builders:
        if name not in self._asked:
            self._asked[name] = self._of(name)
        return self._asked[name]

    async def finish(self) -> None:
        await self._assembler.finish()
        for builders in self._asked.values():
            await builders.finish()


class NoBuilders:
    """Nothing is built: who joins takes what others have built. Satisfies ``flows.yard.Builders``."""

    def __init__(self, native: Platform) -> None:
        self._native = native

    async def native(self) -> Platform:
        """See ``flows.yard.Builders``, like every method here."""
        return self._native

    async def builder(self, image: Image, platform: Platform) -> Builder:
        raise NotMet(
            f"{image.name} lacks {platform}",
            cause="no machine has delivered that platform from these inputs",
            help=f"run it again where {platform} is built: shipway ship --platform {platform} {image.name}",
        )

    async def finish(self) -> None:
        """There is nobody to tell."""
