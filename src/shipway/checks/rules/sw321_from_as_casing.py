"""SW321: AS in another case than its FROM."""

from __future__ import annotations

from collections.abc import Iterator

from shipway.checks.facts import Facts
from shipway.checks.finding import Finding
from shipway.checks.quality import tell
from shipway.checks.rule import Rule


def _check(rule: Rule, facts: Facts) -> Iterator[Finding]:
    for text in facts.texts:
        for stage in text.dockerfile.stages:
            if stage.name is None:
                continue
            keyword = stage.origin.original.split(None, 1)[0]
            written = stage.origin.args[1]
            wanted = "as" if keyword.islower() else "AS"
            if written == wanted:
                continue
            span = text.argument_span(stage.origin, 1)
            yield from tell(
                rule,
                text,
                stage.origin,
                f"{written} does not match the case of {keyword}",
                span,
                subject=written,
                help=f"write {wanted}",
                fix=text.fix("safe", f"write {wanted}", (span, wanted)),
            )


RULE = Rule(
    id="SW321",
    name="from-as-casing",
    severity="info",
    summary="AS in another case than its FROM",
    rationale="""\
Keywords in one case are told from arguments at a glance.

```dockerfile
FROM debian:12 as build
```

Write `FROM debian:12 AS build`. BuildKit: FromAsCasing.
""",
    check=_check,
    fix="safe",
    aliases=("FromAsCasing",),
)
