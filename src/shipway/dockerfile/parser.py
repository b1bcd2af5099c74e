"""Bytes to a Dockerfile value, with BuildKit's own reading of every instruction.

A wrapper over the pinned e2b-dockerfile-utils, a port of BuildKit's parser. It adds what that one leaves out:
places, comments and directives; going on after a bad line; ONBUILD triggers; COPY and ADD split on blanks.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from e2b_dockerfile_utils import (
    DockerfileInstruction,
    DockerfileSyntaxError,
    ShellLex,
    parse_dockerfile_ast,
    parse_heredoc,
)

from shipway.dockerfile import scan
from shipway.dockerfile.stages import split
from shipway.dockerfile.syntax import (
    Directive,
    Dockerfile,
    Heredoc,
    Instruction,
    Span,
    SyntaxProblem,
    printable,
)
from shipway.dockerfile.validate import instruction_problems, structure_problems
from shipway.place import Place

MAX_LINE_BYTES = 65_535
_LONG_DIRECTIVE = 1_000
KEYWORDS = (
    *(
        "ADD",
        "ARG",
        "CMD",
        "COPY",
        "ENTRYPOINT",
        "ENV",
        "EXPOSE",
        "FROM",
        "HEALTHCHECK",
        "LABEL",
        "MAINTAINER",
    ),
    *("ONBUILD", "RUN", "SHELL", "STOPSIGNAL", "USER", "VOLUME", "WORKDIR"),
)
_WITH_HEREDOC = frozenset({"ADD", "COPY", "RUN", "ONBUILD"})


def parse(data: bytes, path: str) -> Dockerfile:
    """The Dockerfile in ``data``, called ``path`` in messages. Never raises for what the text says.

    A line that cannot be read becomes a problem and is left out; reading goes on after it.
    """
    text = data.decode("utf-8", errors="surrogateescape")
    return _Reader(text, path).read()


@dataclass(slots=True)
class _Read:
    """An instruction of the parser underneath and the lines it came from."""

    raw: DockerfileInstruction
    line: int
    end_line: int


class _Reader:
    def __init__(self, text: str, path: str) -> None:
        self.text = text
        self.path = path
        self.starts = scan.line_starts(text)
        self.problems: list[SyntaxProblem] = []
        self.directives = scan.directives(text, self.starts, path)
        self.escape = self._escape()
        self.bodies: list[range] = []

    def read(self) -> Dockerfile:
        self._long_lines()
        instructions = tuple(self._build(read) for read in self._instructions())
        stages, global_args = split(instructions)
        return Dockerfile(
            path=self.path,
            text=self.text,
            escape=self.escape,
            instructions=instructions,
            global_args=global_args,
            stages=stages,
            comments=scan.comments(self.text, self.starts, self.bodies),
            directives=self.directives,
            problems=(),
            line_starts=self.starts,
        ).with_problems(
            (
                *self.problems,
                *instruction_problems(instructions, self.path),
                *structure_problems(self.path, instructions),
            )
        )

    # --- the head of the file -----------------------------------------------------------------

    def _escape(self) -> str:
        """The escape character. A ``#!`` line switches the directive off, since BuildKit's parser reads
        line by line and takes it for the end of the block."""
        escape = "\\"
        seen: set[str] = set()
        for each in self.directives:
            if each.form != "hash":
                continue
            if each.name in seen:
                self._problem(f"only one {each.name} directive can be used", each.place)
            elif each.name == "escape":
                escape = self._escape_of(each, escape)
            seen.add(each.name)
        return "\\" if self.text.startswith("#!", self.starts[0]) else escape

    def _escape_of(self, directive: Directive, default: str) -> str:
        if directive.value in ("\\", "`"):
            return directive.value
        self._problem(f"{directive.value!r} is no escape character", directive.place, "write ` or \\")
        return default

    def _long_lines(self) -> None:
        if len(self.text) <= MAX_LINE_BYTES // 4:
            return
        for line, start in enumerate(self.starts, 1):
            end = self.starts[line] if line < len(self.starts) else len(self.text)
            raw = self.text[start:end].rstrip("\n") if (end - start) * 4 > MAX_LINE_BYTES else ""
            if len(raw.encode("utf-8", "surrogateescape")) > MAX_LINE_BYTES:
                self._problem(f"the line is longer than {MAX_LINE_BYTES} bytes", self._place(line))

    def _problem(self, message: str, place: Place, help: str | None = None, *, fatal: bool = True) -> None:
        self.problems.append(SyntaxProblem(printable(message), place, fatal, help))

    def _place(self, line: int) -> Place:
        raw = scan.line_text(self.text, self.starts, line)
        return Place(self.path, line, scan.leading_blanks(raw) + 1)

    # --- instructions -------------------------------------------------------------------------

    def _instructions(self) -> list[_Read]:
        """The whole file at once where it is plain and sound, else one logical line after the other."""
        if not self._is_plain():
            return list(self._one_by_one())
        try:
            ast = parse_dockerfile_ast(self.text)
        except (DockerfileSyntaxError, RecursionError):
            return list(self._one_by_one())
        for warning in ast.warnings:
            self._problem("blank line within a continued instruction", self._place(warning.line), fatal=False)
        return [_Read(each, each.start_line, each.end_line) for each in ast.instructions]

    def _is_plain(self) -> bool:
        """False for what the parser underneath misreads, or reads in more than linear time."""
        head = [*self.starts, len(self.text)][: len(self.directives) + 2]
        if any(end - start > _LONG_DIRECTIVE for start, end in pairwise(head)):
            return False
        return "<<" not in self.text or "onbuild" not in self.text.lower()

    def _one_by_one(self) -> Iterator[_Read]:
        line = 1
        while line <= len(self.starts):
            raw = scan.line_text(self.text, self.starts, line)
            lead = scan.leading_blanks(raw)
            if lead == len(raw) or raw[lead] == "#" or scan.continued(raw[lead:], self.escape) == 0:
                line += 1
                continue
            chunk = _Chunk(self.text, self.starts, self.escape, line)
            try:
                yield self._parse_chunk(chunk)
            except (DockerfileSyntaxError, RecursionError) as error:
                self._problem(_reason(error), self._place(line), _help(error, chunk.keyword))
            line = chunk.end_line + 1

    def _parse_chunk(self, chunk: _Chunk) -> _Read:
        if chunk.blank_line:
            self._problem(
                "blank line within a continued instruction", self._place(chunk.blank_line), fatal=False
            )
        text = chunk.logical + "\n" + (chunk.body if chunk.keyword != "ONBUILD" else "")
        found = self._parse_text(text)
        if len(found) != 1:
            raise DockerfileSyntaxError("no instruction")
        return _Read(found[0], chunk.line, chunk.end_line)

    def _parse_text(self, text: str) -> list[DockerfileInstruction]:
        # the directive also keeps a byte order mark within the file from being dropped as its first character
        return parse_dockerfile_ast(f"# escape={self.escape}\n{text}").instructions

    # --- values -------------------------------------------------------------------------------

    def _build(self, read: _Read) -> Instruction:
        raw = read.raw
        instruction = self._instruction(raw, read.line, read.end_line, self._span(read), 0)
        heredocs = instruction.heredocs
        if raw.name == "ONBUILD":
            instruction = self._with_trigger(instruction)
            heredocs = instruction.trigger.heredocs if instruction.trigger else ()
        if heredocs or read.end_line > read.line:
            body = sum(each.content.count("\n") + 1 for each in heredocs)
            if body:
                self.bodies.append(range(read.end_line - body + 1, read.end_line + 1))
        return instruction

    def _instruction(
        self, raw: DockerfileInstruction, line: int, end_line: int, span: Span, shift: int
    ) -> Instruction:
        instruction = Instruction(
            keyword=raw.name,
            original=raw.original,
            flags=tuple(raw.flags),
            args=tuple(raw.args),
            json=raw.json,
            heredocs=tuple(Heredoc(h.name, h.content, h.expand, h.chomp) for h in raw.heredocs),
            line=line,
            end_line=end_line,
            span=span,
            shift=shift,
        )
        if raw.name in ("COPY", "ADD") and not raw.json and self._needs_split(raw.original):
            args = tuple(word.text for word in scan.words(instruction, self.escape).args)
            return replace(instruction, args=args)
        return instruction

    def _needs_split(self, original: str) -> bool:
        return '"' in original or "'" in original or self.escape in original or not original.isascii()

    def _span(self, read: _Read) -> Span:
        start = self.starts[read.line - 1]
        start += scan.leading_blanks(scan.line_text(self.text, self.starts, read.line))
        last = self.starts[read.end_line - 1]
        end = last + len(scan.line_text(self.text, self.starts, read.end_line))
        return Span(start, end, read.line, start - self.starts[read.line - 1] + 1)

    def _with_trigger(self, instruction: Instruction) -> Instruction:
        """Read what stands after ONBUILD as BuildKit does when the trigger fires."""
        shift = scan.trigger_offset(instruction.original)
        if shift is None:
            return instruction
        chunk = _Chunk(self.text, self.starts, self.escape, instruction.line)
        try:
            found = self._parse_text(instruction.original[shift:] + "\n" + chunk.body)
        except (DockerfileSyntaxError, RecursionError) as error:
            self._problem(f"ONBUILD: {_reason(error)}", self._place(instruction.line))
            return instruction
        if not found:
            return instruction
        trigger = self._instruction(found[0], instruction.line, instruction.end_line, instruction.span, shift)
        return replace(instruction, trigger=trigger)


class _Chunk:
    """One logical line and its here-document bodies, found without the parser underneath."""

    def __init__(self, text: str, starts: Sequence[int], escape: str, line: int) -> None:
        self._text = text
        self._starts = starts
        self.line = line
        self.end_line = line
        self.blank_line = 0
        self.logical = self._join(escape)
        self.keyword = (self.logical.split(None, 1) or [""])[0].upper()
        self.body = self._bodies()

    def _join(self, escape: str) -> str:
        parts: list[str] = []
        line = self.line
        raw = scan.line_text(self._text, self._starts, line)
        raw = raw[scan.leading_blanks(raw) :]
        while (cut := scan.continued(raw, escape)) is not None and line < len(self._starts):
            parts.append(raw[:cut])
            line += 1
            raw = scan.line_text(self._text, self._starts, line)
            while scan.is_dropped(raw) and line < len(self._starts):
                self.blank_line = self.blank_line or (0 if raw.strip() else line)
                line += 1
                raw = scan.line_text(self._text, self._starts, line)
            if scan.is_dropped(raw):
                raw = ""
        parts.append(raw if cut is None else raw[:cut])
        self.end_line = line
        return "".join(parts)

    def _bodies(self) -> str:
        """The lines of the here-documents; without a terminator, all that follows."""
        if self.keyword not in _WITH_HEREDOC or "<<" not in self.logical:
            return ""
        first = self.end_line + 1
        for name, chomp in _heredoc_names(self.logical):
            self.end_line = self._terminator(name, chomp)
        if self.end_line < first:
            return ""
        end = self._starts[self.end_line] if self.end_line < len(self._starts) else len(self._text)
        return self._text[self._starts[first - 1] : end]

    def _terminator(self, name: str, chomp: bool) -> int:
        for line in range(self.end_line + 1, len(self._starts) + 1):
            raw = scan.line_text(self._text, self._starts, line)
            if (raw.lstrip("\t") if chomp else raw) == name:
                return line
        return len(self._starts)


def _heredoc_names(logical: str) -> list[tuple[str, bool]]:
    try:
        words = ShellLex("\\", raw_quotes=True, raw_escapes=True).process_words(logical)
        found = [parse_heredoc(word) for word in words]
    except ValueError:
        return []
    return [(each.name, each.chomp) for each in found if each is not None]


def _help(error: Exception, keyword: str) -> str | None:
    if "unknown instruction" not in str(error):
        return None
    close = difflib.get_close_matches(keyword, KEYWORDS, 1)
    return f"did you mean {close[0]}?" if close else None


def _reason(error: DockerfileSyntaxError | RecursionError) -> str:
    if isinstance(error, RecursionError):
        return "the JSON array is nested too deeply"
    return str(error).split(": ", 1)[-1]
