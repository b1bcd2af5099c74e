"""The merge rules of Compose for what builds need (Compose specification, 13-merge)."""

from __future__ import annotations

from shipway.document import Node
from shipway.place import Place

RESET = "!reset"
OVERRIDE = "!override"


def merge(base: Node, over: Node) -> Node:
    """``over`` on top of ``base``.

    Mappings merge key by key, sequences are appended, scalars are replaced, null changes nothing.
    ``!reset`` takes a key away, ``!override`` replaces it as a whole. Of two different types the
    later one stays.
    """
    if over.tag == OVERRIDE:
        return over
    if over.value is None:
        return base
    if base.is_mapping and over.is_mapping:
        return _merge_mappings(base, over)
    if base.is_sequence and over.is_sequence:
        return Node([*base.sequence, *over.sequence], over.place)
    return over


def _merge_mappings(base: Node, over: Node) -> Node:
    entries = dict(base.mapping)
    keys = dict(base.keys or {})
    for key, value in over.mapping.items():
        if value.tag == RESET and key in entries:
            del entries[key]
            continue
        entries[key] = merge(entries[key], value) if key in entries else value
        keys[key] = over.key_place(key)
    return Node(entries, over.place, keys=keys)


def empty(place: Place) -> Node:
    """A mapping without entries."""
    return Node({}, place, keys={})
