"""SW431: a registry does not let this account push."""

from __future__ import annotations

from shipway.checks.rule import Rule, seen_live

RULE = Rule(
    id="SW431",
    name="push-refused",
    severity="error",
    summary="A registry does not let this account push",
    rationale="""\
Proven by opening an upload and cancelling it, which is what every push begins with; nothing is left
behind. The account is known and may not write there, or a policy of the registry or of a proxy in front
of it forbids it.

On GHCR, a package that was first pushed by hand is linked to no repository: add the repository under
*Manage Actions access* in the package's settings.
""",
    check=seen_live,
    live=True,
)
