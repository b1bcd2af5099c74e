"""SW424: credentials are kept for another spelling of a registry."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from shipway.checks.finding import Finding
from shipway.checks.rule import Rule, seen_live


def misplaced(refused: Finding, registry: str, similar: Sequence[str]) -> Finding:
    """What a refusal for want of credentials is when there are some for ``similar`` hosts."""
    return replace(
        refused,
        rule=RULE.id,
        cause=f"no credentials are kept for {registry}, but some are for {', '.join(similar)}",
        help=f"log in by the name that is used: docker login {registry}",
    )


RULE = Rule(
    id="SW424",
    name="credentials-for-another-host",
    severity="error",
    summary="Credentials are kept for another spelling of a registry",
    rationale="""\
Credentials belong to a host exactly as references spell it, with its port: those for
`registry.acme.internal` are not used for `registry.acme.internal:5000`, and Docker Hub's are kept as
`https://index.docker.io/v1/`.

Log in to the host that the references name: `docker login HOST:PORT`.
""",
    check=seen_live,
    live=True,
)
