"""SW328: COPY --from a bare name that is no stage."""

from __future__ import annotations

from collections.abc import Iterator

from shipway.checks.facts import DeclaredBuild, Facts
from shipway.checks.finding import Finding
from shipway.checks.quality import tell
from shipway.checks.rule import Rule
from shipway.checks.variables import near
from shipway.dockerfile.resolved import BaseInput


def _check(rule: Rule, facts: Facts) -> Iterator[Finding]:
    for build in facts.declared:
        fleet = {(base.line, base.via) for base in build.image.bases if base.kind == "fleet"}
        for base in build.build.bases:
            if base.via not in ("copy", "mount") or (base.line, base.via) in fleet:
                continue
            if _is_bare(base.reference):
                yield from _tell(rule, facts, build, base)


def _is_bare(reference: str) -> bool:
    return reference != "scratch" and not any(character in reference for character in ":/@")


def _tell(rule: Rule, facts: Facts, build: DeclaredBuild, base: BaseInput) -> Iterator[Finding]:
    text = facts.text_of(build)
    stages = [stage.name for stage in text.dockerfile.stages if stage.name is not None]
    instruction = next((each for each in text.dockerfile.instructions if each.line == base.line), None)
    if instruction is None:
        return
    guess = near(base.reference, stages)
    yield from tell(
        rule,
        text,
        instruction,
        f"no stage is called {base.reference}",
        base.span,
        subject=base.reference,
        cause=f"so this pulls the image docker.io/library/{base.reference}:latest",
        help=f"did you mean {guess}?"
        if guess
        else "name a stage, or write the image with its registry and tag",
    )


RULE = Rule(
    id="SW328",
    name="copy-from-unknown-name",
    severity="warning",
    summary="COPY --from a bare name that is no stage",
    rationale="""\
A name after `--from` that is neither a stage above nor a named context is the name of an image, which is
pulled from Docker Hub. A stage that was renamed so becomes somebody else's image.

```dockerfile
FROM golang:1.25 AS build
FROM debian:12
COPY --from=builder /server /server
```

Name the stage. If an image is meant, write it in full, with its tag. hadolint: DL3022.
""",
    check=_check,
    aliases=("DL3022",),
)
