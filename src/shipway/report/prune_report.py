"""What ``shipway prune`` did, or would do, as text and JSON."""

from __future__ import annotations

from shipway.flows.prune import SCHEMA, Entry, Pruned
from shipway.flows.pruning.undo import Undone
from shipway.report.json_text import json_text
from shipway.report.text import plural, table, visible

_HEADINGS = ("", "repository", "tag or digest", "why")


def prune_text(pruned: Pruned, width: int | None = None) -> str:
    """One sentence, then a table of what goes and what stays, each with its reason."""
    rows = [_HEADINGS]
    rows += [_row("delete" if pruned.dry_run else "deleted", entry) for entry in pruned.delete]
    rows += [_row("keep" if pruned.dry_run else "kept", entry) for entry in pruned.keep]
    lines = [_summary(pruned)]
    if len(rows) > 1:
        lines.append(table(rows, indent="  ", width=width))
    if pruned.run is not None:
        lines.append(f"to bring it back: shipway prune --undo {pruned.run}")
    return "\n".join(lines) + "\n"


def prune_json(pruned: Pruned) -> str:
    """The document ``shipway.prune/1``."""
    return json_text(pruned) + "\n"


def undo_text(undone: Undone) -> str:
    """What is back and what is not."""
    lines = [f"run {undone.run}: put back {plural(len(undone.restored), 'reference')}"]
    lines += [f"  {reference}" for reference in undone.restored]
    lines += [f"not put back: {reference}: {visible(why)}" for reference, why in undone.failed.items()]
    return "\n".join(lines) + "\n"


def undo_json(undone: Undone) -> str:
    """The same as a document."""
    failed = [{"reference": reference, "why": why} for reference, why in undone.failed.items()]
    document = {"schema": SCHEMA, "undo": undone.run, "restored": undone.restored, "failed": failed}
    return json_text(document) + "\n"


def _row(what: str, entry: Entry) -> tuple[str, str, str, str]:
    return what, entry.repository, entry.tag or entry.digest or "", visible(entry.why)


def _summary(pruned: Pruned) -> str:
    tags = sum(entry.tag is not None for entry in pruned.delete)
    bare = len(pruned.delete) - tags
    beside = f" and {plural(bare, 'manifest')} without tags" if bare else ""
    verb = "would go" if pruned.dry_run else "deleted"
    return f"{plural(tags, 'tag')}{beside} {verb}; {plural(len(pruned.keep), 'tag')} kept"
