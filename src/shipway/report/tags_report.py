"""What a tag policy picks, as text and as JSON (``shipway.tags/1``, ``shipway.tags-explain/1``)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shipway.report.json_text import json_text
from shipway.report.text import table

if TYPE_CHECKING:
    from shipway.errors import ShipwayError
    from shipway.gitops.policy import TagPolicy
    from shipway.gitops.select import Considered, Selection

_HEADINGS = ("rank", "tag", "key", "state", "why")


def selection_json(selection: Selection) -> str:
    """The pick alone."""
    return json_text({"schema": "shipway.tags/1", **_pick(selection)})


def refused_json(error: ShipwayError) -> str:
    """The same document for a policy that is invalid."""
    nothing = {"selected": None, "key": None, "unique": False}
    return json_text({"schema": "shipway.tags/1", **nothing, "error": _told(error)})


def _told(error: ShipwayError) -> str:
    return error.message + (f": {error.cause}" if error.cause else "")


def _pick(selection: Selection) -> dict[str, object]:
    return {
        "selected": selection.selected,
        "key": selection.key,
        "unique": selection.unique,
        "error": selection.error,
    }


def selection_text(selection: Selection) -> str:
    """The tag, and a warning where Flux would pick by chance."""
    if selection.selected is None:
        return f"nothing is picked: {selection.error}\n"
    return f"{selection.selected}\n" + "".join(f"{line}\n" for line in _warnings(selection))


def _warnings(selection: Selection) -> list[str]:
    lines = []
    if len(selection.tied) > 1:
        lines.append(f"not unique: Flux picks any of {', '.join(selection.tied)}")
    if selection.hidden:
        lines.append(f"hidden by tags with the same key: {', '.join(each.tag for each in selection.hidden)}")
    return lines


def explanation_json(policy: TagPolicy, selection: Selection) -> str:
    """The pick, and what became of every tag."""
    tags = [
        {"tag": each.tag, "state": each.state, "why": each.why, "key": each.key, "rank": each.rank}
        for each in selection.considered
    ]
    document = {"schema": "shipway.tags-explain/1", "policy": str(policy), **_pick(selection), "tags": tags}
    return json_text(document)


def explanation_text(policy: TagPolicy, selection: Selection, *, width: int | None = None) -> str:
    """A row a tag, the pick first."""
    rows = [_cells(each) for each in selection.considered]
    lines = [f"policy: {policy}", table([_HEADINGS, *rows], width=width)] if rows else [f"policy: {policy}"]
    picked = (
        f"picked: {selection.selected}" if selection.selected else f"nothing is picked: {selection.error}"
    )
    return "\n".join([*lines, picked, *_warnings(selection)]) + "\n"


def _cells(each: Considered) -> tuple[str, ...]:
    key = "-" if each.key is None or each.key == each.tag else each.key or "(empty)"
    return (str(each.rank or "-"), each.tag, key, each.state, each.why)
