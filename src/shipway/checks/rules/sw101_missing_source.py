"""SW101: what COPY, ADD or a bind mount reads is not in the build context."""

from __future__ import annotations

from collections.abc import Iterator

from shipway.checks.contexts import fitting, holding, in_context
from shipway.checks.facts import Facts
from shipway.checks.finding import Finding
from shipway.checks.rule import Rule
from shipway.checks.sources import Failure, declared_at, failures, replacement, source_finding, where
from shipway.dockerfile.sources import clean


def _check(rule: Rule, facts: Facts) -> Iterator[Finding]:
    fits: dict[int, str | None] = {}
    for failure in failures(facts, "missing"):
        build = failure.build
        elsewhere = _elsewhere(facts, failure)
        if elsewhere is not None and id(build) not in fits:
            fits[id(build)] = fitting(facts, build)
        yield _finding(rule, facts, failure, elsewhere, fits.get(id(build)))


def _elsewhere(facts: Facts, failure: Failure) -> str | None:
    """The other context in which the source exists."""
    read = failure.read
    if read.origin.kind != "main" or read.expanded is None:
        return None
    return holding(facts, failure.build, read.expanded)


def _finding(rule: Rule, facts: Facts, failure: Failure, elsewhere: str | None, fit: str | None) -> Finding:
    build, read, near = failure.build, failure.read, failure.outcome.nearest
    message = f"{failure.outcome.path} is not in {where(build, read)}"
    cause, help = declared_at(build), "check the path, or create the file"
    if elsewhere is not None:
        message += f"; it exists as {in_context(elsewhere, read.expanded or '')}"
        cause = f"wrong context: paths count from {build.inputs.context}, {cause}"
        help = _context_help(build.inputs.context, elsewhere, fit)
    elif near is not None and _same_but_case(near, read.expanded or ""):
        message += f"; {near} differs in case alone"
        cause, help = "file names in a build are case-sensitive", f"write {near}"
    elif near is not None:
        help = f"did you mean {near}?"
    if read.unset:
        names = ", ".join(sorted(read.unset))
        cause = f"{names} has no value here; {cause}"
    fix = replacement(build, read, near) if near is not None and elsewhere is None else None
    return source_finding(rule, facts, failure, message, cause=cause, help=help, fix=fix)


def _same_but_case(near: str, source: str) -> bool:
    return near.lower() == clean(source).lower()


def _context_help(context: str, elsewhere: str, fit: str | None) -> str:
    if fit is not None:
        return f"build with the context {fit}: everything that this Dockerfile copies is there"
    return (
        f"write paths relative to {context}, or move what is copied;"
        f" no one context holds everything, {elsewhere} holds this source"
    )


RULE = Rule(
    id="SW101",
    name="missing-source",
    severity="error",
    summary="A source of COPY, ADD or a bind mount is not in the build context",
    rationale="""\
The build would stop with `failed to compute cache key: … not found`, after everything before it was built.

```dockerfile
FROM python:3.13-slim
COPY requirments.txt /app/
```

Every source in the stages that the target needs is looked for as BuildKit looks for it: after ARG and ENV
for each platform, relative to the context that the declaration names, through symbolic links that stay
inside it. The message tells apart a name that is nowhere (with the nearest one), one that differs in case,
and one that exists under another directory: then the context is wrong, and the one in which all sources
would be found is named.

Write the right path, or build with the right context.
""",
    check=_check,
    fix="display",
)
