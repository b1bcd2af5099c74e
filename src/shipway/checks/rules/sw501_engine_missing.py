"""SW501: no build engine works on this machine."""

from __future__ import annotations

from shipway.checks.finding import Finding
from shipway.checks.rule import Rule, seen_live
from shipway.errors import ShipwayError
from shipway.place import Place


def unusable(place: Place, engine: str, error: ShipwayError) -> Finding:
    """The finding for the ``engine`` asked for, which ``error`` keeps from working."""
    return RULE.finding(place, error.message, subject=engine, cause=error.cause, help=error.help)


RULE = Rule(
    id="SW501",
    name="engine-missing",
    severity="error",
    summary="No build engine works on this machine",
    rationale="""\
Shipway builds with Docker's BuildKit, buildah or podman, whichever works first, or with the one named by
`--engine`. The cause lists each with what keeps it from working.

`apt-get install buildah` is enough: it needs no daemon.
""",
    check=seen_live,
    live=True,
)
