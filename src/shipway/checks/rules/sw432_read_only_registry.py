"""SW432: a registry takes no pushes at all."""

from __future__ import annotations

from shipway.checks.rule import Rule, seen_live

RULE = Rule(
    id="SW432",
    name="read-only-registry",
    severity="error",
    summary="A registry takes no pushes at all",
    rationale="""\
It is in maintenance (`storage.maintenance.readonly` of distribution, read-only mode of Harbor and Quay),
or it is a proxy cache, which only ever pulls.

Wait for the end of the maintenance, or deliver elsewhere: `shipway ship --registry HOST/PREFIX`.
""",
    check=seen_live,
    live=True,
)
