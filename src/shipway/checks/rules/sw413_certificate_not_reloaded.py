"""SW413: a registry presents another certificate than its Secret holds."""

from __future__ import annotations

from shipway.checks.rule import Rule, seen_live

RULE = Rule(
    id="SW413",
    name="certificate-not-reloaded",
    severity="error",
    summary="A registry presents an older certificate than its Secret holds",
    rationale="""\
Many registries read their certificate once, when they start. cert-manager renews the Secret in time, and the
registry goes on to present the old certificate until it has expired: everything looks renewed, and every
client refuses on the same day. Only `shipway doctor --cluster` sees it.
""",
    check=seen_live,
    live=True,
)
