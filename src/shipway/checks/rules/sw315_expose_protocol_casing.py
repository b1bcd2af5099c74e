"""SW315: a protocol of EXPOSE that is not in lower case."""

from __future__ import annotations

from collections.abc import Iterator

from shipway.checks.facts import Facts
from shipway.checks.finding import Finding
from shipway.checks.quality import tell
from shipway.checks.rule import Rule


def _check(rule: Rule, facts: Facts) -> Iterator[Finding]:
    for text in facts.texts:
        for _, each in text.of("EXPOSE"):
            for word in each.args:
                port, slash, protocol = word.partition("/")
                if protocol.lower() in ("tcp", "udp", "sctp") and protocol != protocol.lower():
                    span = text.word_span(each, word)
                    lower = port + slash + protocol.lower()
                    yield from tell(
                        rule,
                        text,
                        each,
                        f"the protocol {protocol} of EXPOSE is not in lower case",
                        span,
                        subject=word,
                        help=f"write {lower}",
                        fix=text.fix("safe", f"write {lower}", (span, lower)),
                    )


RULE = Rule(
    id="SW315",
    name="expose-protocol-casing",
    severity="info",
    summary="A protocol of EXPOSE that is not in lower case",
    rationale="""\
Engines write the protocol in lower case into the image; only some of them accept another.

```dockerfile
EXPOSE 53/UDP
```

Write `EXPOSE 53/udp`. BuildKit: ExposeProtoCasing.
""",
    check=_check,
    fix="safe",
    aliases=("ExposeProtoCasing",),
)
