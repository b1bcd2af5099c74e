"""SW422: a registry refuses the credentials that are kept for it."""

from __future__ import annotations

from shipway.checks.rule import Rule, seen_live

RULE = Rule(
    id="SW422",
    name="wrong-credentials",
    severity="error",
    summary="A registry refuses the credentials that are kept for it",
    rationale="""\
The registry, or its token service, answers 401 to the credentials that the message names: the password is
wrong, was changed, or has expired (passwords of ECR live for twelve hours, robots of Harbor for 30 days
by default).

Log in again: `docker login HOST`, or `buildah login HOST`.
""",
    check=seen_live,
    live=True,
)
