"""SW704: an extract that names a group which the pattern does not have."""

from __future__ import annotations

from collections.abc import Iterator

from shipway.checks.facts import Facts
from shipway.checks.finding import Finding, Fix
from shipway.checks.image_policies import policies, tell, value_fix
from shipway.checks.rule import Rule
from shipway.gitops.expand import names
from shipway.gitops.flux import ImagePolicy
from shipway.gitops.patterns import groups
from shipway.gitops.policy import TagPolicy


def _check(rule: Rule, facts: Facts) -> Iterator[Finding]:
    for each, policy in policies(facts):
        known = groups(policy.pattern)
        for name in dict.fromkeys(names(policy.extract)):
            if name in known or name == "0":
                continue
            alike = "all tags get the same key, and the first by its bytes is picked"
            fails = "the key is empty, and the policy fails"
            yield tell(
                rule,
                each,
                "extract",
                f"the pattern has no group {name!r}",
                cause=alike if policy.kind == "alphabetical" else fails,
                help=f"groups are {', '.join(known)}" if known else "name a group: (?P<ts>[0-9]+)",
                fix=_fix(facts, each, policy, name),
            )


def _fix(facts: Facts, each: ImagePolicy, policy: TagPolicy, name: str) -> Fix | None:
    """The only group there is, where the template is nothing but the wrong one."""
    named = [group for group in groups(policy.pattern) if not group.isdigit()]
    if len(named) != 1 or policy.extract not in (f"${name}", f"${{{name}}}"):
        return None
    return value_fix(facts, each, "extract", f"${named[0]}", f"write ${named[0]}")


RULE = Rule(
    id="SW704",
    name="unknown-group",
    severity="error",
    summary="An extract that names a group which the pattern does not have",
    rationale="""\
A group that the pattern does not have is the empty text, without an error:

```yaml
filterTags:
  pattern: '^main-[a-f0-9]+-(?P<ts>[0-9]+)$'
  extract: $tss
```

Under `alphabetical` all tags then have one key, and the tag that comes first by its bytes wins, today and
for ever. Under `numerical` the policy fails. A name is the longest run of letters, digits and underscores:
`$ts_1` asks for a group `ts_1`; write `${ts}_1`. Source: Go's `Regexp.Expand`.
""",
    check=_check,
    fix="unsafe",
)
