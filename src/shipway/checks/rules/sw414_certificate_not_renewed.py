"""SW414: cert-manager has not renewed the certificate of a registry in time."""

from __future__ import annotations

from shipway.checks.rule import Rule, seen_live

RULE = Rule(
    id="SW414",
    name="certificate-not-renewed",
    severity="error",
    summary="The Certificate of a registry is not issued, or its renewal is overdue",
    rationale="""\
A Certificate that is not Ready, or whose `status.renewalTime` has passed, will not be renewed by waiting: the
issuer refuses, the challenge fails, or cert-manager does not run. Only `shipway doctor --cluster` sees it.
""",
    check=seen_live,
    live=True,
)
