"""Which builds run programs of another processor than the builder's: those need emulation.

Only RUN runs anything. COPY, ADD, WORKDIR and metadata make an image for any platform on any machine.
"""

from __future__ import annotations

from dataclasses import dataclass

from shipway.dockerfile.resolved import ResolvedBuild, ResolvedStage, RunStep
from shipway.errors import InvalidValue
from shipway.values import Platform

# what a processor runs beside its own programs
_ALSO_NATIVE = {("amd64", "386"), ("arm64", "arm")}


def runs_natively(native: Platform, platform: Platform) -> bool:
    """Whether a machine of platform ``native`` runs programs of ``platform`` by itself."""
    pair = native.architecture, platform.architecture
    return native.os == platform.os and (pair[0] == pair[1] or pair in _ALSO_NATIVE)


@dataclass(frozen=True, slots=True)
class ForeignRun:
    """A stage with a RUN for ``platform``, which the builder does not run by itself; ``line`` is its FROM."""

    platform: Platform
    line: int


def foreign_run(build: ResolvedBuild, native: Platform) -> ForeignRun | None:
    """The first reachable stage that a builder of platform ``native`` cannot build without emulation."""
    platforms: dict[int, Platform] = {}
    for stage in build.stages:
        index = stage.stage.index
        platforms[index] = _platform_of(stage, build, platforms, native)
        runs = any(isinstance(step, RunStep) for step in stage.steps)
        if runs and not runs_natively(native, platforms[index]):
            return ForeignRun(platforms[index], stage.stage.line)
    return None


def _platform_of(
    stage: ResolvedStage, build: ResolvedBuild, earlier: dict[int, Platform], native: Platform
) -> Platform:
    """What a stage is built for: its own flag, else what it builds on (BuildKit, dispatchStates)."""
    written = stage.stage.platform
    if written is None:
        return build.platform if stage.base is None else earlier.get(stage.base, build.platform)
    # a fleet is read as if every builder were of one platform, so that all machines read the same
    if "BUILDPLATFORM" in written or "BUILDARCH" in written:
        return native
    expanded = (
        base.platform for base in build.bases if base.stage == stage.stage.index and base.via == "from"
    )
    try:
        return Platform.parse(next(expanded, None) or written)
    except InvalidValue:
        return build.platform


def how_to_emulate(platform: Platform) -> str:
    """The commands that set up emulation of ``platform`` on a machine with Linux."""
    return (
        f"docker run --privileged --rm tonistiigi/binfmt --install {platform.architecture}"
        " (or apt-get install qemu-user-static)"
    )
