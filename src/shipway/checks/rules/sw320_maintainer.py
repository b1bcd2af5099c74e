"""SW320: MAINTAINER, which labels have replaced."""

from __future__ import annotations

from collections.abc import Iterator

from shipway.checks.facts import Facts
from shipway.checks.finding import Finding, Fix
from shipway.checks.quality import tell
from shipway.checks.rule import Rule
from shipway.checks.text import Text
from shipway.dockerfile.syntax import Instruction

LABEL = "org.opencontainers.image.authors"


def _check(rule: Rule, facts: Facts) -> Iterator[Finding]:
    for text in facts.texts:
        for _, each in text.of("MAINTAINER"):
            yield from tell(
                rule,
                text,
                each,
                "MAINTAINER is deprecated",
                subject=each.args[0] if each.args else None,
                help=f'write LABEL {LABEL}="…"',
                fix=_fix(text, each),
            )


def _fix(text: Text, instruction: Instruction) -> Fix | None:
    """The label instead; None where the name has characters that would mean something in it."""
    name = (instruction.args[0] if instruction.args else "").strip()
    if len(name) > 1 and name[0] == name[-1] and name[0] in "\"'":
        name = name[1:-1]
    if not name or any(character in name for character in '"\\`$'):
        return None
    span = text.word_span(instruction, instruction.original.split(None, 1)[1].rstrip())
    return text.fix(
        "safe", f"write LABEL {LABEL}", (text.keyword_span(instruction), "LABEL"), (span, f'{LABEL}="{name}"')
    )


RULE = Rule(
    id="SW320",
    name="maintainer",
    severity="info",
    summary="MAINTAINER, which labels have replaced",
    rationale="""\
`MAINTAINER` writes the author into a field that tools do not show, and engines may stop reading it.

```dockerfile
MAINTAINER Ada <ada@example.com>
```

Write the label that the OCI image specification has for it:

```dockerfile
LABEL org.opencontainers.image.authors="Ada <ada@example.com>"
```

BuildKit: MaintainerDeprecated. hadolint: DL4000.
""",
    check=_check,
    fix="safe",
    aliases=("MaintainerDeprecated", "DL4000"),
)
