"""SW437: a registry's rate limit is reached."""

from __future__ import annotations

from shipway.checks.rule import Rule, seen_live

RULE = Rule(
    id="SW437",
    name="rate-limit",
    severity="error",
    summary="A registry's rate limit is reached",
    rationale="""\
Docker Hub limits pulls by address or account, GitHub requests by time; CI machines share addresses.
Logging in raises the limit, a mirror or a copy of the base in your own registry avoids it.
""",
    check=seen_live,
    live=True,
)
