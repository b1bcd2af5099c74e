"""SW209: a FROM whose reference is empty or broken once its variables are expanded."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from shipway.checks.bases import concerns_reference, is_malformed
from shipway.checks.facts import DeclaredBuild, Facts
from shipway.checks.finding import Finding
from shipway.checks.rule import Rule
from shipway.dockerfile.resolved import ResolveProblem
from shipway.dockerfile.scope import Globals, platform_args
from shipway.dockerfile.words import ExpansionError, expand


def _check(rule: Rule, facts: Facts) -> Iterator[Finding]:
    seen: set[tuple[object, ...]] = set()
    for build in facts.declared:
        for problem in build.build.problems:
            key = (build.path, build.inputs.inline, problem.place.line, problem.message)
            if not concerns_reference(problem) or is_malformed(problem.source) or key in seen:
                continue
            seen.add(key)
            unset = _unset(build, problem.source)
            if not unset & _open(build):
                finding = _finding(rule, facts, build, problem, unset)
                yield finding if _is_declared(build) else replace(finding, severity="warning")


def _finding(
    rule: Rule, facts: Facts, build: DeclaredBuild, problem: ResolveProblem, unset: frozenset[str]
) -> Finding:
    names = ", ".join(sorted(unset))
    return rule.finding(
        facts.place(build, problem.place.line),
        problem.message,
        image=build.image.name,
        subject=problem.source,
        cause=f"{names} has no value in front of the first FROM" if unset else problem.help,
        help=f"write ARG {sorted(unset)[0]}=… before the first FROM, or pass the build arg"
        if unset
        else None,
    )


def _unset(build: DeclaredBuild, word: str) -> frozenset[str]:
    """The variables of a FROM that have no value in this build."""
    args = {name: value for name, value in build.inputs.args.items() if value is not None}
    dockerfile = build.build.dockerfile
    values = Globals(dockerfile, args, platform_args(build.platform, build.platform, "")).values
    try:
        return expand(word, values, dockerfile.escape).unset
    except ExpansionError:
        return frozenset()


def _open(build: DeclaredBuild) -> frozenset[str]:
    """Build args whose value only the environment of the build tells."""
    return frozenset(name for name, value in build.inputs.args.items() if value is None)


def _is_declared(build: DeclaredBuild) -> bool:
    """Whether a file tells the build args; of a bare Dockerfile nobody knows them."""
    return build.declaration is not None and build.declaration.kind != "dockerfile"


RULE = Rule(
    id="SW209",
    name="unresolved-base",
    severity="error",
    summary="A FROM is empty or broken once its variables are expanded",
    rationale="""\
FROM sees only the ARGs before the first FROM, and the build args. One without a value leaves a reference that
is empty, or ends at its colon.

```dockerfile
ARG VERSION
FROM python:${VERSION}
```

Give the ARG a default, or the build arg in the declaration. Args whose value is taken from the environment
are left out; a Dockerfile that no file declares a build of is worth a warning only.
""",
    check=_check,
)
