"""SW337: FROM --platform with a constant."""

from __future__ import annotations

from collections.abc import Iterator

from shipway.checks.facts import Facts
from shipway.checks.finding import Finding
from shipway.checks.quality import tell
from shipway.checks.rule import Rule
from shipway.dockerfile.syntax import Stage
from shipway.errors import InvalidValue
from shipway.values import Platform


def _check(rule: Rule, facts: Facts) -> Iterator[Finding]:
    for text in facts.texts:
        for stage in text.dockerfile.stages:
            if _is_constant(stage):
                yield from tell(
                    rule,
                    text,
                    stage.origin,
                    f"this stage is {stage.platform} whatever platform is built",
                    text.word_span(stage.origin, stage.platform or ""),
                    subject=stage.platform,
                    help="leave --platform out, or use $BUILDPLATFORM for a stage that compiles for others",
                )


def _is_constant(stage: Stage) -> bool:
    """Whether the platform is a literal one, and the stage's name does not say that it is meant so."""
    if stage.platform is None or "$" in stage.platform:
        return False
    try:
        platform = Platform.parse(stage.platform)
    except InvalidValue:
        return False
    return not any(part in (stage.name or "") for part in (platform.os, platform.architecture))


RULE = Rule(
    id="SW337",
    name="constant-platform",
    severity="warning",
    summary="FROM --platform with a constant",
    rationale="""\
With a constant the stage has this platform in every build. In an image for several platforms all of them then
hold the programs of one, and fail with `exec format error` where they run.

```dockerfile
FROM --platform=linux/amd64 node:22
```

Leave the flag out. A stage that only compiles may run where the builder runs
(`FROM --platform=$BUILDPLATFORM`). One whose name tells its platform (`AS build-amd64`) is left alone.
BuildKit: FromPlatformFlagConstDisallowed. hadolint: DL3029.
""",
    check=_check,
    aliases=("FromPlatformFlagConstDisallowed", "DL3029"),
)
