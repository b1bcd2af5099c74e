"""SW436: the storage quota of a project is used up, or nearly."""

from __future__ import annotations

from dataclasses import replace

from shipway.checks.finding import Finding
from shipway.checks.rule import Rule, seen_live
from shipway.place import Place

_NEARLY = 0.9
_MIB = 1 << 20


def scarce(place: Place, project: str, used: int, limit: int | None) -> Finding | None:
    """The finding for a project that has ``used`` so many bytes of ``limit``."""
    if limit is None or used < _NEARLY * limit:
        return None
    finding = RULE.finding(
        place,
        f"the project {project} has used {used // _MIB} of {limit // _MIB} MiB",
        subject=project,
        cause="images and their layers stay until tags are removed and garbage is collected",
        help=f"raise the quota of {project} under Administration, Project Quotas, or remove old tags",
    )
    return finding if used >= limit else replace(finding, severity="warning")


RULE = Rule(
    id="SW436",
    name="quota",
    severity="error",
    summary="The storage quota of a project is used up, or nearly",
    rationale="""\
Harbor counts the storage of a project and refuses blobs beyond the quota with 403, late in a push. Less
than a tenth left is a warning.

Raise it under Administration, Project Quotas, or remove old tags and run the garbage collection.
""",
    check=seen_live,
    live=True,
)
