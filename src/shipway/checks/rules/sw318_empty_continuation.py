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
    for span in _blank_lines(text, each):
        yield from tell(
            rule,
            text,
            each,
            f"an empty line within {each.keyword}",
            span,
            cause="BuildKit reads over it, and says that it will be an error",
            help="delete the line, or begin it with #",
            fix=text.fix("safe", "delete the empty line", (span, "")),
        )


def _blank_lines(text: Text, instruction: Instruction) -> Iterator[Span]:
    """The empty lines between those that continue each other, each with its line end."""
    starts = (*text.dockerfile.line_starts, len(text.dockerfile.text))
    last = instruction.line
    for start, _ in scan.segments(text.dockerfile, instruction):
        line = scan.span_at(text.dockerfile.line_starts, start, start).line
        for between in range(last + 1, line):
            if not text.dockerfile.text[starts[between - 1] : starts[between]].strip():
                yield Span(starts[between - 1], starts[between], between, 1)
        last = line


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
