"""SW336: ARG gives a platform arg a default, and so pins it."""

from __future__ import annotations

from collections.abc import Iterator

from shipway.checks.facts import Facts
from shipway.checks.finding import Finding, Fix
from shipway.checks.quality import tell
from shipway.checks.rule import Rule
from shipway.checks.text import Text
from shipway.dockerfile import scope
from shipway.dockerfile.syntax import Instruction

_HARMLESS = (("TARGETOS", "linux"), ("BUILDOS", "linux"))


def _check(rule: Rule, facts: Facts) -> Iterator[Finding]:
    for text in facts.texts:
        for _, each in text.of("ARG"):
            for name, default in scope.declarations(each):
                if default and name in scope.PLATFORM_ARGS and (name, default) not in _HARMLESS:
                    yield from tell(
                        rule,
                        text,
                        each,
                        f"{name} is {default} whatever platform is built",
                        text.word_span(each, f"{name}={default}"),
                        subject=f"{name}={default}",
                        cause="a default in ARG goes before the value that BuildKit sets",
                        help=f"write ARG {name} without a default",
                        fix=_fix(text, each, name, default),
                    )


def _fix(text: Text, each: Instruction, name: str, default: str) -> Fix | None:
    span = text.word_span(each, f"{name}={default}")
    return text.fix("unsafe", "leave the default out", (span, name))


RULE = Rule(
    id="SW336",
    name="pinned-platform-arg",
    severity="warning",
    summary="ARG gives a platform arg a default, and so pins it",
    rationale="""\
A default in `ARG` of a stage goes before the value that BuildKit sets by itself. Here every platform gets the
download for amd64, and fails with `exec format error` where it runs:

```dockerfile
ARG TARGETARCH=amd64
RUN curl -fsSLo /usr/bin/tool https://example.com/tool-$TARGETARCH
```

Write `ARG TARGETARCH`. If older engines are to have a default, give it where the value is used:
`${TARGETARCH:-amd64}`. buildah does not take the default. Source: BuildKit, dockerfile2llb (dispatchArg).
""",
    check=_check,
    fix="unsafe",
)
