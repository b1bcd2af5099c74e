"""SW504: little space is left for images."""

from __future__ import annotations

from dataclasses import replace

from shipway.checks.finding import Finding
from shipway.checks.rule import Rule, seen_live
from shipway.place import Place

_GIB = 1 << 30
_LITTLE = 5 * _GIB


def short(place: Place, what: str, directory: str, free: int) -> Finding | None:
    """The finding for ``free`` bytes in the ``directory`` for ``what``."""
    if free >= _LITTLE:
        return None
    finding = RULE.finding(
        place,
        f"{free / _GIB:.1f} GiB are free for {what} in {directory}",
        subject=directory,
        cause="builds keep layers and caches until they are removed",
        help="docker system prune (or buildah prune) removes what no image needs",
    )
    return replace(finding, severity="error") if free < _GIB else finding


RULE = Rule(
    id="SW504",
    name="disk-space",
    severity="warning",
    summary="Little space is left for images",
    rationale="""\
Less than 5 GiB is left where the engine keeps its images or Shipway its state; below 1 GiB it is an
error. A build that runs out of space fails in the middle, and takes other programs of the machine with
it.

`docker system prune`, or `buildah prune`, removes what no image needs.
""",
    check=seen_live,
    live=True,
)
