"""SW713: a marker for a policy that does not exist in its namespace."""

from __future__ import annotations

from collections.abc import Iterator

from shipway.checks.facts import Facts
from shipway.checks.finding import Finding
from shipway.checks.rule import Rule
from shipway.gitops.edits.marker import Marker
from shipway.gitops.flux import is_open


def _check(rule: Rule, facts: Facts) -> Iterator[Finding]:
    flux = facts.flux
    if not flux.policies or flux.unread:
        return  # they are elsewhere, or in files that only a template engine can read
    for written in flux.written:
        marker = written.marker
        if marker is None or written.unread or is_open(f"{marker.namespace}{marker.name}"):
            continue
        if not flux.policies_called(*marker.policy):
            yield rule.finding(
                written.place,
                f"there is no ImagePolicy {marker.name} in the namespace {marker.namespace}",
                subject=written.text,
                cause="Flux passes over the marker and tells nobody",
                help=_help(facts, marker),
            )


def _help(facts: Facts, marker: Marker) -> str:
    namesakes = [each.title for each in facts.flux.policies if each.title.name == marker.name]
    if namesakes:
        spaces = sorted(
            {space for each in namesakes for space in each.transform.namespaces or {each.namespace}}
        )
        return f"a policy of this name is in {', '.join(spaces)}: write that namespace"
    names = sorted({each.title.name for each in facts.flux.policies})
    return f"policies here are {', '.join(names[:5])}" + (" …" if len(names) > 5 else "")


RULE = Rule(
    id="SW713",
    name="marker-without-policy",
    severity="warning",
    summary="A marker for a policy that does not exist in its namespace",
    rationale="""\
A marker names a policy by namespace and name:

```yaml
image: ghcr.io/acme/api:main-1 # {"$imagepolicy": "flux-system:api"}
```

When there is no such policy in that namespace, Flux leaves the line alone; no status and no event tells it.
Namespaces that Kustomize and Flux set (`namespace:`, `targetNamespace:`) are taken into account, and so are
prefixes and suffixes of names. A repository without any ImagePolicy is not looked at: they are elsewhere.
""",
    check=_check,
)
