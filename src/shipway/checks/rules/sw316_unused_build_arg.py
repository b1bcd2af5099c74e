"""SW316: a build arg that no ARG of the Dockerfile declares."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from shipway.checks.facts import Facts
from shipway.checks.finding import Finding
from shipway.checks.rule import Rule
from shipway.checks.variables import global_names, near
from shipway.dockerfile import scope
from shipway.dockerfile.syntax import Dockerfile

_FOR_THE_BUILDER = ("BUILDKIT_", "SOURCE_DATE_EPOCH", "DOCKER_BUILDKIT")


def _check(rule: Rule, facts: Facts) -> Iterator[Finding]:
    for build in facts.declared:
        for name in build.build.unused_args:
            if name.startswith(_FOR_THE_BUILDER) or build.declaration is None:
                continue
            guess = near(name, _declared(build.build.dockerfile))
            finding = rule.finding(
                build.declaration.place_of("args"),
                f"{build.path} has no ARG {name}, so the build arg has no effect",
                image=build.image.name,
                subject=name,
                help=f"did you mean {guess}?" if guess else f"declare ARG {name}, or leave the build arg out",
            )
            yield finding if guess is None else replace(finding, severity="warning")


def _declared(dockerfile: Dockerfile) -> frozenset[str]:
    inside = (
        name
        for each in dockerfile.instructions
        if each.keyword == "ARG"
        for name, _ in scope.declarations(each)
    )
    return global_names(dockerfile).union(inside)


RULE = Rule(
    id="SW316",
    name="unused-build-arg",
    severity="info",
    summary="A build arg that no ARG of the Dockerfile declares",
    rationale="""\
A build arg takes effect only where an `ARG` of its name is in scope. Engines tell of others in the middle of
their output at best; a version that was to be passed stays what it was.

```yaml
services:
  api:
    build:
      context: .
      args:
        GOLANG_VERSION: "1.25"   # the Dockerfile says ARG GO_VERSION
```

One that is nearly the name of an `ARG`, as here, is a warning; others may be there because several images
share their args. Declare the `ARG`, or leave the build arg out. Source: the Dockerfile reference, ARG; docker
warns *one or more build-args were not consumed*.
""",
    check=_check,
)
