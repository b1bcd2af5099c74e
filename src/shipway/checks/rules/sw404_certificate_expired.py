"""SW404: a registry's certificate has expired."""

from __future__ import annotations

from shipway.checks.rule import Rule, seen_live

RULE = Rule(
    id="SW404",
    name="certificate-expired",
    severity="error",
    summary="A registry's certificate has expired",
    rationale="""\
No client accepts an expired certificate. When the clocks of the registry and of this machine disagree,
that is told instead (SW506), since then not the certificate is at fault.

Renew it, and restart the registry or the proxy in front of it, so that the new one is presented.
""",
    check=seen_live,
    live=True,
)
