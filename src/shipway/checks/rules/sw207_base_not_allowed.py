"""SW207: an external base that the fleet's allow list does not name."""

from __future__ import annotations

from collections.abc import Iterator

from shipway.checks.bases import is_listed, used_bases
from shipway.checks.facts import Facts
from shipway.checks.finding import Finding
from shipway.checks.rule import Rule


def _check(rule: Rule, facts: Facts) -> Iterator[Finding]:
    allow = facts.fleet.bases.allow
    if not allow:
        return
    for base in used_bases(facts):
        name = base.reference.name
        if base.image is not None or facts.canon.is_internal(name) or name in facts.canon.own:
            continue
        if facts.canon.drift(name) is not None or is_listed(name, allow):
            continue
        yield rule.finding(
            base.place,
            f"{name} is not among the images that may be built on",
            image=base.user,
            subject=base.input.reference,
            cause=f"`policies.bases.allow` names {', '.join(allow)}",
            help="build on one of those, or add it to the list",
            end=base.end,
        )


RULE = Rule(
    id="SW207",
    name="base-not-allowed",
    severity="error",
    summary="An external base that the fleet's allow list does not name",
    rationale="""\
`policies.bases.allow` of the fleet file lists the external images that may be built on, by full repository,
with `*` for any text, or by a registry or path above them. Without the list everything is allowed.

```yaml
policies:
  bases:
    allow: [docker.io/library/*, gcr.io/distroless]
```

References are compared in canonical form, whole and after expansion of ARGs: `python:3.12` is
`docker.io/library/python`. Images of the fleet, and what SW201 and SW202 tell, are left out.
""",
    check=_check,
    aliases=("DL3026",),
)
