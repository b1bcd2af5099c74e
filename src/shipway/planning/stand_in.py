"""Stand-ins: images that run in place of a service that has no code yet, and say so by a label."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import structs

from shipway.dockerfile.resolved import ResolvedBuild
from shipway.dockerfile.syntax import Instruction
from shipway.planning.plan import Plan

STAND_IN_LABEL = "io.shipway.stand-in"
_QUOTES = "\"'"


def stand_in_label(build: ResolvedBuild) -> tuple[Instruction, str] | None:
    """The LABEL of a build that says whether it is a stand-in, and its value; the last one counts.

    The target's own instructions come before those of the stages that it builds on.
    """
    for each in build.image_stages:
        for instruction in reversed(each.stage.instructions):
            if instruction.keyword == "LABEL":
                names = [name.strip(_QUOTES) for name in instruction.args[::3]]
                values = dict(zip(names, instruction.args[1::3], strict=True))
                if STAND_IN_LABEL in values:
                    return instruction, values[STAND_IN_LABEL].strip(_QUOTES)
    return None


def says_stand_in(labels: Mapping[str, str]) -> bool:
    """Whether the labels of an image, as a registry or a fleet file has them, mark it as a stand-in."""
    return labels.get(STAND_IN_LABEL) == "true"


def is_stand_in(build: ResolvedBuild, labels: Mapping[str, str], *, inherited: bool) -> bool:
    """Whether an image is a stand-in. ``labels`` of its declaration go before those of the Dockerfile, and
    these before what it has ``inherited`` from the image that it builds on."""
    if STAND_IN_LABEL in labels:
        return says_stand_in(labels)
    told = stand_in_label(build)
    return inherited if told is None else told[1] == "true"


def marked(plan: Plan, stand_ins: Mapping[str, bool]) -> Plan:
    """``plan`` with the steps of stand-ins marked."""
    waves = tuple(
        tuple(structs.replace(step, stand_in=stand_ins.get(step.image, False)) for step in wave)
        for wave in plan.waves
    )
    return structs.replace(plan, waves=waves)
