"""SW308: two stages of one name."""

from __future__ import annotations

from collections.abc import Iterator

from shipway.checks.facts import Facts
from shipway.checks.finding import Finding
from shipway.checks.quality import tell
from shipway.checks.rule import Rule


def _check(rule: Rule, facts: Facts) -> Iterator[Finding]:
    for text in facts.texts:
        lines: dict[str, int] = {}
        for stage in text.dockerfile.stages:
            if stage.name is None:
                continue
            first = lines.setdefault(stage.name, stage.line)
            if first != stage.line:
                yield from tell(
                    rule,
                    text,
                    stage.origin,
                    f"the stage name {stage.name} is taken",
                    text.argument_span(stage.origin, 2),
                    subject=stage.name,
                    cause=f"line {first} names a stage so too; behind both, the later one counts",
                    help="give each stage its own name",
                )


RULE = Rule(
    id="SW308",
    name="duplicate-stage-name",
    severity="warning",
    summary="Two stages of one name",
    rationale="""\
Names of stages are compared without regard to case. What stands behind both stages gets the later one, what
stands between them the first, and `--target` the later one: moving a line changes what is built.

```dockerfile
FROM debian:12 AS base
FROM alpine:3.22 AS base
```

Give each stage its own name. BuildKit: DuplicateStageName. hadolint: DL3024.
""",
    check=_check,
    aliases=("DuplicateStageName", "DL3024"),
)
