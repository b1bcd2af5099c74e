"""SW104: what COPY, ADD or a bind mount reads is here, but git does not track it."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from dataclasses import dataclass

from shipway.checks.facts import DeclaredBuild, Facts
from shipway.checks.finding import Finding
from shipway.checks.rule import Rule
from shipway.checks.sources import Failure, source_finding
from shipway.dockerfile.outcome import SourceOutcome
from shipway.fleet.builds import is_local


@dataclass(frozen=True, slots=True)
class _Candidate:
    build: DeclaredBuild
    outcome: SourceOutcome
    path: str


def _check(rule: Rule, facts: Facts) -> Iterator[Finding]:
    if facts.tracked is None:
        return
    known = _with_parents(facts.tracked)
    found = [each for build in facts.declared for each in _candidates(facts, build, known)]
    rules = facts.git_rules([*dict.fromkeys(each.path for each in found)]) if found else {}
    for each in found:
        said = rules.get(each.path)
        yield source_finding(
            rule,
            facts,
            Failure(each.build, each.outcome),
            f"{each.path} is here, but git {'ignores it' if said else 'does not track it'}",
            cause=f"a checkout in CI does not have it: {said}"
            if said
            else "a checkout in CI does not have it",
            help="commit it"
            if said is None
            else "let the CI job make it before the build, or drop the line and commit it",
        )


def _with_parents(tracked: frozenset[str]) -> set[str]:
    """The tracked files and every directory that holds one."""
    known = {"", *tracked}
    for path in tracked:
        parent = posixpath.dirname(path)
        while parent not in known:
            known.add(parent)
            parent = posixpath.dirname(parent)
    return known


def _candidates(facts: Facts, build: DeclaredBuild, known: set[str]) -> Iterator[_Candidate]:
    """The sources of a build of which nothing at all is tracked."""
    if build.image.root:
        return  # git was asked about the fleet's own repository
    for outcome in build.report.outcomes:
        context = _context(build, outcome)
        if outcome.failed or context is None or not outcome.matched:
            continue
        paths = [posixpath.normpath(posixpath.join(context, each)) for each in outcome.matched]
        if not any(_is_tracked(path, known, facts) for path in paths):
            yield _Candidate(build, outcome, paths[0])


def _context(build: DeclaredBuild, outcome: SourceOutcome) -> str | None:
    """The directory that a source is read from, None for anything but one of the repository."""
    origin, inputs = outcome.read.origin, build.inputs
    if origin.kind not in ("main", "context"):
        return None
    context = inputs.context if origin.kind == "main" else inputs.contexts.get(origin.name, "-")
    return context if is_local(context) and not context.startswith("..") else None


def _is_tracked(path: str, known: set[str], facts: Facts) -> bool:
    """Whether git tracks a file, something below a directory, or the submodule that holds it."""
    if path in known or path == ".":
        return True
    while path := posixpath.dirname(path):
        if path in (facts.tracked or ()):
            return True
    return False


RULE = Rule(
    id="SW104",
    name="untracked-source",
    severity="warning",
    summary="A source exists here, but git does not track it",
    rationale="""\
The build works on this machine and fails in CI, where a checkout has tracked files only. A stale directory
that nobody committed hides a broken path for as long as it stays.

```dockerfile
COPY dist/ /srv/
```

with `dist/` in `.gitignore` is right when a step before the build makes it, and wrong otherwise: that is why
this is a warning. The finding names the line of the ignore file that git goes by. A directory is found only
when nothing at all in it is tracked; what submodules hold is taken as tracked.

Commit the file, or ignore the finding with the step that makes it as the reason.
""",
    check=_check,
)
