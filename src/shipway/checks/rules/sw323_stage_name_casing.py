"""SW323: a stage name that is not in lower case."""

from __future__ import annotations

from collections.abc import Iterator

from shipway.checks.facts import Facts
from shipway.checks.finding import Finding
from shipway.checks.quality import tell
from shipway.checks.rule import Rule


def _check(rule: Rule, facts: Facts) -> Iterator[Finding]:
    for text in facts.texts:
        for stage in text.dockerfile.stages:
            if stage.name is None or stage.origin.args[2] == stage.name:
                continue
            span = text.argument_span(stage.origin, 2)
            yield from tell(
                rule,
                text,
                stage.origin,
                f"the stage name {stage.origin.args[2]} is not in lower case",
                span,
                subject=stage.origin.args[2],
                cause="the stage is called " + stage.name + ", and FROM finds it by that name alone",
                help=f"write {stage.name}",
                fix=text.fix("safe", f"write {stage.name}", (span, stage.name)),
            )


RULE = Rule(
    id="SW323",
    name="stage-name-casing",
    severity="info",
    summary="A stage name that is not in lower case",
    rationale="""\
BuildKit keeps names of stages in lower case. `COPY --from` and `--target` find them in any case, `FROM` does
not: it takes `FROM Base` for an image, and buildah compares with case everywhere.

```dockerfile
FROM debian:12 AS Base
```

Write `AS base`. BuildKit: StageNameCasing.
""",
    check=_check,
    fix="safe",
    aliases=("StageNameCasing",),
)
