"""Platforms: before anything is built, whether every platform of every image can be."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, replace

from msgspec import structs

from shipway.dockerfile.emulation import foreign_run, how_to_emulate
from shipway.errors import ConfigError, RegistryError
from shipway.fleet.builds import Builds
from shipway.fleet.model import BuilderSettings, Fleet, Image
from shipway.flows.prepare import Prepared
from shipway.flows.yard import Staging
from shipway.planning.collect import given_args
from shipway.planning.destination import EMBEDDED
from shipway.planning.parts import part_tag
from shipway.planning.plan import Blocker, Step
from shipway.ports import Emulation, Registry
from shipway.values import Platform


@dataclass(frozen=True, slots=True)
class Platforms:
    """Judges the platforms of a plan. ``native`` is the platform of this machine; ``registry`` is None where
    none is to be asked."""

    builds: Builds
    environ: Mapping[str, str]
    native: Platform
    emulation: Emulation
    staging: Staging
    registry: Registry | None

    async def judged(self, prepared: Prepared) -> Prepared:
        """``prepared`` with a blocker for every platform of an image that nobody can build, and that is not
        there yet."""
        found = [
            blocker
            for step in prepared.plan.steps
            if step.action == "build"
            async for blocker in self._blockers(prepared.fleet, step)
        ]
        plan = prepared.plan
        return replace(prepared, plan=structs.replace(plan, blockers=(*plan.blockers, *found)))

    async def _blockers(self, fleet: Fleet, step: Step) -> AsyncIterator[Blocker]:
        image = fleet.image(step.image)
        if image is None:
            return
        for platform in map(Platform.parse, step.platforms or (str(self.native),)):
            builder = next((each for each in fleet.builders if platform in each.platforms), None)
            if builder is not None:
                blocker = _out_of_reach(step, image, builder)
            else:
                blocker = await self._unrunnable(fleet, image, platform)
            if blocker is not None and not await self._is_there(step, platform):
                yield blocker

    async def _unrunnable(self, fleet: Fleet, image: Image, platform: Platform) -> Blocker | None:
        """What keeps the engine of this machine from building ``platform``."""
        args = given_args(image.inputs, self.environ)
        try:
            build = self.builds.build(fleet.roots[image.root], image.inputs, platform, args)
        except ConfigError:
            return None  # collecting its inputs has told already
        run = foreign_run(build, self.native)
        reason = await self.emulation.lacks(run.platform) if run is not None else None
        if run is None or reason is None:
            return None
        return Blocker(
            image.name,
            f"this machine ({self.native}) cannot run the RUN steps for {run.platform}",
            image.inputs.dockerfile,
            run.line,
            cause=reason,
            help=f"{how_to_emulate(run.platform)}; or declare a machine that has it under builders:;"
            f" or run there: shipway ship --platform {platform}",
        )

    async def _is_there(self, step: Step, platform: Platform) -> bool:
        """Whether another machine has left this platform at the destination."""
        if self.registry is None or step.repository.registry == EMBEDDED:
            return False
        tagged = step.repository.with_tag(part_tag(step.fingerprint, platform))
        try:
            return await self.registry.head(tagged) is not None
        except RegistryError:
            return False  # what is wrong with the registry is told by whoever needs it


def _out_of_reach(step: Step, image: Image, builder: BuilderSettings) -> Blocker | None:
    """What keeps a declared builder from leaving images where they are bound for."""
    if builder.sees_loopback or step.repository.registry != EMBEDDED:
        return None
    return Blocker(
        image.name,
        f"the builder {builder.name} does not reach the embedded registry",
        image.inputs.dockerfile,
        1,
        cause="that listens on this machine's loopback alone",
        help="write registry: in shipway.yaml, or give --registry HOST[/PREFIX]",
    )
