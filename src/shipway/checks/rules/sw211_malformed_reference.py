"""SW211: a text where an image reference belongs that is none, upper-case names above all."""

from __future__ import annotations

from collections.abc import Iterator

from shipway.checks.bases import concerns_reference, is_malformed
from shipway.checks.facts import DeclaredBuild, Facts
from shipway.checks.finding import Finding, Fix
from shipway.checks.references.mention import parse_mention
from shipway.checks.rule import Rule
from shipway.dockerfile.resolved import ResolveProblem
from shipway.fleet.matching import parsed_reference


def _check(rule: Rule, facts: Facts) -> Iterator[Finding]:
    seen: set[tuple[object, ...]] = set()
    for build in facts.declared:
        for problem in build.build.problems:
            key = (build.path, build.inputs.inline, problem.place.line, problem.source)
            if concerns_reference(problem) and is_malformed(problem.source) and key not in seen:
                seen.add(key)
                yield _finding(rule, facts, build, problem)


def _finding(rule: Rule, facts: Facts, build: DeclaredBuild, problem: ResolveProblem) -> Finding:
    lower = _lower(problem.source)
    mendable = lower != problem.source and parsed_reference(lower) is not None
    return rule.finding(
        facts.place(build, problem.place.line),
        problem.message,
        image=build.image.name,
        subject=problem.source,
        cause="repository names are lower-case" if mendable else problem.help,
        help=f"write {lower}" if mendable else "a reference is registry/repository:tag, or …@sha256:…",
        fix=_fix(facts, build, problem, lower) if mendable else None,
    )


def _lower(text: str) -> str:
    """The reference with its repository in lower case; tags may have capitals."""
    parsed = parse_mention(text)
    return text.lower() if parsed is None else parsed.head.lower() + parsed.version


def _fix(facts: Facts, build: DeclaredBuild, problem: ResolveProblem, text: str) -> Fix | None:
    source = facts.text_of(build)
    stages = build.build.dockerfile.stages
    lines = [each for stage in stages for each in (stage.origin, *stage.instructions)]
    found = next((each for each in lines if each.line == problem.place.line), None)
    if found is None or found.original.count(problem.source) != 1:
        return None
    return source.fix("unsafe", "write it in lower case", (source.word_span(found, problem.source), text))


RULE = Rule(
    id="SW211",
    name="malformed-reference",
    severity="error",
    summary="A text where an image reference belongs is none",
    rationale="""\
Repository names are lower-case; tags have at most 128 letters, digits, `_`, `.` and `-`; digests are sha256
or sha512 in hexadecimal (distribution/reference). An engine refuses anything else before it builds.

```dockerfile
FROM ghcr.io/Acme/shop/base:1.0
```

A `COPY --from` with such a text is often a stage's name with a slip in it.
""",
    check=_check,
    fix="unsafe",
)
