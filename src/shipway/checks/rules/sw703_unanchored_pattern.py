"""SW703: a tag pattern that does not say where tags begin or end."""

from __future__ import annotations

from collections.abc import Iterator

from shipway.checks.facts import Facts
from shipway.checks.finding import Finding, Fix
from shipway.checks.image_policies import policies, tell, value_fix
from shipway.checks.rule import Rule
from shipway.gitops.flux import ImagePolicy
from shipway.gitops.patterns import alternatives, is_anchored

_COUNTED = (")", "+", "}")


def _check(rule: Rule, facts: Facts) -> Iterator[Finding]:
    for each, policy in policies(facts):
        begins, ends = is_anchored(policy.pattern)
        # without an extract a range decides over whole tags, whatever the pattern lets in
        if not policy.pattern or (begins and ends) or (policy.kind == "semver" and not policy.extract):
            continue
        where = " or ".join(word for word, said in (("begin", begins), ("end", ends)) if not said)
        other = _other(begins)
        yield tell(
            rule,
            each,
            "pattern",
            f"the pattern does not say where tags {where}, and lets in {other}",
            cause="a pattern is looked for anywhere in a tag",
            help="say all of a tag, from ^ to $",
            fix=_fix(facts, each, policy.pattern),
        )


def _other(begins: bool) -> str:
    return "variants such as -arm64 and -debug" if begins else "tags of other branches, and variants of them"


def _fix(facts: Facts, each: ImagePolicy, pattern: str) -> Fix | None:
    """The anchors that lack, where it is plain what stands there: one tag, of which the last part is told."""
    begins, ends = is_anchored(pattern)
    if len(list(alternatives(pattern))) > 1 or (not ends and not pattern.endswith(_COUNTED)):
        return None
    return value_fix(
        facts, each, "pattern", ("" if begins else "^") + pattern + ("" if ends else "$"), "anchor it"
    )


RULE = Rule(
    id="SW703",
    name="unanchored-pattern",
    severity="warning",
    summary="A tag pattern that does not say where tags begin or end",
    rationale="""\
Flux looks for `filterTags.pattern` anywhere in a tag. Without `^` and `$` it lets in more than it says:

```yaml
filterTags:
  pattern: 'main-[a-f0-9]+-(?P<ts>[0-9]+)'
  extract: $ts
```

also takes `hotfix-main-abcabca-1720000000` and `main-8b2d4f6-1730000000-arm64`, and the image of another
branch or of one platform goes live. Write `^main-[a-f0-9]+-(?P<ts>[0-9]+)$`. A pattern that is open on
purpose begins or ends with `.*`, and is not reported; nor is one under `semver` without `extract`, where
the range decides over the whole tag. The fix adds what is missing: look whether all your tags still match.
""",
    check=_check,
    fix="unsafe",
)
