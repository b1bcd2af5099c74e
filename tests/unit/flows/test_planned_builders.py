"""Who builds what: the plan's choice, and who steps in when only the base told that an engine is needed."""

from __future__ import annotations

from typing import Any

import pytest

from shipway.errors import CannotAssemble, EngineMissing
from shipway.fleet.model import BuildInputs, Image
from shipway.flows.builders import PlannedBuilders
from shipway.flows.yard import Builders
from shipway.ports import Builder
from shipway.testing.builder import ScriptedBuilder
from shipway.values import Platform

AMD64, ARM64 = Platform("linux", "amd64"), Platform("linux", "arm64")


class Machine:
    """The builders of one engine; ``missing`` makes it one that is not there."""

    def __init__(self, name: str, *, missing: bool = False) -> None:
        self.own = ScriptedBuilder(name, native=ARM64)
        self.missing = missing
        self.finished = 0

    async def native(self) -> Platform:
        if self.missing:
            raise EngineMissing("no build engine works on this machine", help="install one")
        return self.own.native

    async def builder(self, image: Image, platform: Platform) -> Builder:
        await self.native()
        return self.own

    async def finish(self) -> None:
        self.finished += 1


def image(name: str, engine: str = "auto") -> Image:
    return Image(name, BuildInputs("Dockerfile", "."), engine=engine)


def planned(missing: bool = False, **how: Any) -> tuple[PlannedBuilders, ScriptedBuilder, dict[str, Machine]]:
    assembler = ScriptedBuilder("assemble")
    asked: dict[str, Machine] = {}

    def of(name: str) -> Builders:
        return asked.setdefault(name, Machine(name, missing=missing))

    engines = {"a": "assemble", "b": "auto", "c": "docker"}
    return PlannedBuilders(engines, assembler, of, AMD64, **how), assembler, asked


async def test_each_image_goes_to_whom_the_plan_chose() -> None:
    builders, assembler, asked = planned()
    assert await builders.builder(image("a"), AMD64) is assembler
    assert asked == {}
    names = [(await builders.builder(image(name), AMD64)).name for name in ("b", "c", "b")]
    assert names == ["auto", "docker", "auto"]
    await builders.finish()
    assert (assembler.finished, [each.finished for each in asked.values()]) == (1, [1, 1])


async def test_without_an_engine_the_platform_is_that_of_the_machine() -> None:
    assert await planned()[0].native() == ARM64
    assert await planned(missing=True)[0].native() == AMD64


async def test_an_engine_steps_in_where_the_base_asks_for_one() -> None:
    refusal = CannotAssemble("a trigger of ONBUILD: RUN")
    builders, _, _ = planned()
    assert (await builders.instead(image("a"), AMD64, refusal)).name == "auto"
    with pytest.raises(CannotAssemble) as caught:
        await builders.instead(image("a", "assemble"), AMD64, refusal)
    assert caught.value is refusal
    with pytest.raises(CannotAssemble) as caught:
        await planned(insists=True)[0].instead(image("a"), AMD64, refusal)
    assert caught.value is refusal


async def test_without_an_engine_both_reasons_are_told() -> None:
    with pytest.raises(CannotAssemble, match="a trigger") as caught:
        await planned(missing=True)[0].instead(image("a"), AMD64, CannotAssemble("a trigger"))
    assert (caught.value.cause, caught.value.help) == ("no build engine works on this machine", "install one")
