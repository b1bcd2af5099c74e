"""SW714: a marker that stands where Flux does not read it."""

from __future__ import annotations

from collections.abc import Iterator

from shipway.checks.facts import Facts
from shipway.checks.finding import Finding
from shipway.checks.rule import Rule


def _check(rule: Rule, facts: Facts) -> Iterator[Finding]:
    for written in facts.flux.written:
        if written.unread is not None:
            yield rule.finding(
                written.place,
                "Flux does not read this marker",
                subject=written.text,
                cause=written.unread,
                help="put it behind the value that it is about, on the same line",
            )


RULE = Rule(
    id="SW714",
    name="unread-marker",
    severity="warning",
    summary="A marker that stands where Flux does not read it",
    rationale="""\
Flux reads a marker in the comment behind a scalar, on its line, or above a scalar item of a list:

```yaml
# {"$imagepolicy": "flux-system:api"}
image: ghcr.io/acme/api:main-1
```

is passed over, and so are markers behind a flow mapping (`{tag: v1}`), in a block of text, behind an alias,
after other words of the comment, in a list that is the whole document, and in a file that is no YAML (a
Helm template). No status tells it. A line that is commented out as a whole is not reported. Source:
image-automation-controller.
""",
    check=_check,
)
