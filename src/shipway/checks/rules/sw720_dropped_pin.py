"""SW720: a marker that drops the digest of the reference it writes."""

from __future__ import annotations

from collections.abc import Iterator

from shipway.checks.facts import Facts
from shipway.checks.finding import Finding
from shipway.checks.image_policies import reflects
from shipway.checks.rule import Rule
from shipway.place import Place


def _check(rule: Rule, facts: Facts) -> Iterator[Finding]:
    for place in facts.flux.places:
        if place.marker is None or place.marker.part or place.whole is None or "@" not in place.whole.text:
            continue
        called = facts.flux.policies_called(*place.marker.policy)
        if called and not any(map(reflects, called)):
            yield rule.finding(
                Place(place.path, place.line),
                "the digest of this reference goes with the next update",
                subject=place.whole.text,
                cause=f"the policy {place.marker.name} knows no digests: its digestReflectionPolicy is Never",
                help="set digestReflectionPolicy: IfNotPresent, and the new digest is written with the tag",
            )


RULE = Rule(
    id="SW720",
    name="dropped-pin",
    severity="warning",
    summary="A marker drops the digest of the reference it writes",
    rationale="""\
A marker without a suffix writes name and tag, and the digest where the policy knows it:

```yaml
image: ghcr.io/acme/api:main-1@sha256:… # {"$imagepolicy": "flux-system:api"}
```

With `digestReflectionPolicy: Never`, the default, the next update leaves `ghcr.io/acme/api:main-2`, and
what runs is no longer pinned. Set `IfNotPresent` on the ImagePolicy. Source: image-automation-controller.
""",
    check=_check,
)
