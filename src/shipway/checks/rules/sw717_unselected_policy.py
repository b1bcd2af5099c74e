"""SW717: a policy with markers that no automation selects."""

from __future__ import annotations

from collections.abc import Iterator

from shipway.checks.facts import Facts
from shipway.checks.finding import Finding
from shipway.checks.rule import Rule
from shipway.gitops.flux import Flux, ImagePolicy
from shipway.gitops.selector import selects


def _check(rule: Rule, facts: Facts) -> Iterator[Finding]:
    flux = facts.flux
    for policy in flux.policies:
        title = policy.title
        here = [
            each for each in flux.automations if title.namespace and each.title.may_be_in(title.namespace)
        ]
        if not here or title.transform.labels or title.transform.namespaces or not _is_marked(flux, policy):
            continue
        if not any(each.selector is None or selects(each.selector, title.labels) for each in here):
            yield rule.finding(
                title.place,
                f"no automation of {title.namespace} selects the policy {title.name} by its labels",
                subject=title.name,
                cause="its markers are passed over",
                help=f"give it the labels that policySelector of {here[0].title.name} asks for",
            )


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

The markers of a policy without the label are passed over, and no status tells it. Policies whose labels or
namespace Kustomize changes are not looked at.
""",
    check=_check,
)
