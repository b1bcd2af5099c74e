"""SW102: what COPY, ADD or a bind mount reads is excluded by the ignore file."""

from __future__ import annotations

from collections.abc import Iterator

from shipway.checks.facts import Facts
from shipway.checks.finding import Edit, Finding, Fix
from shipway.checks.rule import Rule
from shipway.checks.sources import Failure, declared_at, failures, source_finding, where
from shipway.dockerfile.ignore import parse_ignore
from shipway.errors import ShipwayError
from shipway.fleet.roots import below, prefix_of


def _check(rule: Rule, facts: Facts) -> Iterator[Finding]:
    for failure in failures(facts, "ignored", "glob-dir-ignored"):
        yield _finding(rule, facts, failure)


def _finding(rule: Rule, facts: Facts, failure: Failure) -> Finding:
    build, outcome = failure.build, failure.outcome
    what = "the directory " if outcome.reason == "glob-dir-ignored" else ""
    message = f"{what}{outcome.path} exists, but is excluded from {where(build, failure.read)}"
    by, line = outcome.ignored_by, f"!{outcome.path.lstrip('/')}"
    if by is None:
        return source_finding(rule, facts, failure, message, cause=declared_at(build))
    path = below(prefix_of(facts.fleet.roots, build.image.root), by.place.path)
    return source_finding(
        rule,
        facts,
        failure,
        f"{message} by the line {by.pattern!r} of {path}:{by.place.line}",
        cause=f"the last line that matches decides; {declared_at(build)}",
        help=f"add the line {line} below, or copy something else",
        fix=_inclusion(facts, path, outcome.path.lstrip("/"), line),
    )


def _inclusion(facts: Facts, path: str, source: str, line: str) -> Fix | None:
    """A last line of the ignore file that brings the source back, for people to look at."""
    try:
        data = facts.data(path)
    except ShipwayError:
        return None
    ending = "\r\n" if b"\r\n" in data else "\n"
    text = ("" if data.endswith(b"\n") or not data else ending) + line + ending
    if parse_ignore(data + text.encode("utf-8", errors="surrogateescape"), path).ignores(source):
        return None
    return Fix("display", f"add {line} to {path}", (Edit(path, len(data), len(data), text),))


RULE = Rule(
    id="SW102",
    name="ignored-source",
    severity="error",
    summary="A source of COPY, ADD or a bind mount is excluded by the ignore file",
    rationale="""\
The file is there, and the build says `not found`: the ignore file keeps it out of the context.

```
# .dockerignore
*
!src
```
```dockerfile
COPY pyproject.toml src /app/
```

`<Dockerfile name>.dockerignore` beside the Dockerfile replaces `.dockerignore` of the context root; patterns
count from the context root; the last line that matches decides, except that a line which names a directory
already excluded does not exclude again what a `!` between brought back. Links are judged with their targets.
The finding names the file and the line. BuildKit's own CopyIgnoredFile is silent as soon as any line starts
with `!` (moby/buildkit#7125).

Bring the path back with a line that starts with `!`, at the end of the file.
""",
    check=_check,
    fix="display",
    aliases=("CopyIgnoredFile",),
)
