"""SW112: a line of an ignore file that makes engines reject the whole file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from shipway.checks.facts import Facts
from shipway.checks.finding import Finding
from shipway.checks.rule import Rule
from shipway.dockerfile.syntax import printable
from shipway.fleet.roots import below, prefix_of


def _check(rule: Rule, facts: Facts) -> Iterator[Finding]:
    for build in facts.declared:
        prefix = prefix_of(facts.fleet.roots, build.image.root)
        for problem in build.report.ignore_problems:
            yield rule.finding(
                replace(problem.place, path=below(prefix, problem.place.path)),
                printable(problem.message),
                image=build.image.name,
                subject=printable(problem.pattern),
                cause="the build fails as soon as it reads this context",
                help="mend the pattern or delete the line",
            )


RULE = Rule(
    id="SW112",
    name="bad-ignore-file",
    severity="error",
    summary="A line of an ignore file that engines reject",
    rationale="""\
A lone `!`, `!/`, a `[` without `]` or a trailing backslash in `.dockerignore` stops every build of that
context with an error that names no line.

```
build[
!
```

Source: moby/patternmatcher.
""",
    check=_check,
)
