"""SW705: a numerical policy whose pattern also takes what is no number."""

from __future__ import annotations

from collections.abc import Iterator

from shipway.checks.facts import Facts
from shipway.checks.finding import Finding, Fix
from shipway.checks.image_policies import policies, tell, value_fix
from shipway.checks.rule import Rule
from shipway.gitops.flux import ImagePolicy
from shipway.gitops.patterns import compared, takes_words
from shipway.gitops.policy import TagPolicy

_WILDCARDS = (".*", ".+", ".*?", ".+?")


def _check(rule: Rule, facts: Facts) -> Iterator[Finding]:
    for each, policy in policies(facts):
        if policy.kind != "numerical" or not policy.pattern:
            continue
        part = next((part for part in compared(policy.pattern, policy.extract) if takes_words(part)), None)
        if part is not None:
            yield tell(
                rule,
                each,
                "pattern",
                f"{part} also takes what is no number",
                cause="one tag such as 1710000000-arm64 or latest makes the whole policy fail",
                help="write [0-9]+, and $ behind the pattern",
                fix=_fix(facts, each, policy, part),
            )


def _fix(facts: Facts, each: ImagePolicy, policy: TagPolicy, part: str) -> Fix | None:
    if not policy.extract or part not in _WILDCARDS or policy.pattern.count(part) != 1:
        return None
    text = policy.pattern.replace(part, "[0-9]+")
    text += "$" if text.endswith("[0-9]+)") else ""
    return value_fix(facts, each, "pattern", text, "take digits alone")


RULE = Rule(
    id="SW705",
    name="words-as-numbers",
    severity="warning",
    summary="A numerical policy whose pattern also takes what is no number",
    rationale="""\
Under `numerical` one tag whose key is no number fails the whole policy, and the image of yesterday stays:

```yaml
filterTags:
  pattern: '^main-[a-f0-9]+-(?P<ts>.*)'
  extract: $ts
policy:
  numerical:
    order: asc
```

The first `main-8b2d4f6-1730000000-arm64`, or a signature's tag, stops every later delivery. Write
`(?P<ts>[0-9]+)$`: other tags are then dropped.
""",
    check=_check,
    fix="unsafe",
)
