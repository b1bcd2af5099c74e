"""Looks at this machine: the engine, what it can do, the space it has, the programs it can run."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from shipway.checks.facts import DeclaredBuild, Facts
from shipway.checks.finding import Finding
from shipway.checks.rules.sw501_engine_missing import unusable
from shipway.checks.rules.sw502_engine_feature import cannot_run, no_named_contexts
from shipway.checks.rules.sw503_missing_emulation import not_emulated
from shipway.checks.rules.sw504_disk_space import short
from shipway.dockerfile.emulation import foreign_run
from shipway.errors import EngineMissing, HostError, ShipwayError
from shipway.flows.live.aims import place_of
from shipway.flows.live.probed import Probed, World, probed
from shipway.ports import EngineSurvey
from shipway.values import Platform


async def survey_engine(world: World, facts: Facts, deadline: float) -> tuple[Probed, EngineSurvey | None]:
    """The engine that would build, and what it tells of itself."""
    place = place_of(facts)
    survey: EngineSurvey | None = None
    try:
        async with asyncio.timeout_at(deadline):
            survey = await (await world.engine()).survey()
    except TimeoutError:
        late = EngineMissing(
            f"the engine did not answer within {world.seconds:g} s",
            cause="a daemon that hangs, or a machine that is overloaded",
            help="look at it: docker info (or buildah info)",
        )
        told = probed("engine", world.wanted, "no answer", unusable(place, world.wanted, late))
    except ShipwayError as error:
        told = probed("engine", world.wanted, "cannot be used", unusable(place, world.wanted, error))
    else:
        info = survey.info
        told = probed("engine", info.name, f"{info.version} for {info.native}", *_features(facts, survey))
    world.on_probed(told)
    return told, survey


def _features(facts: Facts, survey: EngineSurvey) -> Iterator[Finding]:
    if survey.obstacle:
        yield cannot_run(place_of(facts), survey.info.name, survey.obstacle)
    if survey.named_contexts:
        return
    for image in facts.fleet.images:
        if any(not value.startswith("target:") for value in image.inputs.contexts.values()):
            yield no_named_contexts(place_of(facts, image, "contexts"), image.name, survey.info.name)


def look_at_disks(world: World, facts: Facts, survey: EngineSurvey | None) -> list[Probed]:
    """The space for images and for Shipway's own state."""
    directories = {"Shipway's state": world.state}
    if survey is not None and survey.storage is not None:
        directories[f"the images of {survey.info.name}"] = survey.storage
    told = []
    for what, directory in directories.items():
        try:
            free = world.host.free_bytes(directory)
        except HostError as error:
            told.append(probed("disk", str(directory), error.message))
            continue
        finding = short(place_of(facts), what, str(directory), free)
        told.append(probed("disk", str(directory), f"{free / (1 << 30):.1f} GiB free for {what}", finding))
    for each in told:
        world.on_probed(each)
    return told


async def look_at_emulation(world: World, facts: Facts, survey: EngineSurvey) -> list[Probed]:
    """Whether the engine's machine can run what RUN steps for other processors run."""
    native = survey.info.native
    told = []
    for platform, builds in _foreign(facts, native).items():
        reason = await world.emulation.lacks(platform)
        findings = () if reason is None else tuple(_unrunnable(facts, builds, platform, native, reason))
        told.append(probed("emulation", str(platform), reason or "can be run", *findings))
    for each in told:
        world.on_probed(each)
    return told


def _unrunnable(
    facts: Facts, builds: list[DeclaredBuild], platform: Platform, native: Platform, reason: str
) -> Iterator[Finding]:
    for name, build in {each.image.name: each for each in builds}.items():
        yield not_emulated(place_of(facts, build.image, "platforms"), name, platform, native, reason)


def _foreign(facts: Facts, native: Platform) -> dict[Platform, list[DeclaredBuild]]:
    """The builds with RUN steps that fall to the engine of this machine, by each platform whose programs its
    processor does not run."""
    elsewhere = {platform for builder in facts.fleet.builders for platform in builder.platforms}
    found: dict[Platform, list[DeclaredBuild]] = {}
    for build in facts.declared:
        run = foreign_run(build.build, native) if build.platform not in elsewhere else None
        if run is not None:
            found.setdefault(run.platform, []).append(build)
    return found
