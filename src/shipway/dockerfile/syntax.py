"""What a Dockerfile says, as values that know where they stand.

Offsets, lines and columns count characters of ``Dockerfile.text``, which is the file decoded as UTF-8 with
``surrogateescape``: encoding it the same way gives back the exact bytes. Lines and columns start at 1; a
byte order mark has no column.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from shipway.errors import DockerfileError
from shipway.place import Place


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of the text: offsets ``start`` to ``end`` (exclusive), and where it starts."""

    start: int
    end: int
    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Heredoc:
    """A here-document. ``content`` is its body as written; ``expand`` is False when its name is quoted."""

    name: str
    content: str
    expand: bool
    chomp: bool


@dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction, read as BuildKit's parser reads it.

    ``keyword`` is in upper case. ``original`` is the logical line: continuations joined, comments left out.
    ``flags`` are whole words with quotes removed (``--from=build``). ``args`` of ENV and LABEL come as
    triples (name, value, separator); ``json`` tells whether they were given as a JSON array. ``line`` and
    ``end_line`` include the bodies of ``heredocs``. ``trigger`` is the instruction after ONBUILD; there
    ``shift`` is the offset of its ``original`` within the one of the line that holds it.
    """

    keyword: str
    original: str
    flags: tuple[str, ...]
    args: tuple[str, ...]
    json: bool
    heredocs: tuple[Heredoc, ...]
    line: int
    end_line: int
    span: Span
    trigger: Instruction | None = None
    shift: int = 0

    def flag(self, name: str) -> str | None:
        """The value of ``--name=value``, the last one where it stands twice; None without it."""
        prefix = f"--{name}="
        return next((flag[len(prefix) :] for flag in reversed(self.flags) if flag.startswith(prefix)), None)

    def flag_values(self, name: str) -> tuple[str, ...]:
        """Every value of a flag that may stand several times."""
        prefix = f"--{name}="
        return tuple(flag[len(prefix) :] for flag in self.flags if flag.startswith(prefix))

    def switched_on(self, name: str) -> bool:
        """Whether a boolean flag is set: ``--name``, or ``--name=true``."""
        if f"--{name}" in self.flags:
            return True
        value = self.flag(name)
        return value is not None and value.lower() == "true"


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment line, ``text`` without the ``#`` and the blanks around it."""

    text: str
    span: Span


@dataclass(frozen=True, slots=True)
class Directive:
    """A parser directive: ``syntax``, ``escape`` or ``check``, in the form it was written in."""

    name: str
    value: str
    place: Place
    form: Literal["hash", "slashes", "json"] = "hash"


def printable(text: str) -> str:
    """``text`` fit for messages: bytes that were not UTF-8 are shown as ``\\udcXX``."""
    return text.encode("utf-8", errors="backslashreplace").decode("utf-8")


@dataclass(frozen=True, slots=True)
class SyntaxProblem:
    """Something about the text itself. ``fatal``: no engine builds from this file."""

    message: str
    place: Place
    fatal: bool = True
    help: str | None = None


@dataclass(frozen=True, slots=True)
class Stage:
    """A build stage. ``name`` is in lower case, None without AS; ``base`` and ``platform`` are as written."""

    index: int
    name: str | None
    base: str
    platform: str | None
    origin: Instruction
    instructions: tuple[Instruction, ...]

    @property
    def line(self) -> int:
        return self.origin.line

    @property
    def triggers(self) -> tuple[Instruction, ...]:
        """The instructions that ONBUILD defers to the stages that build from this one."""
        return tuple(each.trigger for each in self.instructions if each.trigger is not None)


@dataclass(frozen=True, slots=True, eq=False)
class Dockerfile:
    """A parsed Dockerfile; two of them are equal when they are the same object.

    ``global_args`` are the ARG instructions before the first FROM. ``line_starts`` holds the offset of each
    line. ``problems`` is empty when every engine reads the file; what could be read is there in any case.
    """

    path: str
    text: str
    escape: str
    instructions: tuple[Instruction, ...]
    global_args: tuple[Instruction, ...]
    stages: tuple[Stage, ...]
    comments: tuple[Comment, ...]
    directives: tuple[Directive, ...]
    problems: tuple[SyntaxProblem, ...]
    line_starts: tuple[int, ...]

    def directive(self, name: str) -> str | None:
        """The value of a parser directive, None where the file does not set it."""
        return next((each.value for each in self.directives if each.name == name), None)

    def require_valid(self) -> Dockerfile:
        """This Dockerfile. Raises DockerfileError for the first problem that no engine would accept."""
        for problem in self.problems:
            if problem.fatal:
                raise DockerfileError(problem.message, place=problem.place, help=problem.help)
        return self

    def with_problems(self, problems: tuple[SyntaxProblem, ...]) -> Dockerfile:
        """The same file with further problems, in the order of their places."""
        merged = sorted(self.problems + problems, key=lambda each: (each.place.line, each.place.column))
        return replace(self, problems=tuple(merged))
