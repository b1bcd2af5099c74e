"""SW317: FROM --platform with what holds anyway."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from shipway.checks.facts import Facts
from shipway.checks.finding import Finding
from shipway.checks.quality import tell
from shipway.checks.rule import Rule
from shipway.checks.text import Text
from shipway.dockerfile.syntax import Span, Stage

_TARGET = ("$TARGETPLATFORM", "${TARGETPLATFORM}")


def _check(rule: Rule, facts: Facts) -> Iterator[Finding]:
    for text in facts.texts:
        for stage in text.dockerfile.stages:
            if stage.base and stage.platform in _TARGET:
                span = _flag(text, stage)
                yield from tell(
                    rule,
                    text,
                    stage.origin,
                    f"--platform={stage.platform} is what holds without it",
                    span,
                    subject=stage.platform,
                    help="leave it out",
                    fix=text.fix("safe", "leave the platform out", (_with_blank(text, span), "")),
                )


def _flag(text: Text, stage: Stage) -> Span | None:
    return text.word_span(stage.origin, f"--platform={stage.platform}")


def _with_blank(text: Text, span: Span | None) -> Span | None:
    """The span with the blank behind it."""
    if span is None or text.dockerfile.text[span.end : span.end + 1] not in (" ", "\t"):
        return None
    return replace(span, end=span.end + 1)


RULE = Rule(
    id="SW317",
    name="redundant-target-platform",
    severity="info",
    summary="FROM --platform with what holds anyway",
    rationale="""\
Every stage is of the target's platform unless it says otherwise.

```dockerfile
FROM --platform=$TARGETPLATFORM debian:12
```

Write `FROM debian:12`. BuildKit: RedundantTargetPlatform. hadolint: DL3065.
""",
    check=_check,
    fix="safe",
    aliases=("RedundantTargetPlatform", "DL3065"),
)
