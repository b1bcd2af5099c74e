"""SW708: a policy that can pick one tag alone."""

from __future__ import annotations

from collections.abc import Iterator

from shipway.checks.facts import Facts
from shipway.checks.finding import Finding
from shipway.checks.image_policies import policies, tell
from shipway.checks.rule import Rule
from shipway.gitops.patterns import is_constant


def _check(rule: Rule, facts: Facts) -> Iterator[Finding]:
    for each, policy in policies(facts):
        if policy.kind != "semver" and is_constant(policy.pattern) and each.reflection != "Always":
            yield tell(
                rule,
                each,
                "pattern",
                "only one tag matches: the policy is ready for ever, and nothing new is ever picked",
                help="let each delivery have a tag of its own, or set digestReflectionPolicy: Always",
            )


RULE = Rule(
    id="SW708",
    name="constant-tag",
    severity="warning",
    summary="A policy that can pick one tag alone",
    rationale="""\
Flux compares tags, not what is behind them:

```yaml
filterTags:
  pattern: '^latest$'
policy:
  alphabetical: {}
```

picks `latest` once; when the tag moves, nothing happens, and every status is green. Give each delivery a
tag of its own (`shipway tags policy` prints a policy for it), or set `digestReflectionPolicy: Always` with
an interval, and a marker that writes the digest: then this rule is silent.
""",
    check=_check,
)
