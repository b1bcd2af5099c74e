"""From a Dockerfile, a target, args and a platform to what one build reads (BuildKit, dockerfile2llb)."""

from __future__ import annotations

import difflib
import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

from shipway.dockerfile import scan, scope
from shipway.dockerfile.resolved import (
    MAIN,
    BaseInput,
    ContextRead,
    CopyStep,
    Origin,
    ResolvedBuild,
    ResolvedStage,
    ResolveProblem,
    RunStep,
    Step,
    UsedArg,
    Via,
    WorkdirStep,
)
from shipway.dockerfile.stages import stage_named
from shipway.dockerfile.syntax import Dockerfile, Instruction, Span, Stage
from shipway.dockerfile.validate import is_heredoc, mount_fields
from shipway.dockerfile.words import Expansion, ExpansionError, expand
from shipway.errors import InvalidValue
from shipway.values import Place, Platform, Reference

NOTHING: Mapping[str, str] = MappingProxyType({})
LINUX_AMD64 = Platform("linux", "amd64")
SCRATCH = "scratch"

_INDEX = re.compile(r"[+-]?[0-9]+\Z")
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


@dataclass(frozen=True, slots=True)
class _Site:
    """An instruction that is run in ``stage``, and the line that is blamed for it."""

    instruction: Instruction
    stage: Stage
    line: int
    triggered: bool


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
        self.stages = dockerfile.stages
        self.target = target
        self.args = args
        self.platform = platform
        self.contexts = {_context_key(name): (name, value) for name, value in contexts.items()}
        last = (self.stages[-1].name or "") if self.stages else ""
        defaults = scope.platform_args(platform, build_platform, target or last)
        self.globals = scope.Globals(dockerfile, args, defaults)
        self.problems: list[ResolveProblem] = []
        self.bases: list[BaseInput] = []
        self.used: dict[UsedArg, None] = {}
        self.states: dict[int, _State] = {}
        self.base_texts: list[str] = []

    def run(self) -> ResolvedBuild:
        for each in self.dockerfile.problems:
            if each.fatal:
                self.problems.append(ResolveProblem("syntax", each.message, "", each.place, each.help))
        for instruction, word, why in self.globals.errors:
            self._problem("expansion", f"cannot expand {word!r}: {why}", word, instruction.line)
        self.base_texts = [self._base_text(stage) for stage in self.stages]
        self._check_indexes()
        target = self._target()
        stages = [self._stage(stage) for stage in self._reachable(target)] if target is not None else []
        return ResolvedBuild(
            dockerfile=self.dockerfile,
            platform=self.platform,
            target=target,
            stages=tuple(stages),
            bases=tuple(self.bases),
            reads=tuple(read for stage in stages for step in stage.steps for read in _reads(step)),
            args=tuple(self.used),
            unused_args=self._unused_args(),
            problems=tuple(dict.fromkeys(self.problems)),
        )

    def _problem(
        self,
        reason: Literal["bad-target", "bad-base", "bad-stage", "expansion"],
        message: str,
        source: str,
        line: int,
        help: str | None = None,
    ) -> None:
        place = Place(self.dockerfile.path, line)
        self.problems.append(ResolveProblem(reason, message, source, place, help))

    def _unused_args(self) -> tuple[str, ...]:
        declared = {
            name
            for each in self.dockerfile.instructions
            if each.keyword == "ARG"
            for name, _ in scope.declarations(each)
        }
        return tuple(sorted(set(self.args) - declared - scope.PREDEFINED_ARGS))

    # --- which stages -------------------------------------------------------------------------

    def _target(self) -> int | None:
        if self.target is None:
            return self.stages[-1].index if self.stages else None
        found = stage_named(self.stages, self.target)
        if found is None:
            names = [stage.name for stage in self.stages if stage.name]
            close = difflib.get_close_matches(self.target.lower(), names, 1)
            help = (
                f"did you mean {close[0]}?" if close else f"stages: {', '.join(names) or 'none has a name'}"
            )
            self._problem("bad-target", f"there is no stage {self.target!r}", self.target, 0, help)
            return None
        return found.index

    def _reachable(self, target: int) -> Sequence[Stage]:
        """The stages that the target needs; they only ever point to earlier ones."""
        wanted = {target}
        for stage in reversed(self.stages[: target + 1]):
            if stage.index in wanted:
                wanted.update(self._needs(stage))
        return [stage for stage in self.stages if stage.index in wanted]

    def _needs(self, stage: Stage) -> Iterator[int]:
        if self._replacement(stage) is not None:
            return
        base = self._base_stage(stage)
        if base is not None:
            yield base.index
        for site in self._sites(stage, base):
            for name, by_index in _from_names(site.instruction):
                found = self._source_stage(name, by_index)
                if found is not None and found.index < stage.index:
                    yield found.index

    def _base_text(self, stage: Stage) -> str:
        """The base of a stage after expansion; BuildKit expands all of them, reachable or not."""
        try:
            text = expand(stage.base, self.globals.values, self.dockerfile.escape).text
        except ExpansionError as error:
            self._problem("bad-base", f"cannot expand {stage.base!r}: {error}", stage.base, stage.line)
            return ""
        if not text and stage.base:
            self._problem(
                "bad-base",
                f"FROM {stage.base} names nothing after expansion",
                stage.base,
                stage.line,
                "give the ARG a default before the first FROM, or pass the build arg",
            )
        return text

    def _base_stage(self, stage: Stage) -> Stage | None:
        text = self.base_texts[stage.index]
        return next((each for each in reversed(self.stages[: stage.index]) if each.name == text), None)

    def _source_stage(self, name: str, by_index: bool) -> Stage | None:
        if by_index and _INDEX.match(name):
            index = int(name)
            return self.stages[index] if 0 <= index < len(self.stages) else None
        return stage_named(self.stages, name)

    def _context(self, name: str) -> tuple[str, str] | None:
        return self.contexts.get(_context_key(name)) if name and name != SCRATCH else None

    def _replacement(self, stage: Stage) -> tuple[str, str] | None:
        """The named context that stands in for a whole stage."""
        return self._context(stage.name) if stage.name else None

    def _check_indexes(self) -> None:
        """A number that names no stage fails the build even in a stage that is not built."""
        for stage in self.stages:
            for each in stage.instructions:
                name = each.flag("from") if each.keyword == "COPY" else None
                if name and _INDEX.match(name) and not 0 <= int(name) < len(self.stages):
                    self._problem("bad-stage", f"there is no stage number {name}", name, each.line)

    def _sites(self, stage: Stage, base: Stage | None) -> Iterator[_Site]:
        """What runs in a stage: the triggers of its base first, blamed on its FROM, then its own lines."""
        if base is not None and self._replacement(base) is None:
            for trigger in base.triggers:
                yield _Site(trigger, stage, stage.line, True)
        for each in stage.instructions:
            yield _Site(each, stage, each.line, False)

    # --- one stage ----------------------------------------------------------------------------

    def _stage(self, stage: Stage) -> ResolvedStage:
        replaced = self._replacement(stage)
        if replaced is not None:
            state = _State({}, True, None)
            self._named_base(stage, replaced, state)
            self.states[stage.index] = state
            return ResolvedStage(stage, None, False, tuple(state.steps), {})
        base = self._base_stage(stage)
        state = self._start(stage, base)
        self.states[stage.index] = state
        for site in self._sites(stage, base):
            self._run(site, state)
        scratch = base is None and self.base_texts[stage.index] == SCRATCH
        return ResolvedStage(
            stage, base.index if base else None, scratch, tuple(state.steps), dict(state.env)
        )

    def _start(self, stage: Stage, base: Stage | None) -> _State:
        self._use_globals(stage)
        if base is not None:
            before = self.states[base.index]
            return _State(dict(before.env), before.open_env, before.workdir)
        text = self.base_texts[stage.index]
        if text == SCRATCH:
            self._base(text, "from", stage, stage.line, self._from_span(stage))
            return _State(scope.scratch_env(), False, "/")
        state = _State({}, True, None)
        named = self._context(text)
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
            self._problem(
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
            self._problem(reason, message, text if via != "from" else stage.base, line, error.cause)
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
        self, name: str, via: Literal["copy", "mount"], site: _Site, span: Span | None
    ) -> Origin | None:
        """Where ``--from`` or ``from=`` leads; None when it leads nowhere."""
        by_index = via == "copy" and _INDEX.match(name) is not None
        named = None if by_index else self._context(name)
        if named is not None:
            return self._context_origin(named, site.stage, site.line, span)
        found = self._source_stage(name, via == "copy")
        if found is not None and found.index < site.stage.index:
            return Origin("stage", found.name or str(found.index), found.index)
        if found is not None:
            what = "itself" if found.index == site.stage.index else f"stage {name}, which comes later"
            self._problem("bad-stage", f"the stage reads from {what}", name, site.line)
            return None
        if by_index:
            return None
        if via == "mount" and "$" in name:
            return None
        if "$" in name:
            self._problem(
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

    def _run(self, site: _Site, state: _State) -> None:
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
            self._problem("expansion", f"cannot expand a word of {keyword}: {error}", source, site.line)

    def _expand(self, word: str, state: _State) -> Expansion:
        return expand(word, state.env, self.dockerfile.escape)

    def _span(self, site: _Site, start: int, end: int) -> Span | None:
        return scan.locate(self.dockerfile, site.instruction, start, end)

    def _copy(self, site: _Site, state: _State) -> None:
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
            self._problem(
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
        self, site: _Site, state: _State, source: str, origin: Origin, word: scan.Word | None
    ) -> ContextRead:
        instruction = site.instruction
        text, error = None, None
        unset: frozenset[str] = frozenset()
        try:
            expansion = self._expand(source, state)
            text, unset = expansion.text, expansion.unset
        except ExpansionError as failure:
            error = str(failure)
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

    def _flag_span(self, site: _Site, flags: Sequence[scan.Word], before: str, value: str) -> Span | None:
        """Where ``value`` stands after ``before`` in a flag; None where quotes hide it."""
        for word in reversed(flags):
            at = word.text.find(before + value)
            if at >= 0:
                start = word.start + at + len(before)
                return self._span(site, start, start + len(value))
        return None

    def _mounts(self, site: _Site, state: _State) -> Iterator[ContextRead]:
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
        self, site: _Site, state: _State, fields: Mapping[str, str], word: scan.Word | None
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
        text, error = None, None
        unset: frozenset[str] = frozenset()
        try:
            expansion = self._expand(source, state)
            text, unset = expansion.text, expansion.unset
        except ExpansionError as failure:
            error = str(failure)
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


def _from_names(instruction: Instruction) -> Iterator[tuple[str, bool]]:
    """What an instruction reads from besides the main context; only COPY takes stage numbers."""
    if instruction.keyword == "COPY" and (name := instruction.flag("from")):
        yield name, True
    if instruction.keyword == "RUN":
        for value in instruction.flag_values("mount"):
            try:
                yield from ((text, False) for key, text in mount_fields(value) if key == "from" and text)
            except ValueError:
                continue


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


def _context_key(name: str) -> str:
    """Context names compare as image names do: without ``docker.io/library/`` and ``:latest``."""
    try:
        return Reference.parse(name).familiar.removesuffix(":latest")
    except InvalidValue:
        return name
