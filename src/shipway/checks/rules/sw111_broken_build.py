"""SW111: a build that fails before its first step: target, base, stage or variable."""

from __future__ import annotations

from collections.abc import Iterator

from shipway.checks.bases import concerns_reference
from shipway.checks.facts import Facts
from shipway.checks.finding import Finding
from shipway.checks.rule import Rule
from shipway.dockerfile.syntax import printable

_CAUSES = {
    "bad-target": "the declaration asks for this stage",
    "bad-stage": "only earlier stages, named contexts and images can be read from",
    "expansion": "a variable or the quotes of this instruction cannot be expanded",
}


def _check(rule: Rule, facts: Facts) -> Iterator[Finding]:
    for build in facts.declared:
        for problem in build.build.problems:
            if problem.reason == "syntax" or concerns_reference(problem):
                continue  # SW110, SW209 and SW211 tell those
            place = facts.place(build, problem.place.line, problem.place.column)
            if problem.reason == "bad-target" and build.declaration is not None:
                place = build.declaration.place_of("target")
            yield rule.finding(
                place,
                printable(problem.message),
                image=build.image.name,
                subject=printable(problem.source) or None,
                cause=_CAUSES[problem.reason],
                help=printable(problem.help) if problem.help else None,
            )


RULE = Rule(
    id="SW111",
    name="broken-build",
    severity="error",
    summary="A target, base or stage that cannot be resolved",
    rationale="""\
The build fails before its first step: the target names no stage, `--from` names the stage itself or a later
one, a variable stands where none is expanded (`COPY --from=${X}`). A FROM without a usable base is told by
SW209 and SW211.

```dockerfile
FROM alpine:3.20 AS build
COPY --from=build /app /app
```

Name a stage that exists (FROM looks for its name in lower case, `--from` in any case), and for a variable
image write `FROM ${X} AS tools` and `COPY --from=tools`.
""",
    check=_check,
)
