"""SW718: a marker that writes the tag beside a digest which stays."""

from __future__ import annotations

from collections.abc import Iterator

from shipway.checks.facts import Facts
from shipway.checks.finding import Finding
from shipway.checks.rule import Rule
from shipway.gitops.edits.places import ImagePlace
from shipway.gitops.edits.point import stale_digest
from shipway.gitops.flux import Flux


def _check(rule: Rule, facts: Facts) -> Iterator[Finding]:
    for place in facts.flux.places:
        error = stale_digest(place)
        if error is not None and error.place is not None and not _is_written(facts.flux, place):
            subject = place.digest.text if place.digest is not None else place.field
            yield rule.finding(
                error.place, error.message, subject=subject, cause=error.cause, help=error.help
            )


def _is_written(flux: Flux, place: ImagePlace) -> bool:
    """Whether the digest has a marker of its own."""
    at = place.digest.place if place.digest is not None else None
    return at is not None and any(
        (each.place.path, each.place.line) == (at.path, at.line) and not each.unread for each in flux.written
    )


RULE = Rule(
    id="SW718",
    name="stale-digest",
    severity="error",
    summary="A marker writes the tag, and the digest beside it stays",
    rationale="""\
Where both stand, the digest decides what runs:

```yaml
images:
  - name: ghcr.io/acme/api
    newTag: main-1 # {"$imagepolicy": "flux-system:api:tag"}
    digest: sha256:…
```

Flux writes the tag alone. The old image keeps running, under the label of the new one. Take the digest
away, or let `{"$imagepolicy": "flux-system:api:digest"}` write it, with a digestReflectionPolicy on the
policy.
""",
    check=_check,
)
