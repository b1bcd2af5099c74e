"""What was copied, as text and as JSON (``shipway.copy/1``)."""

from __future__ import annotations

import re
from collections import Counter

import msgspec

from shipway.flows.copy import SCHEMA, CopyResult, Row
from shipway.report.json_text import json_text
from shipway.report.text import labelled, plural, size, table

_DIGEST = re.compile(r"@sha256:[0-9a-f]{64}\Z")
_HEADINGS = ("state", "source", "destination", "digest", "moved", "blobs")


def copy_text(result: CopyResult, *, width: int | None = None) -> str:
    """A line an image, then what failed where others did not, what has another digest, and the sum."""
    rows = [_cells(row, dry_run=result.dry_run) for row in result.rows]
    lines = [table([_HEADINGS, *rows], width=width)]
    for row in result.rows:
        if row.state == "failed":
            if len(result.errors) == len(result.rows) == 1:
                continue
            lines += labelled(f"{row.source}: ", row.message, width=width)
            for label, text in (("cause ", row.cause), ("next  ", row.help)):
                lines += labelled(label, text, indent="  ", width=width) if text else []
        elif row.is_rewritten:
            lines += labelled(
                f"{row.source}: ",
                f"chosen platforms make a new image with the digest {row.digest}, not {row.source_digest};"
                " signatures of the whole do not hold for it",
                width=width,
            )
    return "\n".join([*lines, _sum(result)]) + "\n"


def _cells(row: Row, *, dry_run: bool) -> tuple[str, ...]:
    return (
        "to copy" if dry_run and row.state == "copied" else row.state,
        _DIGEST.sub("", row.source),  # which has a column of its own
        row.destination,
        row.digest.partition(":")[2][:12] or "-",
        size(row.bytes),
        f"{row.blobs_moved} moved, {row.blobs_mounted} mounted, {row.blobs_there} there",
    )


def _sum(result: CopyResult) -> str:
    counts = Counter(row.state for row in result.rows)
    states = ", ".join(f"{counts[state]} {state}" for state in ("copied", "present", "failed"))
    moved = size(sum(row.bytes for row in result.rows))
    would = "; nothing was written" if result.dry_run else ""
    return f"{plural(len(result.rows), 'image')}: {states}; {moved} {'to move' if would else 'moved'}{would}"


def copy_json(result: CopyResult) -> str:
    """The same as JSON."""
    counts = Counter(row.state for row in result.rows)
    document = {
        "schema": SCHEMA,
        "dry_run": result.dry_run,
        "copies": [{**msgspec.to_builtins(row), "rewritten": row.is_rewritten} for row in result.rows],
        "summary": {
            **{state: counts[state] for state in ("copied", "present", "failed")},
            "bytes": sum(row.bytes for row in result.rows),
        },
    }
    return json_text(document) + "\n"
