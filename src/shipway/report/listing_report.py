"""What a registry holds, as text and as JSON (``shipway.registry-ls/1``)."""

from __future__ import annotations

from datetime import datetime, timedelta

from shipway.flows.listing import Entry, Lacking, Listing
from shipway.report.json_text import json_text
from shipway.report.text import labelled, plural, size, table

_HEADINGS = ("repository", "tag", "digest", "platforms", "size", "age", "image")
_WORDS = {
    "never-delivered": "was never delivered",
    "no-such-tag": "is not there",
    "another-digest": "is there with another digest",
    "unreadable": "cannot be read",
}


def listing_text(listing: Listing, now: datetime, *, width: int | None = None) -> str:
    """A line a tag, then what of the fleet is missing, then the sum."""
    lines = []
    if listing.entries:
        rows = [_cells(entry, listing, now) for entry in listing.entries]
        lines.append(table([_HEADINGS, *rows], width=width))
    for lacking in listing.missing:
        lines += labelled("missing: ", _lacking(lacking), width=width)
    return "\n".join([*lines, _sum(listing)]) + "\n"


def _cells(entry: Entry, listing: Listing, now: datetime) -> tuple[str, ...]:
    return (
        entry.repository.removeprefix(f"{listing.registry}/"),
        entry.tag,
        entry.digest.partition(":")[2][:12] or entry.problem or "-",
        ", ".join(entry.platforms) or "-",
        size(entry.size) if entry.digest else "-",
        age(now - entry.created) if entry.created else "-",
        entry.image or "-",
    )


def age(span: timedelta) -> str:
    """A span in its largest unit: ``5 min``, ``3 h``, ``12 d``."""
    minutes = max(int(span.total_seconds()) // 60, 0)
    if minutes < 60:
        return f"{minutes} min"
    return f"{minutes // 60} h" if minutes < 48 * 60 else f"{minutes // 1440} d"


def _lacking(lacking: Lacking) -> str:
    wanted = f" ({lacking.digest} was delivered)" if lacking.digest else ""
    return f"{lacking.image}: {lacking.reference} {_WORDS[lacking.why]}{wanted}"


def _sum(listing: Listing) -> str:
    repositories = len({entry.repository for entry in listing.entries})
    count = "repository" if repositories == 1 else "repositories"
    named = "its catalog" if listing.source == "catalog" else "the fleet, the registry shows no more"
    return (
        f"{plural(len(listing.entries), 'tag')} in {repositories} {count} of {listing.registry}"
        f" (named by {named}); {len(listing.missing)} of the fleet missing"
    )


def listing_json(listing: Listing) -> str:
    """The same as JSON."""
    return json_text(listing) + "\n"
