"""SW331: a label key that tools may not accept."""

from __future__ import annotations

import re
from collections.abc import Iterator

from shipway.checks.facts import Facts
from shipway.checks.finding import Finding
from shipway.checks.quality import tell
from shipway.checks.rule import Rule

_KEY = re.compile(r"[a-z0-9](?:[a-z0-9]|[.-](?=[a-z0-9]))*\Z")
_RESERVED = ("com.docker.", "io.docker.", "org.dockerproject.")


def _check(rule: Rule, facts: Facts) -> Iterator[Finding]:
    for text in facts.texts:
        for _, each in text.of("LABEL"):
            for key in (word.strip("\"'") for word in each.args[::3]):
                why = _why(key)
                if why is not None:
                    yield from tell(
                        rule,
                        text,
                        each,
                        f"the label key {key} {why}",
                        text.word_span(each, key),
                        subject=key,
                        help="use lower-case letters, digits, dots and dashes behind a domain of yours",
                    )


def _why(key: str) -> str | None:
    if "$" in key:
        return None
    if key.startswith(_RESERVED):
        return f"begins with {'.'.join(key.split('.')[:2])}, which is Docker's own"
    if not _KEY.match(key.replace("_", "-").replace("/", ".")) or key.startswith("_"):
        return "has characters that tools may not accept"
    return None


RULE = Rule(
    id="SW331",
    name="label-key",
    severity="info",
    summary="A label key that tools may not accept",
    rationale="""\
Docker's guidelines for label keys: lower-case letters, digits, single dots and dashes between them, and a
domain of one's own in front; `com.docker.*`, `io.docker.*` and `org.dockerproject.*` are Docker's. Slashes
and underscores, which the keys of many products have, are accepted here.

```dockerfile
LABEL Build..Date="2026-11-21"
```

Write `LABEL com.example.build-date="2026-11-21"`. hadolint: DL3048.
""",
    check=_check,
    aliases=("DL3048",),
)
