"""SW310: a variable that nothing in its scope declares."""

from __future__ import annotations

from collections.abc import Iterator

from shipway.checks.facts import Facts
from shipway.checks.finding import Finding, Fix
from shipway.checks.quality import tell
from shipway.checks.rule import Rule
from shipway.checks.text import Text
from shipway.checks.variables import Undeclared, undeclared


def _check(rule: Rule, facts: Facts) -> Iterator[Finding]:
    for text in facts.texts:
        for each in undeclared(text):
            if _is_told(each):
                yield from tell(
                    rule,
                    text,
                    each.instruction,
                    f"the variable {each.name} is not declared here, and gives nothing",
                    text.word_span(each.instruction, each.word),
                    subject=each.word,
                    cause=each.why,
                    help=_help(each),
                    fix=_fix(text, each),
                )


def _is_told(each: Undeclared) -> bool:
    """A base image from elsewhere may set a name of which the file says nothing, unless it looks like one
    that the file declares."""
    return not each.open or each.why is not None or each.near is not None


def _help(each: Undeclared) -> str:
    if each.near is not None:
        return f"did you mean {each.near}?"
    if each.outer:
        return f"write ARG {each.name} above, in this stage"
    return f"declare it in this stage, or give a default: ${{{each.name}:-…}}"


def _fix(text: Text, each: Undeclared) -> Fix | None:
    return text.insert_above(each.instruction, f"ARG {each.name}") if each.outer else None


RULE = Rule(
    id="SW310",
    name="undefined-variable",
    severity="warning",
    summary="A variable that nothing in its scope declares",
    rationale="""\
A variable without a value becomes nothing at all, in silence: `COPY $DIR /app` copies the whole context, and
`WORKDIR /srv/$NAME` ends one directory too high. The build goes on, so this is a warning; what a source that
became nothing then copies is told by SW103.

```dockerfile
ARG VERSION=1.2
FROM alpine:3.22
COPY app-${VERSION}.tar /app/
```

An `ARG` before the first FROM is seen by FROM lines only, and platform args such as `TARGETARCH` are not seen
in a stage either: both need an `ARG` of their name in each stage that uses them, or in one that it builds
FROM. The fix writes it above the line; it is unsafe, because the build then does something else.

```dockerfile
FROM alpine:3.22
ARG VERSION
COPY app-${VERSION}.tar /app/
```

`${NAME:-default}` is no finding, and neither is a name that the base image may set and of which the file
says nothing. BuildKit, which looks into the base image: UndefinedVar.
""",
    check=_check,
    fix="unsafe",
    aliases=("UndefinedVar",),
)
