"""SW318: an empty line within an instruction."""

from __future__ import annotations

from collections.abc import Iterator

from shipway.checks.facts import Facts
from shipway.checks.finding import Finding
from shipway.checks.quality import tell
from shipway.checks.rule import Rule
from shipway.checks.text import Text
from shipway.dockerfile import scan
from shipway.dockerfile.syntax import Instruction, Span


def _check(rule: Rule, facts: Facts) -> Iterator[Finding]:
    for text in facts.texts:
        if any(not problem.fatal for problem in text.dockerfile.problems):
            for each in text.dockerfile.instructions:
                yield from _of_instruction(rule, text, each)


def _of_instruction(rule: Rule, text: Text, each: Instruction) -> Iterator[Finding]:
    for line in _blank_lines(text, each):
        start, end = _line_end(text, line - 1), _line_end(text, line)
        yield from tell(
            rule,
            text,
            each,
            f"an empty line within {each.keyword}",
            Span(start, end, line, 1),
            cause="BuildKit reads over it, and says that it will be an error",
            help="delete the line, or begin it with #",
            fix=text.fix("safe", "delete the empty line", (Span(start, end, line, 1), "")),
        )


def _blank_lines(text: Text, instruction: Instruction) -> Iterator[int]:
    """The empty lines between those that continue each other."""
    dockerfile = text.dockerfile
    last = instruction.line
    for start, _ in scan.segments(dockerfile, instruction):
        line = scan.span_at(dockerfile.line_starts, start, start).line
        for between in range(last + 1, line):
            if not scan.line_text(dockerfile.text, dockerfile.line_starts, between).strip():
                yield between
        last = line


def _line_end(text: Text, line: int) -> int:
    """Where the text of a line ends, before its line end."""
    starts = text.dockerfile.line_starts
    return starts[line - 1] + len(scan.line_text(text.dockerfile.text, starts, line))


RULE = Rule(
    id="SW318",
    name="empty-continuation",
    severity="info",
    summary="An empty line within an instruction",
    rationale="""\
A backslash at the end of a line goes on with the next one. When that is empty, the reader sees the end of the
instruction and the engine does not; a later release will take it for an error.

```dockerfile
RUN apt-get update && \\

    apt-get install -y curl
```

Delete the empty line. BuildKit: NoEmptyContinuation.
""",
    check=_check,
    fix="safe",
    aliases=("NoEmptyContinuation",),
)
