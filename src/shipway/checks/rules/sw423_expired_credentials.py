"""SW423: the token kept for a registry has expired."""

from __future__ import annotations

from datetime import datetime

from shipway.checks.finding import Finding
from shipway.checks.rule import Rule, seen_live
from shipway.place import Place


def expired(place: Place, registry: str, source: str, expires: datetime, now: datetime) -> Finding | None:
    """The finding for a token from ``source`` whose time is over."""
    if now < expires:
        return None
    return RULE.finding(
        place,
        f"the token for {registry} in {source} expired on {expires:%Y-%m-%d %H:%M} UTC",
        subject=registry,
        cause="tokens live for a limited time, and it was not renewed",
        help=f"log in again: docker login {registry} (or buildah login {registry})",
    )


RULE = Rule(
    id="SW423",
    name="expired-credentials",
    severity="error",
    summary="The token kept for a registry has expired",
    rationale="""\
An identity or registry token that is a JSON web token tells when it ends, so that it need not be tried.

Log in again: `docker login HOST`, or `buildah login HOST`.
""",
    check=seen_live,
    live=True,
)
