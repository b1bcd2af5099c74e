"""SW322: an instruction in another case than most of the file."""

from __future__ import annotations

from collections.abc import Iterator

from shipway.checks.facts import Facts
from shipway.checks.finding import Finding
from shipway.checks.quality import tell
from shipway.checks.rule import Rule
from shipway.checks.text import Text


def _check(rule: Rule, facts: Facts) -> Iterator[Finding]:
    for text in facts.texts:
        yield from _of_text(rule, text)


def _of_text(rule: Rule, text: Text) -> Iterator[Finding]:
    """As BuildKit counts: a keyword in mixed case has no vote, and upper case wins a draw."""
    inside = [each for stage in text.dockerfile.stages for each in (stage.origin, *stage.instructions)]
    keywords = [text.dockerfile.text[each.span.start :][: len(each.keyword)] for each in inside]
    lower = sum(keyword.islower() for keyword in keywords)
    upper = sum(keyword.isupper() for keyword in keywords)
    if upper == len(keywords) or lower == len(keywords):
        return
    for each, keyword in zip(inside, keywords, strict=True):
        wanted = each.keyword.lower() if lower > upper else each.keyword
        if keyword != wanted:
            span = text.keyword_span(each)
            yield from tell(
                rule,
                text,
                each,
                f"{keyword} is not in the case of the other instructions",
                span,
                subject=keyword,
                help=f"write {wanted}",
                fix=text.fix("safe", f"write {wanted}", (span, wanted)),
            )


RULE = Rule(
    id="SW322",
    name="instruction-casing",
    severity="info",
    summary="An instruction in another case than most of the file",
    rationale="""\
Keywords in one case are told from arguments at a glance. The case of most instructions counts, upper case in
a draw.

```dockerfile
FROM debian:12
Run apt-get update
```

Write `RUN apt-get update`. BuildKit: ConsistentInstructionCasing.
""",
    check=_check,
    fix="safe",
    aliases=("ConsistentInstructionCasing",),
)
