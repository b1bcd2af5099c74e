"""SW441: a base is not in its registry."""

from __future__ import annotations

from shipway.checks.bases import UsedBase
from shipway.checks.finding import Finding
from shipway.checks.rule import Rule, seen_live
from shipway.errors import NotFound


def missing(base: UsedBase, error: NotFound) -> Finding:
    """The finding for a base that its registry does not have."""
    tag = base.reference.tag or "latest"
    return RULE.finding(
        base.place,
        f"{base.reference.registry} has no {base.input.reference}",
        image=base.build.image.name,
        subject=base.input.reference,
        cause=error.cause,
        help=f"push it, or name one that is there: shipway registry tags {base.reference.name}"
        if base.reference.digest is None
        else f"take the digest that {base.reference.name}:{tag} has now",
        end=base.end,
    )


RULE = Rule(
    id="SW441",
    name="missing-base",
    severity="error",
    summary="A base is not in its registry",
    rationale="""\
The registry answers and does not know the image: it was never pushed, its tag was removed, or the name is
misspelt. A build would find out after everything before it was built.

```dockerfile
FROM ghcr.io/acme/shop/healthcheck:0.4.0
```

Push it, correct the reference, or add the repository that publishes it to the fleet.
""",
    check=seen_live,
    live=True,
)
