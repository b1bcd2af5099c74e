"""SW702: an ImagePolicy that Flux refuses."""

from __future__ import annotations

from collections.abc import Iterator

from shipway.checks.facts import Facts
from shipway.checks.finding import Finding
from shipway.checks.image_policies import tell
from shipway.checks.rule import Rule


def _check(rule: Rule, facts: Facts) -> Iterator[Finding]:
    for policy in facts.flux.policies:
        if (error := policy.error) is not None and not policy.is_patched:
            value = next(
                (name for name, piece in policy.scalars.items() if repr(piece.text) in error.message), "kind"
            )
            yield tell(rule, policy, value, error.message, cause=error.cause, help=error.help)


RULE = Rule(
    id="SW702",
    name="invalid-policy",
    severity="error",
    summary="An ImagePolicy that Flux refuses",
    rationale="""\
Flux stalls on a policy whose range, pattern or order it cannot read (`InvalidPolicy`), and keeps the image
it picked before, for ever:

```yaml
policy:
  semver:
    range: ">=1.0.0,"
```

Mend the value: ranges are those of Masterminds/semver, patterns those of RE2 (no look-arounds, no
back-references), orders `asc` and `desc` in lower case. `shipway tags select` decides with the same rules.
Source: image-reflector-controller.
""",
    check=_check,
)
