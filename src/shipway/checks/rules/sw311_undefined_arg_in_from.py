"""SW311: FROM reads a variable that no ARG before the first FROM declares."""

from __future__ import annotations

from collections.abc import Iterator

from shipway.checks.facts import Facts
from shipway.checks.finding import Finding
from shipway.checks.quality import tell
from shipway.checks.rule import Rule
from shipway.checks.text import Text
from shipway.checks.variables import global_names, near, read_names
from shipway.dockerfile import scope
from shipway.dockerfile.syntax import Stage


def _check(rule: Rule, facts: Facts) -> Iterator[Finding]:
    for text in facts.texts:
        for stage in text.dockerfile.stages:
            if "$" in stage.origin.original:
                yield from _of_stage(rule, text, stage)


def _of_stage(rule: Rule, text: Text, stage: Stage) -> Iterator[Finding]:
    known = global_names(text.dockerfile)
    for word in (stage.base, stage.platform or ""):
        for name in sorted(read_names(word, text.dockerfile.escape) - known - scope.PLATFORM_ARGS):
            guess = near(name, known | scope.PLATFORM_ARGS)
            late = _declared_in_stage(text, stage, name)
            yield from tell(
                rule,
                text,
                stage.origin,
                f"FROM reads {name}, and no ARG before the first FROM declares it",
                text.word_span(stage.origin, word),
                subject=word,
                cause=f"the ARG in line {late} belongs to the stage above it" if late else None,
                help=f"did you mean {guess}?" if guess else f"write ARG {name}=… before the first FROM",
            )


def _declared_in_stage(text: Text, stage: Stage, name: str) -> int | None:
    """The line above ``stage`` where an ARG within another stage declares ``name``."""
    for other, each in text.of("ARG"):
        if other.index < stage.index and any(declared == name for declared, _ in scope.declarations(each)):
            return each.line
    return None


RULE = Rule(
    id="SW311",
    name="undefined-arg-in-from",
    severity="warning",
    summary="FROM reads a variable that no ARG before the first FROM declares",
    rationale="""\
Only an `ARG` before the first `FROM` reaches FROM lines; one between two stages belongs to the stage above.
What is not declared becomes nothing: `FROM registry.example.com/base:$TAG` breaks the build, and
`FROM ${MIRROR}debian:12` quietly goes to another registry, even when `--build-arg` gives the value.

```dockerfile
FROM alpine:3.22 AS tools
ARG TAG=12
FROM debian:$TAG
```

Declare it at the top:

```dockerfile
ARG TAG=12
FROM alpine:3.22 AS tools
FROM debian:$TAG
```

Platform args such as `TARGETPLATFORM` need no declaration here. BuildKit: UndefinedArgInFrom.
""",
    check=_check,
    aliases=("UndefinedArgInFrom",),
)
