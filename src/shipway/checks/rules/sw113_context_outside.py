"""SW113: a context outside the repository, which is not looked at."""

from __future__ import annotations

from collections.abc import Iterator

from shipway.checks.facts import DeclaredBuild, Facts
from shipway.checks.finding import Finding
from shipway.checks.rule import Rule


def _check(rule: Rule, facts: Facts) -> Iterator[Finding]:
    for build in facts.declared:
        directory = facts.fleet.roots[build.image.root]
        for field, context in (("context", build.inputs.context), *_named(build)):
            if facts.leads_out(directory, context):
                declaration = build.declaration
                yield rule.finding(
                    declaration.place_of(field) if declaration else facts.place(build, 0),
                    f"the context {context} leads outside the repository; what it holds is not checked",
                    image=build.image.name,
                    subject=context,
                    cause="nothing outside the repository is read",
                    help="check from the directory that holds both: shipway check -C DIRECTORY",
                )


def _named(build: DeclaredBuild) -> Iterator[tuple[str, str]]:
    return (("contexts", context) for context in build.inputs.contexts.values())


RULE = Rule(
    id="SW113",
    name="context-outside",
    severity="info",
    summary="A context outside the repository is not looked at",
    rationale="""\
A context such as `../shared`, or a symbolic link that leads away, is outside of what was asked to be checked,
and outside of what a CI checkout holds. Nothing is read there, so nothing is said about its sources.

Check from the directory that holds both, or declare the other repository under `repositories` of the fleet
file.
""",
    check=_check,
)
