"""What was verified, as text and as JSON (``shipway.verify/1``)."""

from __future__ import annotations

from shipway.flows.verify import CheckRow, Row, Verified
from shipway.report.json_text import json_text
from shipway.report.text import STAND_IN, labelled, plural, table

_HEADINGS = ("state", "image", "reference", "digest", "commit", "signed")
_SIGNED = {"verified": "yes", "skipped": "not asked", "unobserved": "?", "": "-"}
_SHOWN = frozenset({"failed", "absent", "unobserved"})


def verify_text(document: Verified, *, verbose: bool, quiet: bool, width: int | None = None) -> str:
    """A line an image, with the checks that do not hold below it (``verbose``: with all), then the sum."""
    lines: list[str] = []
    if not quiet:
        lines.append(table([_HEADINGS, *map(_cells, document.images)], width=width))
    for row in document.images:
        for check in row.checks:
            if verbose or check.state in _SHOWN:
                lines += labelled(f"{row.reference}: {_named(check)}: ", check.detail, width=width)
    return "\n".join([*lines, _sum(document)]) + "\n"


def verify_json(document: Verified) -> str:
    """The document ``shipway.verify/1``."""
    return json_text(document) + "\n"


def _cells(row: Row) -> tuple[str, ...]:
    signature = next((check.state for check in row.checks if check.check == "signature"), "")
    return (
        row.state,
        f"{row.image or '-'} ({STAND_IN})" if row.stand_in else row.image or "-",
        row.reference,
        row.digest.partition(":")[2][:12] or "-",
        row.commit[:12] or "-",
        _SIGNED.get(signature, "NO"),
    )


def _named(check: CheckRow) -> str:
    reason = f" ({check.reason})" if check.reason else ""
    return f"{check.check} {check.state}{reason}"


def _sum(document: Verified) -> str:
    counts = ", ".join(f"{count} {state}" for state, count in document.totals.items() if count)
    return f"{plural(len(document.images), 'image')}: {counts or 'none'}"
