"""SW205: an external base that is not pinned by digest; only where the fleet's policy asks for it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from shipway.checks.bases import used_bases
from shipway.checks.facts import Facts
from shipway.checks.finding import SEVERITIES, Finding
from shipway.checks.rule import Rule


def _check(rule: Rule, facts: Facts) -> Iterator[Finding]:
    severity = next((each for each in SEVERITIES if each == facts.fleet.bases.unpinned), None)
    if severity is None:
        return
    for base in used_bases(facts):
        if base.image is not None or base.reference.digest is not None:
            continue
        finding = rule.finding(
            base.place,
            f"the base {base.input.reference} is not pinned by digest",
            image=base.user,
            subject=base.input.reference,
            cause="a tag can be moved to another image",
            help=f"write {base.input.reference}@sha256:… with the digest that the registry gives",
            end=base.end,
        )
        yield replace(finding, severity=severity)


RULE = Rule(
    id="SW205",
    name="unpinned-base",
    severity="info",
    summary="An external base is not pinned by digest",
    rationale="""\
A tag names what its owner last put there; a digest names one image for good. This rule is off unless
`policies.bases.unpinned` of the fleet file gives it a severity.

```dockerfile
FROM python:3.12-slim@sha256:<64 hexadecimal digits>
```

Images of the fleet itself are pinned by `shipway ship` while it builds, and are not reported.
""",
    check=_check,
)
