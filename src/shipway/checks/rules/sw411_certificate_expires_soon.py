"""SW411: a registry's certificate expires within 30 days."""

from __future__ import annotations

from datetime import datetime, timedelta

from shipway.checks.finding import Finding
from shipway.checks.rule import Rule, seen_live
from shipway.place import Place

_SOON = timedelta(days=30)


def expiring(place: Place, registry: str, expires: datetime, now: datetime) -> Finding | None:
    """The finding for a certificate that is valid, but not for long."""
    if expires - now >= _SOON:
        return None
    return RULE.finding(
        place,
        f"the certificate of {registry} expires in {(expires - now).days} days, on {expires:%Y-%m-%d}",
        subject=registry,
        cause="nobody has renewed it",
        help=f"renew the certificate of {registry}, and restart what presents it",
    )


RULE = Rule(
    id="SW411",
    name="certificate-expires-soon",
    severity="warning",
    summary="A registry's certificate expires within 30 days",
    rationale="""\
When it does, every build that pulls from or pushes to the registry fails at the same moment. Renewal that
is automatic happens about 30 days before (Let's Encrypt's clients do so), so one that is closer to its
end was not renewed.
""",
    check=seen_live,
    live=True,
)
