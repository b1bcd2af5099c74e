"""SW204: a base without a tag, or with ``latest``."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from shipway.checks.bases import UsedBase, used_bases
from shipway.checks.facts import Facts
from shipway.checks.finding import SEVERITIES, Finding
from shipway.checks.rule import Rule


def _check(rule: Rule, facts: Facts) -> Iterator[Finding]:
    severity = next((each for each in SEVERITIES if each == facts.fleet.bases.latest), None)
    if severity is None:
        return
    for base in used_bases(facts):
        reference = base.reference
        if reference.digest is not None or reference.tag not in (None, "latest") or _is_local(base):
            continue
        what = "has no tag" if reference.tag is None else "is `latest`"
        finding = rule.finding(
            base.place,
            f"the base {base.input.reference} {what}",
            image=base.user,
            subject=base.input.reference,
            cause="what is built changes whenever somebody pushes there",
            help="name a version",
            end=base.end,
        )
        yield replace(finding, severity=severity)


def _is_local(base: UsedBase) -> bool:
    """Whether a bare word stands for an image of the fleet, which is built just before."""
    return base.image is not None and base.reference.name.startswith("docker.io/library/")


RULE = Rule(
    id="SW204",
    name="latest-base",
    severity="warning",
    summary="A base without a tag, or with `latest`",
    rationale="""\
A base without a tag is `latest`, and that is whatever was pushed last: the same commit builds differently
tomorrow.

```dockerfile
FROM node
```

Write `FROM node:22.11`, or pin it by digest. `policies.bases.latest` of the fleet file sets the severity, or
switches the rule off.
""",
    check=_check,
    aliases=("DL3006", "DL3007"),
)
