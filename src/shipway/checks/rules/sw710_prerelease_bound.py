"""SW710: a range that admits prereleases and whose upper bound does not keep them out."""

from __future__ import annotations

import re
from collections.abc import Iterator

from shipway.checks.facts import Facts
from shipway.checks.finding import Finding
from shipway.checks.image_policies import policies, tell, value_fix
from shipway.checks.rule import Rule
from shipway.gitops.constraint import Range
from shipway.gitops.semver import Version

_BOUND = re.compile(r"<\s*(?P<version>v?\d+\.\d+\.\d+)(?![\w.+-])")


def _check(rule: Rule, facts: Facts) -> Iterator[Finding]:
    for each, policy in policies(facts):
        if policy.kind != "semver":
            continue
        wanted = Range.parse(policy.range)
        for bound in _BOUND.finditer(policy.range):
            first = Version.of_tag(f"{bound['version']}-alpha")
            if first is not None and wanted.admits(first):
                text = f"{policy.range[: bound.end()]}-0{policy.range[bound.end() :]}"
                yield tell(
                    rule,
                    each,
                    "range",
                    f"{bound.group()} does not keep out {bound['version']}-alpha",
                    cause="another bound of the range names a prerelease, so that all of it admits them",
                    help=f"write {text}",
                    fix=value_fix(facts, each, "range", text, "keep prereleases of the bound out"),
                )


RULE = Rule(
    id="SW710",
    name="prerelease-bound",
    severity="warning",
    summary="A range that admits prereleases and whose upper bound does not keep them out",
    rationale="""\
As soon as one comparison of a range names a prerelease, all comparisons beside it admit prereleases. So

```yaml
policy:
  semver:
    range: ">=3.0.0-0 <4.0.0"
```

picks `4.0.0-beta.1`, the first step into the next major version. Write `<4.0.0-0`. Source:
Masterminds/semver v3.
""",
    check=_check,
    fix="unsafe",
)
