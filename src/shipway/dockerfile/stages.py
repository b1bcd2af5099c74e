"""Instructions to stages (BuildKit, instructions/parse.go)."""

from __future__ import annotations

from collections.abc import Sequence

from shipway.dockerfile.syntax import Instruction, Stage


def split(instructions: Sequence[Instruction]) -> tuple[tuple[Stage, ...], tuple[Instruction, ...]]:
    """The stages in order, and the ARG instructions before the first of them.

    A FROM without an argument opens a stage with an empty base, so that what follows has a home.
    """
    starts = [index for index, each in enumerate(instructions) if each.keyword == "FROM"]
    ends = [*starts[1:], len(instructions)] if starts else []
    stages = tuple(
        _stage(number, instructions[start], tuple(instructions[start + 1 : end]))
        for number, (start, end) in enumerate(zip(starts, ends, strict=True))
    )
    before = instructions[: starts[0]] if starts else instructions
    return stages, tuple(each for each in before if each.keyword == "ARG")


def _stage(index: int, origin: Instruction, instructions: tuple[Instruction, ...]) -> Stage:
    return Stage(
        index=index,
        name=stage_name(origin),
        base=origin.args[0] if origin.args else "",
        platform=origin.flag("platform"),
        origin=origin,
        instructions=instructions,
    )


def stage_name(origin: Instruction) -> str | None:
    """The name that a FROM gives its stage, in lower case."""
    if len(origin.args) == 3 and origin.args[1].lower() == "as":
        return origin.args[2].lower()
    return None


def stage_named(stages: Sequence[Stage], name: str) -> Stage | None:
    """The stage called ``name`` in any case, the last one of several (BuildKit, dispatchStates)."""
    lowered = name.lower()
    return next((stage for stage in reversed(stages) if stage.name == lowered), None)
