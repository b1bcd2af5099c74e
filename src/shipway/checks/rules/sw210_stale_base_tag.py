"""SW210: a FROM with a tag of a fleet's image that the fleet does not deliver any more."""

from __future__ import annotations

from collections.abc import Iterator

from shipway.checks.bases import UsedBase, used_bases
from shipway.checks.facts import Facts
from shipway.checks.finding import Finding, Fix
from shipway.checks.fixes import span_edit
from shipway.checks.rule import Rule
from shipway.dockerfile.syntax import Span


def _check(rule: Rule, facts: Facts) -> Iterator[Finding]:
    if facts.fleet.source is None:
        return  # without a fleet file the tags that are found need not be all
    for base in used_bases(facts):
        delivered = _delivered(base)
        if not delivered or base.reference.digest is not None or base.reference.tag in (None, *delivered):
            continue
        yield rule.finding(
            base.place,
            f"{base.input.reference} is not what the fleet delivers: {' and '.join(delivered)}",
            image=base.user,
            subject=base.input.reference,
            cause="this builds on an older or newer delivery, or on one that never was",
            help=f"write {base.reference.name}:{delivered[0]}",
            fix=_fix(base, delivered[0]),
            end=base.end,
        )


def _delivered(base: UsedBase) -> tuple[str, ...]:
    """The literal tags of the image, none where a scheme makes one, or the reference is put together."""
    image = base.image
    if image is None or image.tag is None or not base.literal or base.reference.name != image.repository:
        return ()
    tags = (image.tag, *image.tags)
    return () if any("{" in tag for tag in tags) else tags


def _fix(base: UsedBase, tag: str) -> Fix | None:
    span = base.input.span
    if span is None or base.build.inputs.inline is not None or base.reference.tag is None:
        return None
    start = span.end - len(base.reference.tag)
    old = Span(start, span.end, span.line, span.column + start - span.start)
    edit = span_edit(base.build.path, base.build.build.dockerfile, old, tag)
    return Fix("unsafe", f"build on {tag}", (edit,))


RULE = Rule(
    id="SW210",
    name="stale-base-tag",
    severity="warning",
    summary="A base of the fleet has another tag than the fleet delivers",
    rationale="""\
An image of the fleet with a literal tag is delivered under that tag. A FROM that names another one builds on
what was pushed there some time ago, although the fleet builds the new one just before.

```dockerfile
FROM ghcr.io/acme/shop/base:0.3.0
```

while `shipway.yaml` has `base: {tag: "0.4.0"}`. Write the delivered tag. Tags made by a scheme
(`{branch}-{sha7}`), and references with variables, are not compared.
""",
    check=_check,
    fix="unsafe",
)
