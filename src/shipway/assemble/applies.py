"""Whether an image can be put together without an engine, and why not; told from its files alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from shipway.assemble.archives import is_archive
from shipway.assemble.nodes import Modes, local_node
from shipway.assemble.stages import FLAGS
from shipway.dockerfile.resolved import ContextRead, ResolvedBuild, ResolvedStage
from shipway.dockerfile.sources import SourceReport, is_remote
from shipway.dockerfile.syntax import Instruction


def why_not(build: ResolvedBuild, report: SourceReport | None = None, root: str = "") -> str | None:
    """The first reason why a build needs an engine; None when Assemble takes it.

    With ``report`` and the directory ``root`` of the main context, files that ADD would unpack count too.
    What only the base image tells (its triggers, the names of its users) shows later.
    """
    if problem := next(iter(build.problems), None):
        return problem.message
    return next(_reasons(build, report, root), None)


def _reasons(build: ResolvedBuild, report: SourceReport | None, root: str) -> Iterator[str]:
    frontend = build.dockerfile.directive("syntax")
    if frontend and not _is_standard(frontend):
        yield f"it is written for the frontend {frontend}"
    for stage in build.stages:
        for instruction in instructions_of(build, stage):
            if reason := _reason(instruction):
                yield f"line {instruction.line}: {reason}"
    for read in build.reads:
        if reason := _unreadable(read):
            yield f"line {read.line}: {read.instruction.keyword} {read.source} {reason}"
    if report is not None:
        yield from _archives(report, root)


def instructions_of(build: ResolvedBuild, stage: ResolvedStage) -> Iterator[Instruction]:
    """What runs in a stage: the triggers of its base in the file, then its own lines."""
    if stage.base is not None:
        yield from build.dockerfile.stages[stage.base].triggers
    yield from stage.stage.instructions


def _is_standard(frontend: str) -> bool:
    name = frontend.removeprefix("docker.io/").partition("@")[0].partition(":")
    return name[0] == "docker/dockerfile" and "labs" not in name[2]


def _reason(instruction: Instruction) -> str | None:
    if instruction.keyword == "RUN":
        return "RUN needs a build engine"
    if instruction.keyword in ("COPY", "ADD"):
        for flag in instruction.flags:
            name = flag.removeprefix("--").partition("=")[0]
            if name not in FLAGS:
                return f"{instruction.keyword} --{name} needs a build engine"
    return None


def _unreadable(read: ContextRead) -> str | None:
    if read.kind == "from":
        return "is a directory that a stage builds on"
    if read.expanded is not None and read.kind == "add" and is_remote(read.expanded):
        return "is fetched from elsewhere"
    if read.origin.kind == "remote":
        return f"reads from the context {read.origin.name}, which is elsewhere"
    if read.origin.kind == "image" and read.origin.name != "scratch":
        return f"reads from the image {read.origin.name}"
    return None


def _archives(report: SourceReport, root: str) -> Iterator[str]:
    for outcome in report.outcomes:
        read = outcome.read
        if read.kind != "add" or read.origin.kind != "main" or _keeps_archives(read.instruction):
            continue
        for path in outcome.matched:
            node = local_node(f"{root}/{path}", Modes())
            if node is not None and node.kind == "file" and is_archive(node):
                yield f"line {read.line}: ADD unpacks {path}"


def _keeps_archives(instruction: Instruction) -> bool:
    return instruction.flag("unpack") is not None and not instruction.switched_on("unpack")


def stages_on_files(build: ResolvedBuild) -> frozenset[int]:
    """The stages on images from outside whose files have to be known: something is put onto them, beside
    ``COPY --link``, or read from a stage on them."""
    below: dict[int, int] = {}
    for stage in build.stages:
        index = stage.stage.index
        below[index] = index if stage.base is None else below[stage.base]
    wanted = {
        below[stage.stage.index]
        for stage in build.stages
        if any(_looks_at_files(each) for each in instructions_of(build, stage))
    }
    wanted |= {below[read.origin.stage] for read in build.reads if read.origin.kind == "stage"}
    scratch = {stage.stage.index for stage in build.stages if stage.scratch}
    return frozenset(wanted - scratch)


def bases_of(build: ResolvedBuild) -> Mapping[int, tuple[str, str | None]]:
    """The images from outside that stages build on: reference and platform by the index of the stage."""
    outside = {each.stage.index for each in build.stages if each.base is None and not each.scratch}
    found: dict[int, tuple[str, str | None]] = {}
    for base in build.bases:
        if base.stage in outside and base.via in ("from", "context"):
            found.setdefault(base.stage, (base.reference, base.platform))
    return found


def _looks_at_files(instruction: Instruction) -> bool:
    if instruction.keyword == "WORKDIR":
        return True
    linked = instruction.switched_on("link") and instruction.flag("chmod") is None
    return instruction.keyword in ("COPY", "ADD") and not linked
