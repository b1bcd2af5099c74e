"""SW202: a base below the fleet's own prefix that no image of the fleet publishes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from shipway.checks.bases import UsedBase, is_listed, used_bases
from shipway.checks.facts import Facts
from shipway.checks.finding import Finding
from shipway.checks.rule import Rule
from shipway.fleet.shapes import did_you_mean


def _check(rule: Rule, facts: Facts) -> Iterator[Finding]:
    canon = facts.canon
    for base in used_bases(facts):
        name = base.reference.name
        if base.image is not None or not canon.is_reserved(name) or canon.publishes(name):
            continue
        if is_listed(name, facts.fleet.bases.allow):
            continue
        finding = _finding(rule, base, f"{canon.prefix}/", tuple(canon.targets))
        yield finding if canon.origin != "majority" else replace(finding, severity="warning")


def _finding(rule: Rule, base: UsedBase, prefix: str, known: tuple[str, ...]) -> Finding:
    last = base.reference.name.removeprefix(prefix)
    return rule.finding(
        base.place,
        f"no image of the fleet publishes {base.reference.name}",
        image=base.user,
        subject=base.input.reference,
        cause=f"it stands below {prefix.rstrip('/')}, where the fleet's own images are",
        help=did_you_mean(last, known),
        end=base.end,
    )


RULE = Rule(
    id="SW202",
    name="unpublished-base",
    severity="error",
    summary="A base below the fleet's own prefix that no image of the fleet publishes",
    rationale="""\
An image below the fleet's own registry and path is expected to come from the fleet. One that nothing in it
publishes was renamed, moved to another repository, or pushed by hand long ago: the build works until that
registry is cleaned, and nobody updates it.

```dockerfile
FROM ghcr.io/acme/shop/healthchek:0.4.0
```

Name an image of the fleet; add the repository that publishes it under `repositories`; or, when somebody else
looks after it, list it under `policies.bases.allow`.
""",
    check=_check,
)
