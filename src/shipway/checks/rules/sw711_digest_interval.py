"""SW711: an interval where digests are not looked up again, or none where they are."""

from __future__ import annotations

from collections.abc import Iterator

from shipway.checks.facts import Facts
from shipway.checks.finding import Edit, Finding, Fix
from shipway.checks.image_policies import tell
from shipway.checks.rule import Rule
from shipway.gitops.flux import ImagePolicy, is_open


def _check(rule: Rule, facts: Facts) -> Iterator[Finding]:
    for policy in facts.flux.policies:
        has_interval = "interval" in policy.scalars
        if (
            is_open(policy.reflection)
            or policy.is_patched
            or policy.policy is None
            or has_interval == _needs(policy)
        ):
            continue
        if has_interval:
            yield tell(
                rule,
                policy,
                "interval",
                f"an interval is not allowed with digestReflectionPolicy: {policy.reflection}",
                cause="only Always looks at a tag again",
                help="take the interval away, or set digestReflectionPolicy: Always",
                fix=_without(facts, policy),
            )
        else:
            yield tell(
                rule,
                policy,
                "digestReflectionPolicy",
                "digestReflectionPolicy: Always needs an interval",
                cause="Flux stalls without one (IntervalNotConfigured)",
                help="add interval: 10m beside it",
            )


def _needs(policy: ImagePolicy) -> bool:
    return policy.reflection == "Always"


def _without(facts: Facts, policy: ImagePolicy) -> Fix | None:
    """The edit that takes the line of the interval away."""
    piece = policy.scalars["interval"]
    data = facts.data(piece.place.path)
    start = data.rfind(b"\n", 0, piece.start) + 1
    end = data.find(b"\n", piece.end) + 1 or len(data)
    if not data[start:end].lstrip().startswith(b"interval:"):
        return None
    return Fix("safe", "take the interval away", (Edit(piece.place.path, start, end, ""),))


RULE = Rule(
    id="SW711",
    name="digest-interval",
    severity="error",
    summary="An interval where digests are not looked up again, or none where they are",
    rationale="""\
`spec.interval` of an ImagePolicy tells how often the digest of the picked tag is looked up. It is required
with `digestReflectionPolicy: Always`, and refused with `Never` (the default) and `IfNotPresent`:

```yaml
kind: ImagePolicy
spec:
  digestReflectionPolicy: Always
```

Add `interval: 10m`. How often tags are listed is `spec.interval` of the ImageRepository. The fix takes away
an interval that is refused. Source: image-reflector-controller, ImagePolicy v1.
""",
    check=_check,
    fix="safe",
)
