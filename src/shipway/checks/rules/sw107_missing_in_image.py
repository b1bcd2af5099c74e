"""SW107: what COPY --from or a mount reads is not in the stage or image of the fleet that it is read from."""

from __future__ import annotations

from collections.abc import Iterator

from shipway.checks.contents import held, producer_of
from shipway.checks.facts import DeclaredBuild, Facts
from shipway.checks.finding import Finding
from shipway.checks.rule import Rule
from shipway.checks.sources import Failure, failures, replacement, source_finding
from shipway.dockerfile.context import Context
from shipway.dockerfile.nearest import nearest
from shipway.dockerfile.outcome import SourceOutcome
from shipway.dockerfile.patterns import has_wildcard
from shipway.dockerfile.resolved import ContextRead
from shipway.dockerfile.sources import clean
from shipway.dockerfile.trace import StageTree
from shipway.dockerfile.tree import locate


def _check(rule: Rule, facts: Facts) -> Iterator[Finding]:
    for failure in failures(facts, "stage-path-missing"):
        yield _finding(rule, facts, failure, f"the stage {failure.read.origin.name}")
    for build in facts.declared:
        for outcome in build.report.outcomes:
            if outcome.read.origin.kind == "image" and not outcome.failed:
                yield from _of_image(rule, facts, build, outcome)


def _finding(rule: Rule, facts: Facts, failure: Failure, source: str) -> Finding:
    near = failure.outcome.nearest
    return source_finding(
        rule,
        facts,
        failure,
        f"{failure.outcome.path} does not exist in {source}",
        cause="nothing but COPY and WORKDIR fills it, and none of them puts that path there;"
        " paths count from its root, not from WORKDIR",
        help=f"did you mean /{near.lstrip('/')}?" if near else "copy it there first, or correct the path",
        fix=replacement(failure.build, failure.read, f"/{near.lstrip('/')}") if near else None,
    )


def _of_image(rule: Rule, facts: Facts, build: DeclaredBuild, outcome: SourceOutcome) -> Iterator[Finding]:
    """The finding for a path that an image of the fleet cannot have."""
    read = outcome.read
    producer = producer_of(facts, build, read)
    tree = held(facts, producer) if producer is not None else None
    if producer is None or tree is None or read.expanded is None or not _is_literal(read):
        return
    path = clean(read.expanded)
    if locate(tree, path).reason is not None:
        missing = SourceOutcome(read, "stage-path-missing", f"/{path}", nearest=_near(tree, path))
        origin = f"the image {producer.image.name} of the fleet ({producer.path})"
        yield _finding(rule, facts, Failure(build, missing), origin)


def _is_literal(read: ContextRead) -> bool:
    return read.kind == "mount" or not has_wildcard(read.expanded or "")


def _near(tree: StageTree, path: str) -> str | None:
    return nearest(Context(tree), path)


RULE = Rule(
    id="SW107",
    name="missing-in-image",
    severity="error",
    summary="A path that the stage or image it is copied from cannot have",
    rationale="""\
`COPY --from` and `RUN --mount=from=` read from a stage or an image. What a stage FROM scratch holds is known
when only COPY and WORKDIR fill it, and so is what an image of the fleet holds that is made this way.

```dockerfile
FROM scratch AS assets
COPY web/dist /srv/
FROM nginx:1.29
COPY --from=assets /web/dist /usr/share/nginx/html
```

Paths count from the root of the stage: WORKDIR plays no part in it. After a RUN, or on an image from outside,
anything may be there, and nothing is said; `shipway check --live` looks into the layers of published images.
""",
    check=_check,
    fix="display",
)
