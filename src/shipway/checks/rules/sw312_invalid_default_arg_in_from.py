"""SW312: without build args, FROM names no image."""

from __future__ import annotations

from collections.abc import Iterator

from shipway.checks.facts import Facts
from shipway.checks.finding import Finding
from shipway.checks.quality import tell
from shipway.checks.rule import Rule
from shipway.dockerfile import scope
from shipway.dockerfile.resolve import LINUX_AMD64
from shipway.dockerfile.words import ExpansionError, expand
from shipway.errors import InvalidValue
from shipway.values import Reference


def _check(rule: Rule, facts: Facts) -> Iterator[Finding]:
    platform = scope.platform_args(LINUX_AMD64, LINUX_AMD64, "")
    for text in facts.texts:
        variable = [stage for stage in text.dockerfile.stages if "$" in stage.base]
        defaults = scope.Globals(text.dockerfile, {}, platform).values if variable else {}
        for stage in variable:
            try:
                base = expand(stage.base, defaults, text.dockerfile.escape).text
            except ExpansionError:
                continue  # a demand such as ${V:?} is meant to fail without a value
            if not _is_reference(base):
                yield from tell(
                    rule,
                    text,
                    stage.origin,
                    f"without build args FROM {stage.base} names no image",
                    text.argument_span(stage.origin, 0),
                    subject=stage.base,
                    cause=f"the defaults give {base!r}",
                    help="give the ARG a default that works, or demand a value: ${NAME:?say which}",
                )


def _is_reference(text: str) -> bool:
    try:
        Reference.parse(text)
    except InvalidValue:
        return False
    return True


RULE = Rule(
    id="SW312",
    name="invalid-default-arg-in-from",
    severity="info",
    summary="Without build args, FROM names no image",
    rationale="""\
Whoever runs `docker build .` without the build arg gets an error about a reference that stands nowhere in the
file; so do tools that read it to update or scan its bases.

```dockerfile
ARG TAG
FROM debian:$TAG
```

Give it a default, `ARG TAG=12`, or say in the file that a value is needed: `FROM debian:${TAG:?}`.
A build of the fleet that lacks the value is told as an error of its own.
BuildKit: InvalidDefaultArgInFrom.
""",
    check=_check,
    aliases=("InvalidDefaultArgInFrom",),
)
