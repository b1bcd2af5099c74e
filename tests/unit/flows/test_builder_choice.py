"""Who builds a platform: the builder declared for it, else the engine of this machine."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from shipway.errors import EngineMissing, NotMet
from shipway.fleet.model import BuildInputs, Image
from shipway.flows.builders import Declared, DeclaredBuilders, EngineBuilder, NoBuilders
from shipway.oci.manifest import read_config
from shipway.ports import Builder, BuildRequest
from shipway.registry.client import RegistryClient
from shipway.registry.config import RegistryConfig
from shipway.testing.builder import ScriptedBuilder, ScriptedBuilders
from shipway.testing.clock import FixedClock
from shipway.testing.engine import AMD64, ScriptedEngine
from shipway.testing.registry import running_registry
from shipway.values import Platform, Reference

ARM64, RISCV = Platform("linux", "arm64"), Platform("linux", "riscv64")
IMAGE = Image("api", BuildInputs("Dockerfile", "."))


class Yardful:
    """Two declared builders, the second one for arm64 too, and an engine for amd64."""

    def __init__(self) -> None:
        self.opened: list[str] = []
        self.pi, self.farm = ScriptedBuilder("pi"), ScriptedBuilder("farm")
        self.here = ScriptedBuilder("here")
        declared = [self._declared(self.pi, ARM64), self._declared(self.farm, ARM64, RISCV)]
        self.builders = DeclaredBuilders(declared, ScriptedBuilders({AMD64: self.here}))

    def _declared(self, builder: ScriptedBuilder, *platforms: Platform) -> Declared:
        async def opened() -> Builder:
            self.opened.append(builder.name)
            await asyncio.sleep(0)
            return builder

        return Declared(platforms, opened)


async def test_the_first_builder_that_has_a_platform_builds_it() -> None:
    yardful = Yardful()
    asked = (ARM64, RISCV, AMD64)
    chosen = [(await yardful.builders.builder(IMAGE, platform)).name for platform in asked]
    assert chosen == ["pi", "farm", "here"]
    assert await yardful.builders.native() == AMD64


async def test_a_builder_is_opened_once_and_only_when_it_is_needed() -> None:
    yardful = Yardful()
    await asyncio.gather(*(yardful.builders.builder(IMAGE, RISCV) for _ in range(3)))
    assert yardful.opened == ["farm"]
    await yardful.builders.finish()
    assert (yardful.pi.finished, yardful.farm.finished, yardful.here.finished) == (0, 1, 1)


async def test_a_builder_that_did_not_answer_is_asked_again() -> None:
    pi, here, answers = ScriptedBuilder("pi"), ScriptedBuilder("here"), iter([False, True])

    async def opened() -> Builder:
        if not next(answers):
            raise EngineMissing("pi does not answer")
        return pi

    builders = DeclaredBuilders([Declared((ARM64,), opened)], ScriptedBuilders({AMD64: here}))
    with pytest.raises(EngineMissing):
        await builders.builder(IMAGE, ARM64)
    assert await builders.builder(IMAGE, ARM64) is pi
    await builders.finish()
    assert (pi.finished, here.finished) == (1, 1)


async def test_who_joins_builds_nothing_and_tells_what_is_lost() -> None:
    with pytest.raises(NotMet, match="api lacks linux/arm64") as caught:
        await NoBuilders(AMD64).builder(IMAGE, ARM64)
    assert "shipway ship --platform linux/arm64 api" in str(caught.value.help)


# --- the engine -------------------------------------------------------------------------------


class MixesUpPlatforms(ScriptedEngine):
    """An engine whose cache gives what was built for arm64 first, as buildah's does FROM scratch."""

    async def _build(self, request: BuildRequest, on_line: Callable[[str], None]) -> str:
        asked = request if not request.cached else replace(request, platform=ARM64)
        return await super()._build(asked, on_line)


@pytest.fixture
def registry() -> Iterator[str]:
    with running_registry() as running:
        yield running.address


async def test_what_the_cache_mixed_up_is_built_again_without_it(registry: str) -> None:
    engine, lines = MixesUpPlatforms(), list[str]()
    request = BuildRequest("api", b"FROM scratch\n", None, AMD64)
    staged = Reference(registry, "shop/api")
    async with RegistryClient(RegistryConfig(), FixedClock()) as client:
        built = await EngineBuilder(engine, client).build(request, staged, staged, lines.append)
        manifest = await client.manifest(built.at)
        assert manifest.body.config is not None
        config = read_config(await client.blob(staged, manifest.body.config))
    assert config.platform == AMD64
    assert [each.cached for each in engine.builds] == [True, False]
    assert any("another platform than linux/amd64" in line for line in lines)
