"""From a resolved build to the layers and the configuration of its image, without running anything.

Follows BuildKit (dockerfile2llb, and the file operations that it leads to). Whatever cannot be done exactly
raises CannotAssemble with the line and the reason: then an engine has to build.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from e2b_dockerfile_utils import ShellLex

from shipway.assemble.archives import is_archive
from shipway.assemble.base import BaseImage
from shipway.assemble.copying import Options, copy
from shipway.assemble.layer import Entries
from shipway.assemble.metadata import Config, Settings
from shipway.assemble.root import Root
from shipway.assemble.sources import ContextSource, Documents, Source, StageSource
from shipway.assemble.users import owner_of
from shipway.dockerfile import scope
from shipway.dockerfile.parser import parse
from shipway.dockerfile.patterns import has_wildcard
from shipway.dockerfile.resolved import MAIN, Origin, ResolvedBuild, ResolvedStage
from shipway.dockerfile.sources import clean, is_remote
from shipway.dockerfile.syntax import Heredoc, Instruction
from shipway.dockerfile.validate import is_heredoc
from shipway.dockerfile.words import ExpansionError
from shipway.errors import CannotAssemble
from shipway.values import Platform

_OCTAL = re.compile(r"[0-7]{1,5}\Z")
_LARGEST_MODE = 0o7777
_LEADING_TABS = re.compile(r"^\t+", re.MULTILINE)
FLAGS = frozenset({"from", "chown", "chmod", "link", "parents", "exclude", "unpack"})


@dataclass(frozen=True, slots=True)
class Task:
    """What is to be put together. ``bases`` are the images from outside, by the index of the stage that
    builds on them; ``main`` is None for a context that is not on this machine, ``named`` are those that are.
    ``native`` is the platform of this machine."""

    build: ResolvedBuild
    args: Mapping[str, str]
    native: Platform
    main: ContextSource | None = None
    named: Mapping[str, ContextSource] = field(default_factory=dict)
    bases: Mapping[int, BaseImage] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Commit:
    """An entry of the history: the instruction, and whether it made a layer."""

    text: str
    has_layer: bool


@dataclass(slots=True)
class StageState:
    """A stage while its instructions are run. ``root`` is None where nobody read the files of the base, which
    instructions that do not look at them leave so."""

    settings: Settings
    root: Root | None
    base: BaseImage | None = None
    layers: list[Entries] = field(default_factory=list)
    commits: list[Commit] = field(default_factory=list)

    def fork(self) -> StageState:
        """What a stage starts with that builds from this one."""
        return StageState(
            self.settings.fork(),
            self.root.fork() if self.root is not None else None,
            self.base,
            list(self.layers),
            list(self.commits),
        )

    def files(self) -> Root:
        """Raises CannotAssemble when they were not read."""
        if self.root is None:
            raise CannotAssemble("the files of the base image are not known")
        return self.root

    def commit(self, instruction: Instruction, layer: Entries = ()) -> None:
        self.commits.append(Commit(instruction.original, bool(layer)))
        if layer:
            self.layers.append(layer)


def assemble(task: Task) -> StageState:
    """Run the stages of a build; what comes back is the target. Raises CannotAssemble, HostError."""
    return _Assembler(task).run()


class _Assembler:
    def __init__(self, task: Task) -> None:
        self._task = task
        self._build = task.build
        dockerfile = task.build.dockerfile
        last = (dockerfile.stages[-1].name or "") if dockerfile.stages else ""
        target = dockerfile.stages[task.build.target].name if task.build.target is not None else None
        defaults = scope.platform_args(task.build.platform, task.native, target or last)
        self._globals = scope.Globals(dockerfile, task.args, defaults)
        self._stages: dict[int, StageState] = {}
        self._origins = {
            (read.stage, id(read.instruction)): read.origin
            for read in task.build.reads
            if read.kind != "mount"
        }

    def run(self) -> StageState:
        if self._build.target is None:
            raise CannotAssemble("there is no stage to build")
        for stage in self._build.stages:
            self._stages[stage.stage.index] = self._stage(stage)
        target = self._stages[self._build.target]
        if self._task.labels:
            target.settings.config.setdefault("Labels", {}).update(self._task.labels)
        return target

    def _stage(self, stage: ResolvedStage) -> StageState:
        state = self._start(stage)
        triggers = (
            self._build.dockerfile.stages[stage.base].triggers
            if stage.base is not None
            else self._triggers(state)
        )
        state.settings.require_path()
        for instruction in (*triggers, *stage.stage.instructions):
            try:
                self._run(stage.stage.index, state, instruction)
            except CannotAssemble as refused:
                where = f"line {instruction.line}" if instruction not in triggers else "a trigger of ONBUILD"
                raise CannotAssemble(f"{where}: {instruction.keyword}: {refused.message}") from None
        return state

    def _start(self, stage: ResolvedStage) -> StageState:
        escape = self._build.dockerfile.escape
        if stage.base is not None:
            return self._stages[stage.base].fork()
        if stage.scratch:
            config: Config = {"WorkingDir": "/", "Env": [f"PATH={scope.DEFAULT_PATH}"]}
            return StageState(Settings(config, scope.scratch_env(), escape), Root())
        base = self._task.bases.get(stage.stage.index)
        if base is None:
            raise CannotAssemble(f"line {stage.stage.line}: the base is no image")
        settings = Settings(base.config, base.environment, escape)
        settings.author = base.author
        return StageState(settings, base.root.fork() if base.root is not None else None, base)

    def _triggers(self, state: StageState) -> tuple[Instruction, ...]:
        """What the base image from outside has its children run."""
        texts: Sequence[str] = state.settings.config.pop("OnBuild", ())
        found: list[Instruction] = []
        for text in texts:
            parsed = parse(b"FROM scratch\n" + text.encode("utf-8", "surrogateescape") + b"\n", "ONBUILD")
            if len(parsed.stages) != 1 or len(parsed.instructions) != 2 or parsed.problems:
                raise CannotAssemble(f"the base has a trigger that cannot be read: {text}")
            if parsed.instructions[1].flag("from"):
                raise CannotAssemble(f"the base has a trigger that reads from elsewhere: {text}")
            found.append(parsed.instructions[1])
        return tuple(found)

    # --- one instruction ----------------------------------------------------------------------

    def _run(self, index: int, state: StageState, instruction: Instruction) -> None:
        keyword = instruction.keyword
        if keyword in ("COPY", "ADD"):
            self._copy(index, state, instruction)
        elif keyword == "WORKDIR":
            _workdir(state, instruction)
        elif keyword == "ARG":
            self._declare(state, instruction)
            state.commit(instruction)
        elif state.settings.run(instruction):
            state.commit(instruction)
        else:
            raise CannotAssemble("it needs a build engine")

    def _declare(self, state: StageState, instruction: Instruction) -> None:
        env, escape = state.settings.env, self._build.dockerfile.escape
        try:
            for _ in scope.declare(instruction, env, self._task.args, self._globals, escape):
                pass
        except ExpansionError as error:
            raise CannotAssemble(str(error)) from None

    def _copy(self, index: int, state: StageState, instruction: Instruction) -> None:
        expand = state.settings.expand
        chmod = expand(instruction.flag("chmod") or "")
        linked = instruction.switched_on("link") and not chmod
        root = Root() if linked else state.files()
        _require_known_flags(instruction)
        chown = expand(instruction.flag("chown") or "")
        options = Options(
            owner_of(chown, root) if chown else None, _mode(chmod), exclude=instruction.flag_values("exclude")
        )
        destination = absolute(state.settings.workdir, expand(instruction.args[-1]))
        words = instruction.args[:-1]
        documents = () if instruction.json else tuple(word for word in words if is_heredoc(word))
        sources = [expand(word) for word in words if word not in documents]
        if sources:
            source = self._source(self._origins.get((index, id(instruction)), MAIN))
            for text in sources:
                self._copy_one(root, source, text, destination, options, instruction)
        texts = _documents(instruction.heredocs, state.settings.env) if documents else {}
        for name in texts:
            plain = Options(options.owner, options.mode)
            for named in Documents(texts).named(name):
                copy(root, Documents(texts), named, destination, plain)
        layer = root.take_layer()
        if linked and state.root is not None:
            state.root.apply(layer)
        state.commit(instruction, layer)

    def _source(self, origin: Origin) -> Source:
        if origin.kind == "stage":
            return StageSource(self._stages[origin.stage].files(), origin.name)
        if origin.kind == "image" and origin.name == "scratch":
            return StageSource(Root(), origin.name)
        source = self._task.main if origin.kind == "main" else self._task.named.get(origin.name)
        if source is None or origin.kind not in ("main", "context"):
            raise CannotAssemble(f"it reads from {origin.name or 'a context'} elsewhere")
        return source

    def _copy_one(
        self,
        root: Root,
        source: Source,
        text: str,
        destination: str,
        options: Options,
        instruction: Instruction,
    ) -> None:
        is_add = instruction.keyword == "ADD"
        if is_remote(text):
            raise CannotAssemble(f"{text} is fetched from elsewhere")
        if instruction.switched_on("parents"):
            text, pattern = _pivot(text)
            options = replace(options, include=(f"/{pattern}",))
            if not has_wildcard(text) and not has_wildcard(pattern):
                source.named(f"{text}/{pattern}")
        unpacks = is_add and (instruction.flag("unpack") is None or instruction.switched_on("unpack"))
        for named in source.named(text):
            if unpacks and named.kind == "file" and is_archive(source.node(named.path)):
                raise CannotAssemble(f"{text} is unpacked")
            copy(root, source, named, destination, options)


def _workdir(state: StageState, instruction: Instruction) -> None:
    settings = state.settings
    path = absolute(settings.workdir, settings.expand(instruction.args[0])).rstrip("/") or "/"
    settings.config["WorkingDir"] = path
    if path == "/":
        state.commit(instruction)
        return
    root = state.files()
    owner = owner_of(settings.user, root) if settings.user else None
    root.make_directories(root.real(path), owner)
    state.commit(instruction, root.take_layer())


def absolute(workdir: str, path: str) -> str:
    """``path`` from the root, with a trailing slash where it names a directory (dockerfile2llb,
    pathRelativeToWorkingDir)."""
    slash = "/" if path in ("", ".") or path.endswith(("/", "/.")) else ""
    joined = posixpath.normpath("/" + posixpath.join(workdir, path).lstrip("/"))
    return joined if joined == "/" else joined + slash


def _require_known_flags(instruction: Instruction) -> None:
    for flag in instruction.flags:
        name = flag.removeprefix("--").partition("=")[0]
        if name not in FLAGS:
            raise CannotAssemble(f"--{name} needs a build engine")


def _mode(text: str) -> int | None:
    if not text:
        return None
    if not _OCTAL.match(text) or int(text, 8) > _LARGEST_MODE:
        raise CannotAssemble(f"--chmod={text} is not in octal digits")
    return int(text, 8)


def _pivot(source: str) -> tuple[str, str]:
    """Where --parents counts from, and what is copied from there."""
    before, pivot, after = source.partition("/./")
    base, pattern = (clean(before), clean(after)) if pivot else ("", clean(source))
    if not pattern:
        raise CannotAssemble(f"--parents {source!r} names no path")
    return base, pattern


def _documents(heredocs: Sequence[Heredoc], env: Mapping[str, str]) -> dict[str, bytes]:
    return dict(_document(each, env) for each in heredocs)


def _document(heredoc: Heredoc, env: Mapping[str, str]) -> tuple[str, bytes]:
    text = _LEADING_TABS.sub("", heredoc.content) if heredoc.chomp else heredoc.content
    if heredoc.expand:
        lexer = ShellLex("\\", skip_process_quotes=True, env=env, skip_unset_env=False)
        try:
            text = lexer.process_word(text)
        except ValueError as error:
            raise CannotAssemble(f"<<{heredoc.name} cannot be expanded: {error}") from None
    return heredoc.name, text.encode("utf-8", errors="surrogateescape")
