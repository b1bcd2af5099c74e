"""SW309: a stage called like something that has a meaning of its own."""

from __future__ import annotations

from collections.abc import Iterator

from shipway.checks.facts import Facts
from shipway.checks.finding import Finding
from shipway.checks.quality import tell
from shipway.checks.rule import Rule

_RESERVED = {
    "scratch": "FROM scratch is the empty image, whatever stage is called so",
    "context": "BuildKit calls the main build context so",
}


def _check(rule: Rule, facts: Facts) -> Iterator[Finding]:
    for text in facts.texts:
        for stage in text.dockerfile.stages:
            if stage.name in _RESERVED:
                yield from tell(
                    rule,
                    text,
                    stage.origin,
                    f"{stage.name} is no name for a stage",
                    text.argument_span(stage.origin, 2),
                    subject=stage.name,
                    cause=_RESERVED[stage.name],
                    help="choose another name",
                )


RULE = Rule(
    id="SW309",
    name="reserved-stage-name",
    severity="warning",
    summary="A stage called scratch or context",
    rationale="""\
`scratch` is the empty image, and `context` the build context. A stage of that name may never be found, or be
taken for the other by the next release of an engine.

```dockerfile
FROM debian:12 AS context
```

Choose another name. BuildKit: ReservedStageName. hadolint: DL3063.
""",
    check=_check,
    aliases=("ReservedStageName", "DL3063"),
)
