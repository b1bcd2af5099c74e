"""SW203: two Dockerfiles whose images are published as one reference."""

from __future__ import annotations

from collections.abc import Iterator

from shipway.checks.facts import Facts
from shipway.checks.finding import Finding
from shipway.checks.rule import Rule
from shipway.fleet.matching import parsed_reference
from shipway.fleet.model import BuildInputs, Declaration, Fleet
from shipway.values import Reference

_LIBRARY = "docker.io/library/"


def _check(rule: Rule, facts: Facts) -> Iterator[Finding]:
    first: dict[str, Declaration] = {}
    told = _same_destination(facts.fleet)
    for name, declaration, reference in _published(facts.fleet):
        other = first.setdefault(str(reference), declaration)
        if _source(other.inputs) == _source(declaration.inputs) or (reference.name, reference.tag) in told:
            continue
        yield rule.finding(
            declaration.place,
            f"{reference} is also published at {other.place}, from {other.inputs.dockerfile}",
            image=name,
            subject=str(reference),
            cause=f"here it is built from {declaration.inputs.dockerfile}; the last one to run wins",
            help="publish one of them under another name or tag",
        )


def _published(fleet: Fleet) -> Iterator[tuple[str, Declaration, Reference]]:
    """Every reference that a declaration publishes; a bare word is a name on this machine only."""
    for image in fleet.images:
        for declaration in image.declarations:
            for text in dict.fromkeys(declaration.references):
                reference = parsed_reference(text)
                if reference and reference.tag and not reference.name.startswith(_LIBRARY):
                    yield image.name, declaration, reference


def _source(inputs: BuildInputs) -> tuple[str, str | None]:
    return inputs.dockerfile, inputs.inline


def _same_destination(fleet: Fleet) -> set[tuple[str | None, str | None]]:
    """Destinations that two images share: SW006 tells those."""
    seen: set[tuple[str | None, str | None]] = set()
    twice: set[tuple[str | None, str | None]] = set()
    for image in fleet.images:
        where = (image.repository, image.tag)
        (twice if where in seen else seen).add(where)
    return twice


RULE = Rule(
    id="SW203",
    name="two-publishers",
    severity="error",
    summary="Two Dockerfiles are published as one reference",
    rationale="""\
When two workflows, services or targets push the same repository and tag from different Dockerfiles, what the
reference holds depends on which ran last.

```yaml
services:
  api: {build: {context: api}, image: "ghcr.io/acme/shop/api:1.0"}
  api-legacy: {build: {context: legacy}, image: "ghcr.io/acme/shop/api:1.0"}
```

Give each its own repository or tag. Two images whose delivery is the same are told by SW006.
""",
    check=_check,
)
