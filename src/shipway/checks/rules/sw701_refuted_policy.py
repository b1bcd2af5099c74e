"""SW701: a policy under which a later delivery can lose."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from shipway.checks.deliveries import Delivery, deliveries
from shipway.checks.facts import Facts
from shipway.checks.finding import Finding, Fix
from shipway.checks.image_policies import tell, value_fix
from shipway.checks.rule import Rule
from shipway.errors import ShipwayError
from shipway.gitops.policy import TagPolicy
from shipway.gitops.proof import Counterexample, prove
from shipway.gitops.suggest import Suggestion, suggest

# the values that may be wrong alone
_ALONE = ("order", "extract", "pattern", "range", "kind")


def _check(rule: Rule, facts: Facts) -> Iterator[Finding]:
    for delivery in deliveries(facts):
        proofs = [prove(scheme, delivery.policy, delivery.branch) for scheme in delivery.schemes]
        if any(proof.proven for proof in proofs):
            continue
        found = proofs[0].counterexample
        if found is not None:
            yield _finding(rule, facts, delivery, found)


def _finding(rule: Rule, facts: Facts, delivery: Delivery, found: Counterexample) -> Finding:
    scheme = delivery.schemes[0]
    right = suggest(scheme, delivery.branch)
    picked = f"picks {found.selected}" if found.selected else "picks nothing"
    return tell(
        rule,
        delivery.declared,
        "kind",
        f"of {', '.join(found.tags)} (oldest first) the policy {picked}, not the newest",
        image=delivery.image,
        subject=delivery.declared.title.name,
        cause=f"tags are {scheme.text}, and {found.why}",
        help=_help(right, delivery),
        fix=_fix(facts, delivery, right),
    )


def _help(right: Suggestion, delivery: Delivery) -> str:
    if right.scheme == delivery.schemes[0]:
        return f"proven is {right.policy}"
    return f"no policy can be right for these tags; proven is {right.policy} with tags {right.scheme.text}"


def _fix(facts: Facts, delivery: Delivery, right: Suggestion) -> Fix | None:
    """The edit of one value after which the policy is proven, where there is such a one."""
    scheme = delivery.schemes[0]
    for name in _ALONE:
        text = str(getattr(right.policy, name))
        changed = _changed(delivery.policy, name, text)
        if changed is None or right.scheme != scheme or not prove(scheme, changed, delivery.branch).proven:
            continue
        fix = value_fix(facts, delivery.declared, name, text, f"write {name} {text}")
        if fix is not None:
            return fix
    return None


def _changed(policy: TagPolicy, name: str, text: str) -> TagPolicy | None:
    if str(getattr(policy, name)) == text or (name == "kind" and "semver" in (policy.kind, text)):
        return None
    fields = {each: str(getattr(policy, each)) or None for each in _ALONE} | {name: text or None}
    try:
        made = TagPolicy.parse(
            fields["kind"] or policy.kind,
            order=None if fields["kind"] == "semver" else fields["order"],
            range=fields["range"],
            pattern=fields["pattern"],
            extract=fields["extract"],
        )
    except ShipwayError:
        return None
    return replace(made, exclusions=policy.exclusions)


RULE = Rule(
    id="SW701",
    name="refuted-policy",
    severity="error",
    summary="A policy under which a later delivery can lose",
    rationale="""\
Where an ImagePolicy and the tags that it picks from are both in the repository, Shipway holds them against
each other: the tag scheme of `shipway.yaml`, or the tags that a workflow pushes, over branch names with
slashes, random commits, re-runs, widths that change, turns of the day and the year, suffixes and tags of
other branches. A policy is refuted by the smallest list of tags whose newest it does not pick:

```yaml
# shipway.yaml: tag: "{branch}-{sha7}-{timestamp}"
kind: ImagePolicy
spec:
  policy:
    alphabetical: {order: asc}
```

picks `main-f00dbad-1767225600` before `main-1c3a5e7-1767225601`. The policy that is proven for the same
tags stands in the help, and `shipway tags policy` prints it whole. Where one value is wrong alone, the fix
changes it.

Only tags that a workflow's text tells are looked at, and only when the policy's pattern takes one of them;
a policy that `shipway rollback` holds at a tag is not. What is assumed is told by `shipway tags prove`.
""",
    check=_check,
    fix="unsafe",
)
