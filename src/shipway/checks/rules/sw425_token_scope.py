"""SW425: the token for a registry lacks a right."""

from __future__ import annotations

from shipway.checks.rule import Rule, seen_live

RULE = Rule(
    id="SW425",
    name="token-scope",
    severity="error",
    summary="The token for a registry lacks a right",
    rationale="""\
A token service grants what the account may do and keeps silent about the rest: the token comes, and the
push fails. Its `access` claim, where it can be read, tells what is missing.

GitHub's workflow token needs `permissions: {packages: write}`; a personal one the scope `write:packages`;
a robot of Harbor push together with pull.
""",
    check=seen_live,
    live=True,
)
