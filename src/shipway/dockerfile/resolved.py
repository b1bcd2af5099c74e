"""A Dockerfile as one build sees it: reachable stages, images from outside, and what is read from where."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from shipway.dockerfile.syntax import Dockerfile, Instruction, Span, Stage
from shipway.errors import DockerfileError
from shipway.place import Place
from shipway.values import Platform

Via: TypeAlias = Literal["from", "copy", "mount", "context"]


@dataclass(frozen=True, slots=True)
class BaseInput:
    """An image from outside the Dockerfile that a reachable stage builds on or reads from.

    ``reference`` is the text after expansion; for a named context the image it stands for (``target:NAME``
    and ``oci-layout://PATH`` as they are), with ``context`` its name. ``scratch`` is listed too.
    ``line`` is the instruction that is blamed (for an ONBUILD trigger the child's FROM), ``span`` the
    reference (or the name of the context) in the Dockerfile, None where quotes or a continuation cut
    through it. ``platform`` is FROM's flag after expansion. ``stage`` is the stage's index.
    """

    reference: str
    via: Via
    line: int
    stage: int
    span: Span | None = None
    context: str | None = None
    platform: str | None = None


@dataclass(frozen=True, slots=True)
class UsedArg:
    """A build arg that takes effect in a reachable stage, with its value and where the value comes from."""

    name: str
    value: str
    line: int
    origin: Literal["build-arg", "default", "global", "platform"]


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a path is read from: the main context, a named local context (``name``), an earlier stage
    (``stage``), an image (``name`` is its reference), or a remote named context."""

    kind: Literal["main", "context", "stage", "image", "remote"]
    name: str = ""
    stage: int = -1


MAIN = Origin("main")


@dataclass(frozen=True, slots=True)
class ContextRead:
    """One source of COPY or ADD, one bind mount, or a FROM of a local named context.

    ``source`` is as written (of a JSON array the decoded string), ``expanded`` None when expansion failed,
    with ``error`` the reason. ``unset`` are variables without a value; with ``open_env`` they may get one
    from the image that the stage builds on. ``line`` is what BuildKit blames: for an ONBUILD trigger the
    child's FROM. ``span`` is the word in the Dockerfile.
    """

    instruction: Instruction
    stage: int
    kind: Literal["copy", "add", "mount", "from"]
    source: str
    expanded: str | None
    origin: Origin
    line: int
    span: Span | None = None
    exclude: tuple[str, ...] = ()
    parents: bool = False
    checksum: bool = False
    alone: bool = True
    error: str | None = None
    unset: frozenset[str] = frozenset()
    open_env: bool = False


@dataclass(frozen=True, slots=True)
class CopyStep:
    """A COPY or ADD of a stage. ``destination`` is absolute, with its trailing slash; None when unknown.
    ``heredocs`` are the names of the files it writes."""

    reads: tuple[ContextRead, ...]
    destination: str | None
    heredocs: tuple[str, ...]
    is_add: bool
    parents: bool


@dataclass(frozen=True, slots=True)
class RunStep:
    """A RUN: after it nobody can tell what a stage holds."""

    reads: tuple[ContextRead, ...]


@dataclass(frozen=True, slots=True)
class WorkdirStep:
    """A WORKDIR, which creates its directory; None when the path is relative to an unknown one."""

    path: str | None


Step: TypeAlias = CopyStep | RunStep | WorkdirStep


@dataclass(frozen=True, slots=True)
class ResolvedStage:
    """A reachable stage: what it builds on (``base`` is an earlier stage's index; ``scratch``; or neither,
    for an image or context from outside), its steps with triggers in place, and its final variables."""

    stage: Stage
    base: int | None
    scratch: bool
    steps: tuple[Step, ...]
    env: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class ResolveProblem:
    """Why a build with these inputs fails before any step. ``reason`` is a stable word: ``syntax``,
    ``bad-target``, ``bad-base``, ``bad-stage``, ``expansion``. ``source`` is the offending text."""

    reason: Literal["syntax", "bad-target", "bad-base", "bad-stage", "expansion"]
    message: str
    source: str
    place: Place
    help: str | None = None


@dataclass(frozen=True, slots=True)
class ResolvedBuild:
    """One build of one platform. ``target`` is the index of the stage it ends with, None when there is none.

    ``bases``, ``reads`` and ``args`` cover the reachable ``stages`` only, in the order of the file.
    ``unused_args`` are build args that no ARG declares.
    """

    dockerfile: Dockerfile
    platform: Platform
    target: int | None
    stages: tuple[ResolvedStage, ...] = ()
    bases: tuple[BaseInput, ...] = ()
    reads: tuple[ContextRead, ...] = ()
    args: tuple[UsedArg, ...] = ()
    unused_args: tuple[str, ...] = ()
    problems: tuple[ResolveProblem, ...] = ()

    @property
    def image_stages(self) -> tuple[ResolvedStage, ...]:
        """The stages that one on the other make the image, the target first."""
        by_index = {each.stage.index: each for each in self.stages}
        found: list[ResolvedStage] = []
        index = self.target
        while index is not None and index in by_index:
            found.append(by_index[index])
            index = by_index[index].base
        return tuple(found)

    def require_valid(self) -> ResolvedBuild:
        """This build. Raises DockerfileError for its first problem."""
        for problem in self.problems:
            raise DockerfileError(problem.message, place=problem.place, help=problem.help)
        return self
