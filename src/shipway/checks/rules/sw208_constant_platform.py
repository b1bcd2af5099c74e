"""SW208: a FROM with a platform that is the same for every build."""

from __future__ import annotations

from collections.abc import Iterator

from shipway.checks.facts import Facts
from shipway.checks.finding import Finding
from shipway.checks.rule import Rule
from shipway.checks.text import Text
from shipway.dockerfile.syntax import Stage

_NAMES = ("FromPlatformFlagConstDisallowed", "DL3029")


def _check(rule: Rule, facts: Facts) -> Iterator[Finding]:
    for text in facts.texts:
        for stage in text.dockerfile.stages:
            platform = stage.platform
            if not platform or "$" in platform or _is_named_after(stage, platform):
                continue
            if not text.silences(stage.line, _NAMES):
                yield _finding(rule, text, stage, platform)


def _is_named_after(stage: Stage, platform: str) -> bool:
    """Whether the stage is one of several, one a platform, that a later FROM chooses from."""
    parts = platform.lower().split("/")
    return any(part in (stage.name or "") for part in parts[:2])


def _finding(rule: Rule, text: Text, stage: Stage, platform: str) -> Finding:
    return rule.finding(
        text.place(stage.line),
        f"FROM --platform={platform} is {platform} whatever the build is for",
        subject=platform,
        cause="an image for another platform would hold this one's files",
        help="leave the flag out, or write --platform=$BUILDPLATFORM for a stage that runs on the builder",
    )


RULE = Rule(
    id="SW208",
    name="constant-platform",
    severity="warning",
    summary="A FROM with a platform that is the same for every build",
    rationale="""\
`--platform` in FROM overrides what the build is for. With a constant, a build for linux/arm64 quietly gets an
amd64 file system.

```dockerfile
FROM --platform=linux/amd64 node:22
```

Leave the flag out and set `platforms` of the image; write `--platform=$BUILDPLATFORM` for stages that run on
the builder. A stage named after its platform (`AS build-arm64`) is left alone. BuildKit calls the rule
FromPlatformFlagConstDisallowed.
""",
    check=_check,
    aliases=_NAMES,
)
