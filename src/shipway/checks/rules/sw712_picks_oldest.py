"""SW712: desc, which picks the oldest."""

from __future__ import annotations

from collections.abc import Iterator

from shipway.checks.facts import Facts
from shipway.checks.finding import Finding
from shipway.checks.image_policies import policies, tell, value_fix
from shipway.checks.rule import Rule


def _check(rule: Rule, facts: Facts) -> Iterator[Finding]:
    for each, policy in policies(facts):
        if policy.kind != "semver" and policy.order == "desc":
            smallest = "smallest number" if policy.kind == "numerical" else "first tag by its bytes"
            yield tell(
                rule,
                each,
                "order",
                f"desc picks the {smallest}: the oldest, not the newest",
                cause="the last one of the order is picked",
                help="write asc, and every newer delivery is picked",
                fix=value_fix(facts, each, "order", "asc", "pick the newest"),
            )


RULE = Rule(
    id="SW712",
    name="picks-oldest",
    severity="warning",
    summary="A policy with order desc, which picks the oldest",
    rationale="""\
Flux puts keys in order and picks the last. `desc` looks like "newest first", and picks the smallest:

```yaml
policy:
  numerical:
    order: desc
```

Write `asc`. Source: image-reflector-controller.
""",
    check=_check,
    fix="unsafe",
)
