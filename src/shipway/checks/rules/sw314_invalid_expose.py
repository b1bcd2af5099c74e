"""SW314: an EXPOSE that is no port of the container."""

from __future__ import annotations

import re
from collections.abc import Iterator

from shipway.checks.facts import Facts
from shipway.checks.finding import Finding, Severity
from shipway.checks.quality import tell
from shipway.checks.rule import Rule

_PORT = re.compile(r"([0-9]{1,9})(?:-([0-9]{1,9}))?(?:/([A-Za-z]+))?\Z")
_PROTOCOLS = frozenset({"tcp", "udp", "sctp"})
_LAST = 65_535


def _check(rule: Rule, facts: Facts) -> Iterator[Finding]:
    for text in facts.texts:
        for _, each in text.of("EXPOSE"):
            for word in each.args:
                why = _why(word)
                if why is not None:
                    yield from tell(
                        rule,
                        text,
                        each,
                        f"EXPOSE {word}: {why[1]}",
                        text.word_span(each, word),
                        severity=why[0],
                        subject=word,
                        help="write the port that the program listens on in the container: EXPOSE 8080",
                    )


def _why(word: str) -> tuple[Severity, str] | None:
    """How bad a port is, and what is wrong with it; None for a good one and for one with a variable."""
    if "$" in word or "'" in word or '"' in word:
        return None
    if word == "#":
        return "error", "a comment cannot stand behind an instruction"
    if ":" in word:
        return "warning", "which port of the host it gets is said when the container starts"
    match = _PORT.match(word)
    if match is None:
        return "error", "this is no port, and the build fails"
    if (match[3] or "tcp").lower() not in _PROTOCOLS:
        return "error", "the protocols are tcp, udp and sctp"
    first, last = int(match[1]), int(match[2] or match[1])
    if last > _LAST or first > last:
        return "error", f"ports go from 1 to {_LAST}, and a range upwards"
    return None


RULE = Rule(
    id="SW314",
    name="invalid-expose",
    severity="warning",
    summary="An EXPOSE that is no port of the container",
    rationale="""\
`EXPOSE` tells which ports the program listens on in the container. A mapping to a port of the host
(`8080:80`) is ignored by some engines and refused by others; what is no port, such as a comment behind one,
breaks the build.

```dockerfile
EXPOSE 8080:80
EXPOSE 9090 # metrics
```

Write the container's port alone, and comments on a line of their own:

```dockerfile
# metrics
EXPOSE 9090
```

BuildKit: ExposeInvalidFormat. hadolint: DL3011.
""",
    check=_check,
    aliases=("ExposeInvalidFormat", "DL3011"),
)
