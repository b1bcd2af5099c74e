"""SW306: a build arg marked as secret that commands of the image see."""

from __future__ import annotations

from collections.abc import Iterator

from shipway.checks.facts import DeclaredBuild, Facts
from shipway.checks.finding import Finding
from shipway.checks.quality import tell
from shipway.checks.rule import Rule
from shipway.dockerfile.scope import declarations


def _check(rule: Rule, facts: Facts) -> Iterator[Finding]:
    for build in facts.declared:
        if build.inputs.secret_args:
            yield from _of_build(rule, facts, build)


def _of_build(rule: Rule, facts: Facts, build: DeclaredBuild) -> Iterator[Finding]:
    text = facts.text_of(build)
    for stage in build.build.stages:
        told: set[str] = set()
        runs = [each.line for each in stage.stage.instructions if each.keyword == "RUN"]
        for each in stage.stage.instructions:
            if each.keyword != "ARG" or not any(line > each.line for line in runs):
                continue
            for name, _ in declarations(each):
                if name in build.inputs.secret_args and name not in told:
                    told.add(name)
                    yield from tell(
                        rule,
                        text,
                        each,
                        f"the secret build arg {name} gets into the history of {build.image.name}",
                        text.word_span(each, name),
                        subject=name,
                        image=build.image.name,
                        cause="every RUN behind this ARG records the values of the args that it sees",
                        help=f"mount it instead: RUN --mount=type=secret,id={name.lower()},env={name} …",
                    )


RULE = Rule(
    id="SW306",
    name="secret-build-arg",
    severity="warning",
    summary="A build arg marked as secret is seen by RUN",
    rationale="""\
The fleet marks this build arg as secret, so that no log and no label shows it. Engines write the values of
build args into the history of each RUN that sees them all the same: `docker history` shows them to everyone
who can pull the image.

```dockerfile
ARG NPM_TOKEN
RUN npm ci
```

Declare it as a build secret, and mount it where it is needed:

```dockerfile
RUN --mount=type=secret,id=npm_token,env=NPM_TOKEN npm ci
```

Source: the Dockerfile reference, `RUN --mount=type=secret`.
""",
    check=_check,
)
