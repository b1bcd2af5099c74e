"""SW319: ENV or LABEL in the old form without an equals sign."""

from __future__ import annotations

from collections.abc import Iterator

from shipway.checks.facts import Facts
from shipway.checks.finding import Finding, Fix
from shipway.checks.quality import tell
from shipway.checks.rule import Rule
from shipway.checks.text import Text
from shipway.dockerfile.syntax import Instruction

_PLAIN = frozenset("_-./:,@%+")


def _check(rule: Rule, facts: Facts) -> Iterator[Finding]:
    for text in facts.texts:
        for _, each in text.of("ENV", "LABEL"):
            if len(each.args) == 3 and not each.args[2]:
                name, value = each.args[:2]
                yield from tell(
                    rule,
                    text,
                    each,
                    f"{each.keyword} {name} in the old form, without =",
                    text.word_span(each, name),
                    subject=name,
                    help=f"write {each.keyword} {name}={_quoted(value) or '…'}",
                    fix=_fix(text, each, name, value),
                )


def _quoted(value: str) -> str | None:
    """``value`` of the old form as one word; None where quotes, escapes or blanks ask for a person."""
    value = value.rstrip()
    if value and all(character.isalnum() or character in _PLAIN for character in value):
        return value
    if any(character in value for character in "\"'\\`$\t") or "  " in value:
        return None
    return f'"{value}"'


def _fix(text: Text, instruction: Instruction, name: str, value: str) -> Fix | None:
    quoted = _quoted(value)
    span = text.word_span(instruction, instruction.original.split(None, 1)[1].rstrip())
    return text.fix("safe", "write it with =", (span, f"{name}={quoted}")) if quoted is not None else None


RULE = Rule(
    id="SW319",
    name="legacy-key-value",
    severity="info",
    summary="ENV or LABEL in the old form without an equals sign",
    rationale="""\
In the old form everything behind the first blank is the value, a second pair included.

```dockerfile
ENV PORT 8080 HOST 0.0.0.0
```

sets `PORT` to `8080 HOST 0.0.0.0`. Write `ENV PORT=8080 HOST=0.0.0.0`. The fix keeps the value as it is; one
with quotes, backslashes or variables is left to you. BuildKit: LegacyKeyValueFormat.
""",
    check=_check,
    fix="safe",
    aliases=("LegacyKeyValueFormat",),
)
