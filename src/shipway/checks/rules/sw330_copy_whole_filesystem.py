"""SW330: COPY --from of a whole file system."""

from __future__ import annotations

from collections.abc import Iterator

from shipway.checks.facts import Facts
from shipway.checks.finding import Finding
from shipway.checks.quality import tell
from shipway.checks.rule import Rule
from shipway.dockerfile.stages import stage_named


def _check(rule: Rule, facts: Facts) -> Iterator[Finding]:
    for text in facts.texts:
        for stage, each in text.of("COPY"):
            source = each.flag("from")
            if source is None or "/" not in each.args[:-1] or stage.base == "scratch":
                continue
            from_stage = stage_named(text.dockerfile.stages[: stage.index], source)
            if _is_made_for_it(source if from_stage is None else from_stage.base):
                continue
            yield from tell(
                rule,
                text,
                each,
                f"this copies the whole file system of {source} over that of the stage",
                text.argument_span(each, 0),
                subject="/",
                cause="files of both, such as the package database, end up mixed",
                help="copy the paths that are needed, or build FROM it",
            )


def _is_made_for_it(base: str) -> bool:
    """Whether what is copied has no distribution in it: a stage on scratch, and the cross-compilation tools
    that are documented to be copied so."""
    return base == "scratch" or "tonistiigi/xx" in base


RULE = Rule(
    id="SW330",
    name="copy-whole-filesystem",
    severity="info",
    summary="COPY --from of a whole file system",
    rationale="""\
`COPY --from=other / /` writes one distribution over another: users, package database and libraries become a
mixture that neither describes.

```dockerfile
FROM debian:12
COPY --from=tools / /
```

Copy the paths that are needed. In a stage on `scratch`, where it flattens layers, and from one,
it is no finding.
hadolint: DL3067.
""",
    check=_check,
    aliases=("DL3067",),
)
