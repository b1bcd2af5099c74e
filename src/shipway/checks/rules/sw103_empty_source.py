"""SW103: a source that expands to nothing copies the whole context."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from shipway.checks.facts import Facts
from shipway.checks.finding import Finding
from shipway.checks.rule import Rule
from shipway.checks.sources import Failure, source_finding, where


def _check(rule: Rule, facts: Facts) -> Iterator[Finding]:
    for build in facts.declared:
        for outcome in build.report.outcomes:
            read = outcome.read
            if outcome.failed or read.kind not in ("copy", "add") or read.expanded != "":
                continue
            names = ", ".join(sorted(read.unset))
            failure = Failure(build, outcome)
            finding = source_finding(
                rule,
                facts,
                failure,
                f"expands to nothing, and nothing stands for all of {where(build, read)}",
                cause=f"{names} has no value in this stage" if names else "every variable of it is empty",
                help="give the variable a value: an ARG before FROM needs a bare ARG in the stage too;"
                " or write . where everything is meant",
            )
            yield finding if outcome.certain else replace(finding, severity="info")


RULE = Rule(
    id="SW103",
    name="empty-source",
    severity="warning",
    summary="A source expands to nothing, which copies the whole context",
    rationale="""\
A variable without a value becomes an empty text, and an empty source is the context root: the build succeeds
and the image holds everything, secrets and history included.

```dockerfile
ARG ARTIFACT
FROM debian:13-slim
COPY ${ARTIFACT} /opt/
```

Here `ARTIFACT` is declared before FROM alone, so in the stage it has no value. Repeat `ARG ARTIFACT` in the
stage, and give it a default or `${ARTIFACT:?must be given}`. Source: BuildKit's `dispatchCopy`.
""",
    check=_check,
)
