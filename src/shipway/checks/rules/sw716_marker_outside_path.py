"""SW716: a marker in a file that no automation writes."""

from __future__ import annotations

from collections.abc import Iterator

from shipway.checks.facts import Facts
from shipway.checks.finding import Finding
from shipway.checks.rule import Rule
from shipway.gitops.flux import is_open


def _check(rule: Rule, facts: Facts) -> Iterator[Finding]:
    flux = facts.flux
    if not flux.automations or flux.unread:
        return
    for written in flux.written:
        if written.marker is None or written.unread or is_open(written.marker.namespace):
            continue
        namespace = written.marker.namespace
        here = [each for each in flux.automations if each.title.is_in(namespace)]
        maybe = [each for each in flux.automations if each.title.may_be_in(namespace)]
        if here and not any(each.writes(written.place.path) for each in maybe):
            paths = ", ".join(sorted({f"./{each.path}" for each in here}))
            yield rule.finding(
                written.place,
                f"no automation of {namespace} writes this file: update.path is {paths}",
                subject=written.text,
                help="move the file there, or widen spec.update.path of the ImageUpdateAutomation",
            )


RULE = Rule(
    id="SW716",
    name="marker-outside-path",
    severity="warning",
    summary="A marker in a file that no automation writes",
    rationale="""\
An ImageUpdateAutomation looks for markers below `spec.update.path`:

```yaml
kind: ImageUpdateAutomation
spec:
  update:
    path: ./clusters/production
```

A marker in `apps/api/deployment.yaml` is never seen, and no status tells it. Reported is a marker whose
namespace has automations in this repository, none of which covers the file.
""",
    check=_check,
)
