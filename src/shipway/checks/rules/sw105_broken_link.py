"""SW105: a symbolic link on the way to a source leads nowhere, in a circle, or out of the context."""

from __future__ import annotations

from collections.abc import Iterator

from shipway.checks.facts import Facts
from shipway.checks.finding import Finding
from shipway.checks.rule import Rule
from shipway.checks.sources import failures, source_finding, where


def _check(rule: Rule, facts: Facts) -> Iterator[Finding]:
    for failure in failures(facts, "dangling-link", "link-loop"):
        outcome = failure.outcome
        place = where(failure.build, failure.read)
        if outcome.reason == "link-loop":
            message = f"the symbolic links at {outcome.path} form a loop"
        else:
            message = f"a symbolic link on the way to {outcome.path} leads nowhere inside {place}"
        near = outcome.nearest if outcome.nearest != outcome.path.lstrip("/") else None
        yield source_finding(
            rule,
            facts,
            failure,
            message,
            cause="links are followed inside the context alone; an absolute target counts from its root",
            help=f"did you mean {near}?" if near else "copy what the link should lead to",
        )


RULE = Rule(
    id="SW105",
    name="broken-link",
    severity="error",
    summary="A symbolic link on the way to a source leads nowhere inside the context",
    rationale="""\
A link whose target is missing, on the host, or in a circle works in a shell and fails in a build: engines
follow links inside the context alone, with `/` standing for its root and `..` stopping there.

```dockerfile
COPY config /etc/app/config
```

with `config -> /etc/shared/config` is looked for as `etc/shared/config` in the context. A dangling link is
fine where a directory that holds it is copied; it fails where it is named or matched by a wildcard.

Copy the target itself, or let the link lead to something in the context.
""",
    check=_check,
)
