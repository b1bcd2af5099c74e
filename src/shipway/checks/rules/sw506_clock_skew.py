"""SW506: the clocks of this machine and of a registry disagree."""

from __future__ import annotations

from datetime import datetime

from shipway.checks.finding import Finding
from shipway.checks.rule import Rule, seen_live
from shipway.place import Place

_LEEWAY_SECONDS = 60.0


def skewed(place: Place, registry: str, theirs: datetime, ours: datetime) -> Finding | None:
    """The finding for clocks that are further apart than a token bears."""
    seconds = (ours - theirs).total_seconds()
    if abs(seconds) <= _LEEWAY_SECONDS:
        return None
    return RULE.finding(
        place,
        f"the clock here is {abs(seconds):.0f} s {'ahead of' if seconds > 0 else 'behind'} {registry}'s",
        subject=registry,
        cause="one of the two is not set by a time server",
        help="set the clock: timedatectl set-ntp true",
    )


RULE = Rule(
    id="SW506",
    name="clock-skew",
    severity="warning",
    summary="The clocks of this machine and of a registry disagree",
    rationale="""\
Tokens are valid from and to a time; registries allow a minute of difference (distribution's leeway is 60
s). Beyond that logins fail now and then, tags with a time sort wrongly, and certificates look expired.

`timedatectl set-ntp true` keeps this machine's clock right.
""",
    check=seen_live,
    live=True,
)
