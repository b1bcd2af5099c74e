"""From a Dockerfile, a target, args and a platform to what one build reads (BuildKit, dockerfile2llb)."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

from shipway.dockerfile import scan, scope
from shipway.dockerfile.reach import INDEX, SCRATCH, Problems, Site, StageGraph
from shipway.dockerfile.resolved import (
    MAIN,
    BaseInput,
    ContextRead,
    CopyStep,
    Origin,
    ResolvedBuild,
    ResolvedStage,
    RunStep,
    Step,
    UsedArg,
    Via,
    WorkdirStep,
)
from shipway.dockerfile.syntax import Dockerfile, Span, Stage
from shipway.dockerfile.validate import is_heredoc, mount_fields
from shipway.dockerfile.words import Expansion, ExpansionError, expand
from shipway.errors import InvalidValue
from shipway.values import Platform, Reference

NOTHING: Mapping[str, str] = MappingProxyType({})
LINUX_AMD64 = Platform("linux", "amd64")

_REMOTE_CONTEXT = re.compile(r"(?:https?|git|ssh)://|git@|github\.com/")


def resolve(
    dockerfile: Dockerfile,
    *,
    target: str | None = None,
    args: Mapping[str, str] = NOTHING,
    platform: Platform = LINUX_AMD64,
    contexts: Mapping[str, str] = NOTHING,
    build_platform: Platform = LINUX_AMD64,
) -> ResolvedBuild:
    """What the build of ``target`` (the last stage by default) reads and builds on.

    ``contexts`` are named contexts as in ``BuildInputs``: a path, a URL, ``docker-image://REF``,
    ``oci-layout://PATH`` or ``target:NAME``. ``build_platform`` is the one that the engine runs on.
    Never raises; whatever keeps the build from starting is in ``problems``.
    """
    return _Resolver(dockerfile, target, args, platform, contexts, build_platform).run()


@dataclass(slots=True)
class _State:
    """A stage while its instructions are run. ``workdir`` None: set by an image that nobody looked into."""

    env: dict[str, str]
    open_env: bool
    workdir: str | None
    steps: list[Step] = field(default_factory=list)


class _Resolver:
    def __init__(
        self,
        dockerfile: Dockerfile,
        target: str | None,
        args: Mapping[str, str],
        platform: Platform,
        contexts: Mapping[str, str],
        build_platform: Platform,
    ) -> None:
        self.dockerfile = dockerfile
        self.target = target
        self.args = args
        self.platform = platform
        last = (dockerfile.stages[-1].name or "") if dockerfile.stages else ""
        defaults = scope.platform_args(platform, build_platform, target or last)
        self.globals = scope.Globals(dockerfile, args, defaults)
        self.problems = Problems(dockerfile.path)
        self.problems.add_syntax(dockerfile)
        self.graph = StageGraph(dockerfile, self.globals.values, contexts, self.problems)
        self.bases: list[BaseInput] = []
        self.used: dict[UsedArg, None] = {}
        self.states: dict[int, _State] = {}

    def run(self) -> ResolvedBuild:
        for instruction, word, why in self.globals.errors:
            self.problems.add("expansion", f"cannot expand {word!r}: {why}", word, instruction.line)
        target = self.graph.find_target(self.target)
        stages = [self._stage(stage) for stage in self.graph.reachable(target)] if target is not None else []
        return ResolvedBuild(
            dockerfile=self.dockerfile,
            platform=self.platform,
            target=target,
            stages=tuple(stages),
            bases=tuple(self.bases),
            reads=tuple(read for stage in stages for step in stage.steps for read in _reads(step)),
            args=tuple(self.used),
            unused_args=self._unused_args(),
            problems=self.problems.all(),
        )

    def _unused_args(self) -> tuple[str, ...]:
        declared = {
            name
            for each in self.dockerfile.instructions
            if each.keyword == "ARG"
            for name, _ in scope.declarations(each)
        }
        return tuple(sorted(set(self.args) - declared - scope.PREDEFINED_ARGS))

    # --- one stage ----------------------------------------------------------------------------

    def _stage(self, stage: Stage) -> ResolvedStage:
        replaced = self.graph.replacement(stage)
        if replaced is not None:
            state = _State({}, True, None)
            self._named_base(stage, replaced, state)
            self.states[stage.index] = state
            return ResolvedStage(stage, None, False, tuple(state.steps), {})
        base = self.graph.base_stage(stage)
        state = self._start(stage, base)
        self.states[stage.index] = state
        for site in self.graph.sites(stage, base):
            self._run(site, state)
        scratch = base is None and self.graph.base_texts[stage.index] == SCRATCH
        return ResolvedStage(
            stage, base.index if base else None, scratch, tuple(state.steps), dict(state.env)
        )

    def _start(self, stage: Stage, base: Stage | None) -> _State:
        self._use_globals(stage)
        if base is not None:
            before = self.states[base.index]
            return _State(dict(before.env), before.open_env, before.workdir)
        text = self.graph.base_texts[stage.index]
        if text == SCRATCH:
            self._base(text, "from", stage, stage.line, self._from_span(stage))
            return _State(scope.scratch_env(), False, "/")
        state = _State({}, True, None)
        named = self.graph.context(text)
        if named is not None:
            self._named_base(stage, named, state)
        elif text:
            self._external(text, "from", stage, stage.line, self._from_span(stage))
        return state

    def _use_globals(self, stage: Stage) -> None:
        for word in (stage.base, stage.platform or ""):
            try:
                names = expand(word, self.globals.values, self.dockerfile.escape).used
            except ExpansionError:
                continue
            for name in sorted(names):
                used = self.globals.used(name, self.args)
                if used is not None:
                    self.used[used] = None

    def _platform_of(self, stage: Stage) -> str | None:
        if stage.platform is None:
            return None
        try:
            return expand(stage.platform, self.globals.values, self.dockerfile.escape).text
        except ExpansionError as error:
            self.problems.add(
                "bad-base", f"cannot expand {stage.platform!r}: {error}", stage.platform, stage.line
            )
            return None

    def _from_span(self, stage: Stage) -> Span | None:
        args = scan.words(stage.origin, self.dockerfile.escape).args
        return scan.locate(self.dockerfile, stage.origin, args[0].start, args[0].end) if args else None

    def _named_base(self, stage: Stage, named: tuple[str, str], state: _State) -> None:
        origin = self._context_origin(named, stage, stage.line, self._from_span(stage))
        if origin.kind == "context":
            read = ContextRead(stage.origin, stage.index, "from", named[0], "", origin, stage.line)
            state.steps.append(RunStep((read,)))

    # --- images and contexts from outside -----------------------------------------------------

    def _base(
        self, text: str, via: Via, stage: Stage, line: int, span: Span | None, context: str | None = None
    ) -> None:
        platform = self._platform_of(stage) if via == "from" else None
        self.bases.append(BaseInput(text, via, line, stage.index, span, context, platform))

    def _external(self, text: str, via: Via, stage: Stage, line: int, span: Span | None) -> None:
        try:
            Reference.parse(text)
        except InvalidValue as error:
            reason: Literal["bad-base", "bad-stage"] = "bad-base" if via == "from" else "bad-stage"
            message = f"{text!r} is no image reference, and no stage has that name"
            self.problems.add(reason, message, text if via != "from" else stage.base, line, error.cause)
            return
        self._base(text, via, stage, line, span)

    def _context_origin(self, named: tuple[str, str], stage: Stage, line: int, span: Span | None) -> Origin:
        name, value = named
        if value.startswith(("docker-image://", "target:", "oci-layout://")):
            reference = value.removeprefix("docker-image://")
            self._base(reference, "context", stage, line, span, name)
            return Origin("image", reference)
        return Origin("remote" if _REMOTE_CONTEXT.match(value) else "context", name)

    def _origin(
        self, name: str, via: Literal["copy", "mount"], site: Site, span: Span | None
    ) -> Origin | None:
        """Where ``--from`` or ``from=`` leads; None when it leads nowhere."""
        by_index = via == "copy" and INDEX.match(name) is not None
        named = None if by_index else self.graph.context(name)
        if named is not None:
            return self._context_origin(named, site.stage, site.line, span)
        found = self.graph.source_stage(name, via == "copy")
        if found is not None and found.index < site.stage.index:
            return Origin("stage", found.name or str(found.index), found.index)
        if found is not None:
            what = "itself" if found.index == site.stage.index else f"stage {name}, which comes later"
            self.problems.add("bad-stage", f"the stage reads from {what}", name, site.line)
            return None
        if by_index:
            return None
        if via == "mount" and "$" in name:
            return None
        if "$" in name:
            self.problems.add(
                "bad-stage",
                f"variables are not expanded in {name!r}",
                name,
                site.line,
                f"write FROM {name} AS a-name and read from that",
            )
            return None
        if name == SCRATCH:
            self._base(name, via, site.stage, site.line, span)
        else:
            self._external(name, via, site.stage, site.line, span)
        return Origin("image", name)

    # --- one instruction ----------------------------------------------------------------------

    def _run(self, site: Site, state: _State) -> None:
        keyword = site.instruction.keyword
        try:
            if keyword == "ARG":
                declared = scope.declare(
                    site.instruction, state.env, self.args, self.globals, self.dockerfile.escape
                )
                self.used.update(dict.fromkeys(declared))
            elif keyword == "ENV":
                scope.assign(site.instruction, state.env, self.dockerfile.escape)
            elif keyword == "WORKDIR" and site.instruction.args:
                path = self._expand(site.instruction.args[0], state).text
                state.workdir = _join(state.workdir, path)
                state.steps.append(WorkdirStep(state.workdir))
            elif keyword in ("COPY", "ADD") and len(site.instruction.args) >= 2:
                self._copy(site, state)
            elif keyword == "RUN":
                state.steps.append(RunStep(tuple(self._mounts(site, state))))
        except ExpansionError as error:
            source = site.instruction.original
            self.problems.add("expansion", f"cannot expand a word of {keyword}: {error}", source, site.line)

    def _expand(self, word: str, state: _State) -> Expansion:
        return expand(word, state.env, self.dockerfile.escape)

    def _source(self, word: str, state: _State) -> tuple[str | None, frozenset[str], str | None]:
        """A source after expansion and its variables without a value, or None and why."""
        try:
            expansion = self._expand(word, state)
        except ExpansionError as failure:
            return None, frozenset(), str(failure)
        return expansion.text, expansion.unset, None

    def _span(self, site: Site, start: int, end: int) -> Span | None:
        return scan.locate(self.dockerfile, site.instruction, start, end)

    def _copy(self, site: Site, state: _State) -> None:
        instruction = site.instruction
        words = scan.words(instruction, self.dockerfile.escape)
        origin: Origin | None = MAIN
        name = instruction.flag("from") if instruction.keyword == "COPY" else None
        if name:
            origin = self._origin(name, "copy", site, self._flag_span(site, words.flags, "--from=", name))
        try:
            target = self._expand(instruction.args[-1], state).text
            destination = _join(state.workdir, target)
        except ExpansionError as error:
            self.problems.add(
                "expansion", f"cannot expand the destination: {error}", instruction.args[-1], site.line
            )
            destination = None
        sources = instruction.args[:-1]
        heredocs = () if instruction.json else tuple(word for word in sources if is_heredoc(word))
        reads = (
            tuple(
                self._read(site, state, word, origin, words.args[index] if index < len(words.args) else None)
                for index, word in enumerate(sources)
                if word not in heredocs
            )
            if origin is not None
            else ()
        )
        names = tuple(each.name for each in instruction.heredocs)
        state.steps.append(
            CopyStep(
                reads, destination, names, instruction.keyword == "ADD", instruction.switched_on("parents")
            )
        )

    def _read(
        self, site: Site, state: _State, source: str, origin: Origin, word: scan.Word | None
    ) -> ContextRead:
        instruction = site.instruction
        text, unset, error = self._source(source, state)
        return ContextRead(
            instruction=instruction,
            stage=site.stage.index,
            kind="add" if instruction.keyword == "ADD" else "copy",
            source=source,
            expanded=text,
            origin=origin,
            line=site.line,
            span=self._span(site, word.start, word.end) if word else None,
            exclude=instruction.flag_values("exclude"),
            parents=instruction.switched_on("parents"),
            checksum=instruction.flag("checksum") is not None,
            alone=len(instruction.args) == 2,
            error=error,
            unset=unset,
            open_env=state.open_env,
        )

    def _flag_span(self, site: Site, flags: Sequence[scan.Word], before: str, value: str) -> Span | None:
        """Where ``value`` stands after ``before`` in a flag; None where quotes hide it."""
        for word in reversed(flags):
            at = word.text.find(before + value)
            if at >= 0:
                start = word.start + at + len(before)
                return self._span(site, start, start + len(value))
        return None

    def _mounts(self, site: Site, state: _State) -> Iterator[ContextRead]:
        words = scan.words(site.instruction, self.dockerfile.escape) if site.instruction.flags else None
        mounts = [word for word in words.flags if word.text.startswith("--mount")] if words else []
        values = site.instruction.flag_values("mount")
        for index, value in enumerate(values):
            try:
                fields = dict(mount_fields(value))
            except ValueError:
                continue
            word = mounts[index] if len(mounts) == len(values) else None
            read = self._mount(site, state, fields, word)
            if read is not None:
                yield read

    def _mount(
        self, site: Site, state: _State, fields: Mapping[str, str], word: scan.Word | None
    ) -> ContextRead | None:
        kind = self._expand(fields.get("type", "bind"), state).text.lower()
        name = fields.get("from", "")
        origin: Origin | None = MAIN
        if name:
            span = self._flag_span(site, [word] if word else [], "from=", name)
            origin = self._origin(name, "mount", site, span)
        if origin is None or (kind != "bind" and not (kind == "cache" and name)):
            return None
        source = fields.get("source", fields.get("src", ""))
        text, unset, error = self._source(source, state)
        return ContextRead(
            instruction=site.instruction,
            stage=site.stage.index,
            kind="mount",
            source=source,
            expanded=text,
            origin=origin,
            line=site.line,
            span=self._span(site, word.start, word.end) if word else None,
            error=error,
            unset=unset,
            open_env=state.open_env,
        )


def _reads(step: Step) -> tuple[ContextRead, ...]:
    return () if isinstance(step, WorkdirStep) else step.reads


def _join(workdir: str | None, path: str) -> str | None:
    """``path`` made absolute; a trailing slash stays, since it decides what COPY does."""
    if not path.startswith("/"):
        if workdir is None:
            return None
        path = f"{workdir}/{path}"
    slash = "/" if path.endswith(("/", "/.")) else ""
    joined = posixpath.normpath("/" + path.lstrip("/"))
    return joined if joined == "/" else joined + slash
