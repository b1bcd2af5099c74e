"""SW717: a policy with markers that no automation selects."""

from __future__ import annotations

from collections.abc import Iterator

from shipway.checks.facts import Facts
from shipway.checks.finding import Finding
from shipway.checks.rule import Rule
from shipway.gitops.flux import Flux, ImagePolicy, ImageUpdateAutomation
from shipway.gitops.selector import selects
from shipway.gitops.transforms import UNCHANGED


def _check(rule: Rule, facts: Facts) -> Iterator[Finding]:
    flux = facts.flux
    for policy in flux.policies:
        title = policy.title
        surely = any(each.title.is_in(title.namespace) for each in flux.automations)
        if not title.namespace or not surely or title.transform != UNCHANGED or not _is_marked(flux, policy):
            continue
        here = [each for each in flux.automations if each.title.may_be_in(title.namespace)]
        if not any(_selects(each, policy) for each in here):
            yield rule.finding(
                title.place,
                f"no automation of {title.namespace} selects the policy {title.name} by its labels",
                subject=title.name,
                cause="its markers are passed over",
                help=f"give it the labels that policySelector of {here[0].title.name} asks for",
            )


def _selects(automation: ImageUpdateAutomation, policy: ImagePolicy) -> bool:
    patched = "ImageUpdateAutomation" in automation.title.transform.patched
    return automation.selector is None or patched or selects(automation.selector, policy.title.labels)


def _is_marked(flux: Flux, policy: ImagePolicy) -> bool:
    markers = (written.marker for written in flux.written if not written.unread)
    return any(marker is not None and policy.title.may_be(*marker.policy) for marker in markers)


RULE = Rule(
    id="SW717",
    name="unselected-policy",
    severity="warning",
    summary="A policy with markers that no automation selects",
    rationale="""\
With `policySelector` an ImageUpdateAutomation writes the policies alone whose labels match:

```yaml
kind: ImageUpdateAutomation
spec:
  policySelector:
    matchLabels: {team: shop}
```

The markers of a policy without the label are passed over, and no status tells it. Policies that
Kustomize changes are not looked at.
""",
    check=_check,
)
