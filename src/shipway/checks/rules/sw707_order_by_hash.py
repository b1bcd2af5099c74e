"""SW707: a policy that orders tags by a commit's hash."""

from __future__ import annotations

from collections.abc import Iterator

from shipway.checks.facts import Facts
from shipway.checks.finding import Finding
from shipway.checks.image_policies import policies, tell
from shipway.checks.rule import Rule
from shipway.gitops.patterns import begins_with_hash, compared, takes_hashes
from shipway.gitops.policy import TagPolicy


def _check(rule: Rule, facts: Facts) -> Iterator[Finding]:
    for each, policy in policies(facts):
        if _is_by_hash(policy):
            yield tell(
                rule,
                each,
                "extract" if policy.extract else "pattern",
                "tags are ordered by the hash of a commit, which knows no earlier and later",
                cause="the newest of n deliveries wins with a chance of 1 in n"
                if policy.kind == "alphabetical"
                else "most hashes are no numbers, and one of them makes the whole policy fail",
                help="take a time or a run number out of the tag: (?P<ts>[0-9]+) with extract $ts, numerical",
            )


def _is_by_hash(policy: TagPolicy) -> bool:
    parts = compared(policy.pattern, policy.extract)
    if policy.kind == "semver" or not parts:
        return False
    if policy.kind == "numerical":
        return any(map(takes_hashes, parts))
    return takes_hashes(parts[0]) if policy.extract else begins_with_hash(policy.pattern)


RULE = Rule(
    id="SW707",
    name="order-by-hash",
    severity="error",
    summary="A policy that orders tags by a commit's hash",
    rationale="""\
In `main-<sha>-<time>` the hash comes first, and decides:

```yaml
filterTags:
  pattern: '^main-[a-f0-9]+-[0-9]+$'
policy:
  alphabetical: {order: asc}
```

The newest of n deliveries wins with a chance of 1 in n, and a hash near `fff` stays for months. Compare the
time:

```yaml
filterTags:
  pattern: '^main-[a-f0-9]+-(?P<ts>[0-9]+)$'
  extract: $ts
policy:
  numerical: {order: asc}
```

`shipway tags prove --scheme 'main-{sha7}-{timestamp}' …` shows both.
""",
    check=_check,
)
