"""SW110: the text of a Dockerfile is not valid."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from shipway.checks.facts import Facts
from shipway.checks.finding import Finding
from shipway.checks.rule import Rule
from shipway.dockerfile.syntax import printable


def _check(rule: Rule, facts: Facts) -> Iterator[Finding]:
    for build in facts.declared:
        for problem in build.build.dockerfile.problems:
            if problem.fatal:
                place = facts.place(build, problem.place.line, problem.place.column)
                yield rule.finding(
                    place, printable(problem.message), image=build.image.name, help=problem.help
                )
    for text in facts.texts:
        for problem in text.dockerfile.problems:
            if not problem.fatal:
                place = text.place(problem.place.line, problem.place.column)
                finding = rule.finding(place, printable(problem.message), help=problem.help)
                yield replace(finding, severity="warning")


RULE = Rule(
    id="SW110",
    name="invalid-dockerfile",
    severity="error",
    summary="The text of a Dockerfile is not valid",
    rationale="""\
No engine builds from this file: an unknown instruction, a flag or argument too many or too few, an unfinished
here-document, a line beyond BuildKit's limit, no FROM. What can be read of the rest is checked all the same.

```dockerfile
FROM debian:13-slim
COPPY app /app
```

The rules are those of BuildKit's parser and of its second pass over instructions. A text that engines accept
but read otherwise than it looks is a warning.
""",
    check=_check,
)
