"""SW405: a registry's certificate is not valid yet."""

from __future__ import annotations

from shipway.checks.rule import Rule, seen_live

RULE = Rule(
    id="SW405",
    name="certificate-not-yet-valid",
    severity="error",
    summary="A registry's certificate is not valid yet",
    rationale="""\
It was issued for a later time, or by a machine whose clock is ahead. No client accepts it before that
time.

Wait, or issue it anew.
""",
    check=seen_live,
    live=True,
)
