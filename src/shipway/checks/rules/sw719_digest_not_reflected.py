"""SW719: a marker for a digest that its policy does not know."""

from __future__ import annotations

from collections.abc import Iterator

from shipway.checks.facts import Facts
from shipway.checks.finding import Finding
from shipway.checks.image_policies import reflects
from shipway.checks.rule import Rule


def _check(rule: Rule, facts: Facts) -> Iterator[Finding]:
    for written in facts.flux.written:
        marker = written.marker
        if marker is None or written.unread or marker.part != "digest":
            continue
        called = facts.flux.policies_called(*marker.policy)
        if called and not any(map(reflects, called)):
            yield rule.finding(
                written.place,
                f"the policy {marker.name} knows no digests, and an empty one is written here",
                subject=written.text,
                cause="its digestReflectionPolicy is Never, which is the default",
                help="set digestReflectionPolicy: IfNotPresent, or Always with an interval",
            )


RULE = Rule(
    id="SW719",
    name="digest-not-reflected",
    severity="error",
    summary="A marker for a digest that its policy does not know",
    rationale="""\
A policy knows the digest of what it picks only with a digestReflectionPolicy:

```yaml
digest: sha256:… # {"$imagepolicy": "flux-system:api:digest"}
```

With `Never`, the default, Flux writes an empty value here. Set `IfNotPresent`, or `Always` with an
interval, on the ImagePolicy. Source: image-automation-controller.
""",
    check=_check,
)
