"""What builds each image: Assemble where nothing needs an engine, else an engine."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from msgspec import structs

from shipway.fleet.builds import Builds, is_local
from shipway.fleet.model import Fleet, Image
from shipway.planning.collect import given_args
from shipway.planning.plan import Blocker, Plan, Step
from shipway.values import Platform

AUTO = "auto"
ASSEMBLE = "assemble"


@dataclass(frozen=True, slots=True)
class EngineChoice:
    """Chooses for each image. ``asked`` is what the command line names, ``auto`` to leave it to the fleet;
    ``native`` is the platform of images that declare none."""

    fleet: Fleet
    asked: str
    environ: Mapping[str, str]
    native: Platform
    builds: Builds

    def applied(self, plan: Plan) -> Plan:
        """``plan`` with an engine in every step that builds, and a blocker for each image that was to be
        assembled and cannot be."""
        images = {image.name: image for image in self.fleet.images}
        blockers: list[Blocker] = []
        blocked = {blocker.image for blocker in plan.blockers}
        waves = tuple(
            tuple(self._chosen(step, images[step.image], blocked, blockers) for step in wave)
            for wave in plan.waves
        )
        return structs.replace(plan, waves=waves, blockers=(*plan.blockers, *blockers))

    def _chosen(self, step: Step, image: Image, blocked: set[str | None], blockers: list[Blocker]) -> Step:
        if step.action != "build":
            return step
        wanted = image.engine if self.asked == AUTO else self.asked
        if wanted not in (AUTO, ASSEMBLE):
            return structs.replace(step, engine=wanted)
        if image.name in blocked:
            return structs.replace(step, engine=AUTO)
        reason = next(self._reasons(image), None)
        if reason is None:
            return structs.replace(step, engine=ASSEMBLE)
        if wanted == ASSEMBLE:
            blockers.append(_blocker(image, reason))
        return structs.replace(step, engine=wanted, engine_because=reason)

    def _reasons(self, image: Image) -> Iterator[str]:
        """Why an image needs an engine, for any of its platforms."""
        # where nothing is built nobody asks
        from shipway.assemble.applies import why_not

        inputs, directory = image.inputs, self.fleet.roots[image.root]
        if image.attest.provenance or image.attest.sbom:
            yield "BuildKit is to attest to it"
        args = given_args(inputs, self.environ)
        for platform in inputs.platforms or (self.native,):
            build = self.builds.build(directory, inputs, platform, args)
            adds = any(read.kind == "add" for read in build.reads) and is_local(inputs.context)
            report = self.builds.sources(directory, inputs, build) if adds else None
            reason = why_not(build, report, f"{directory}/{inputs.context}")
            if reason is not None:
                yield reason


def _blocker(image: Image, reason: str) -> Blocker:
    return Blocker(
        image.name,
        f"{image.name} cannot be assembled: {reason}",
        image.inputs.dockerfile,
        0,
        cause="only what runs nothing and reads local files alone needs no engine",
        help="leave out --engine assemble, or name another engine for it in the fleet file",
    )
