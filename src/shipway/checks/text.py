"""A Dockerfile as rules about its text see it: once, however many builds share it.

Knows the instructions by keyword, where spans stand, and what its own comments silence: BuildKit's
``# check=skip=…`` and hadolint's ``# hadolint ignore=…``, which rules honour that find the same thing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from shipway.checks.finding import Applicability, Fix
from shipway.checks.fixes import span_edit
from shipway.dockerfile import scan
from shipway.dockerfile.syntax import Dockerfile, Instruction, Span, Stage
from shipway.place import Place

_CHECK = re.compile(r"check\s*=\s*(\S.*)", re.IGNORECASE)
_HADOLINT = re.compile(r"hadolint\s+(global\s+|stage\s+)?ignore\s*=\s*([A-Z0-9, ]+)")
_EVERYTHING = "all"


@dataclass(frozen=True)
class Text:
    """``path`` is the file for messages. Of an inline Dockerfile, ``inline`` is the place that declares it.
    ``reached`` are the indexes of the stages that some build of the fleet needs."""

    dockerfile: Dockerfile
    path: str
    inline: Place | None
    reached: frozenset[int]

    @cached_property
    def by_keyword(self) -> Mapping[str, tuple[tuple[Stage, Instruction], ...]]:
        """The instructions of the stages, in the order of the file."""
        found: dict[str, list[tuple[Stage, Instruction]]] = {}
        for stage in self.dockerfile.stages:
            for each in stage.instructions:
                found.setdefault(each.keyword, []).append((stage, each))
        return {keyword: tuple(each) for keyword, each in found.items()}

    def of(self, *keywords: str) -> Iterator[tuple[Stage, Instruction]]:
        """The instructions with one of ``keywords``, each with its stage."""
        for keyword in keywords:
            yield from self.by_keyword.get(keyword, ())

    def place(self, line: int, column: int = 0) -> Place:
        """A place in the file; of an inline Dockerfile the place that declares it."""
        return self.inline or Place(self.path, line, column)

    def keyword_span(self, instruction: Instruction) -> Span:
        """Where the keyword stands."""
        span = instruction.span
        return Span(span.start, span.start + len(instruction.keyword), span.line, span.column)

    def argument_span(self, instruction: Instruction, index: int) -> Span | None:
        """Where an argument, split on blanks, stands; None where a continuation cuts through it."""
        words = scan.words(instruction, self.dockerfile.escape).args
        if not -len(words) <= index < len(words):
            return None
        return scan.locate(self.dockerfile, instruction, words[index].start, words[index].end)

    def word_span(self, instruction: Instruction, text: str) -> Span | None:
        """Where ``text`` first stands as a part of the instruction's arguments."""
        lead = scan.leading_blanks(instruction.original)
        at = instruction.original.find(text, lead + len(instruction.keyword)) if text else -1
        return scan.locate(self.dockerfile, instruction, at, at + len(text)) if at >= 0 else None

    def fix(self, applicability: Applicability, title: str, *changes: tuple[Span | None, str]) -> Fix | None:
        """A fix that replaces spans; None where one is unknown, or the file is inline."""
        spans = [(span, text) for span, text in changes if span is not None]
        if self.inline is not None or len(spans) < len(changes):
            return None
        edits = tuple(span_edit(self.path, self.dockerfile, span, text) for span, text in spans)
        return Fix(applicability, title, edits)

    def insert_above(self, instruction: Instruction, line: str) -> Fix | None:
        """An unsafe fix that writes a line above an instruction, indented and ended as that one is."""
        own = scan.line_text(self.dockerfile.text, self.dockerfile.line_starts, instruction.line)
        start = self.dockerfile.line_starts[instruction.line - 1]
        end = "\r\n" if self.dockerfile.text.startswith("\r\n", start + len(own)) else "\n"
        indent = own[: scan.leading_blanks(own)]
        here = Span(start, start, instruction.line, 1)
        return self.fix("unsafe", f"write {line} above", (here, f"{indent}{line}{end}"))

    # --- what comments of the file silence ------------------------------------------------------

    def silences(self, line: int, names: Iterable[str]) -> bool:
        """Whether the file's own comments switch off one of ``names``, BuildKit's or hadolint's name of a
        rule, for the instruction at ``line``."""
        skipped = self._everywhere | self._above.get(line, frozenset())
        if not skipped:
            return False
        wanted = tuple(names)
        checked = _EVERYTHING in skipped and any(not name.startswith("DL") for name in wanted)
        return checked or not skipped.isdisjoint(wanted)

    @cached_property
    def _everywhere(self) -> frozenset[str]:
        head = self.dockerfile.directive("check")
        found = _skipped(head) if head is not None else frozenset()
        for comment in self.dockerfile.comments if "hadolint" in self.dockerfile.text else ():
            match = _HADOLINT.match(comment.text)
            if match is not None and (match[1] or "").strip() == "global":
                found |= _codes(match[2])
        return found

    @cached_property
    def _above(self) -> Mapping[int, frozenset[str]]:
        """The names that comments directly above an instruction silence, by its line."""
        text = self.dockerfile.text
        if "hadolint" not in text and "check" not in text.lower():
            return {}
        comments = {comment.span.line: comment.text for comment in self.dockerfile.comments}
        found: dict[int, frozenset[str]] = {}
        for stage in self.dockerfile.stages:
            whole = self._stage_wide(stage, comments)
            for each in (stage.origin, *stage.instructions):
                names = whole.union(*_block(each.line, comments))
                if names:
                    found[each.line] = names
        return found

    @staticmethod
    def _stage_wide(stage: Stage, comments: Mapping[int, str]) -> frozenset[str]:
        last = stage.instructions[-1].line if stage.instructions else stage.line
        found: frozenset[str] = frozenset()
        for line in range(stage.line - 1, last):
            match = _HADOLINT.match(comments.get(line, ""))
            if match is not None and (match[1] or "").strip() == "stage":
                found |= _codes(match[2])
        return found


def _block(line: int, comments: Mapping[int, str]) -> Iterator[frozenset[str]]:
    """What each comment of the block that ends above ``line`` silences."""
    while (line := line - 1) in comments:
        check = _CHECK.match(comments[line])
        if check is not None:
            yield _skipped(check[1].split(" ", 1)[0])
        match = _HADOLINT.match(comments[line])
        if match is not None and match[1] is None:
            yield _codes(match[2])


def _skipped(options: str) -> frozenset[str]:
    """The names in the ``skip=`` of BuildKit's check options (linter.ParseLintOptions)."""
    for option in options.split(";"):
        key, _, value = option.partition("=")
        if key.strip() == "skip":
            return frozenset(name.strip() for name in value.split(","))
    return frozenset()


def _codes(text: str) -> frozenset[str]:
    return frozenset(re.findall(r"[A-Z]{2}[0-9]{4}", text))
