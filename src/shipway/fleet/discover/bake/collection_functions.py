"""Bake's functions on lists, sets and objects (go-cty stdlib)."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product
from math import prod

from shipway.fleet.discover.bake.builtin import Builtin
from shipway.fleet.discover.bake.types import as_set
from shipway.fleet.discover.bake.values import (
    Number,
    Value,
    anything,
    collection,
    fail,
    is_list,
    known,
    mapping,
    number,
    pairs,
    same,
    sequence,
    simplest,
    text,
    texts,
    whole,
)

_MAX_RANGE = 1024
_MAX_PRODUCT = 10_000


def _coalesce(*values: Value) -> Value:
    for value in values:
        if known(value) is not None:
            return value
    fail("every argument is null")


def _coalescelist(*lists: list[Value]) -> Value:
    return next((items for items in lists if items), None) or fail("every list is empty")


def _compact(items: list[Value]) -> Value:
    return [item for item in items if item is not None and (not isinstance(item, str) or item != "")]


def _distinct(items: list[Value]) -> Value:
    kept: list[Value] = []
    for item in items:
        if not _contains(kept, item):
            kept.append(item)
    return kept


def _contains(items: list[Value], wanted: Value) -> bool:
    return any(same(item, wanted) for item in items)


def _indexof(items: list[Value], wanted: Value) -> Value:
    for index, item in enumerate(items):
        if same(item, wanted):
            return index
    fail("the item is not in the list")


def _element(items: list[Value], index: int) -> Value:
    return items[index % len(items)] if items else fail("the list is empty")


def _flatten(items: list[Value]) -> list[Value]:
    flat: list[Value] = []
    for item in items:
        flat += _flatten(sequence(item)) if is_list(item) else [item]
    return flat


def _index(items: list[Value] | Mapping[str, Value], key: Value) -> Value:
    if isinstance(items, Mapping):
        return items[text(key)] if text(key) in items else fail(f"there is no key {text(key)!r}")
    position = whole(key)
    return items[position] if 0 <= position < len(items) else fail(f"the index {position} is out of range")


def _hasindex(items: list[Value] | Mapping[str, Value], key: Value) -> Value:
    if isinstance(items, Mapping):
        return isinstance(key, str) and key in items
    return not isinstance(key, str) and 0 <= number(key) < len(items) and isinstance(number(key), int)


def _lookup(items: Mapping[str, Value], key: str, default: Value) -> Value:
    return items.get(key, default)


def _keys(items: Mapping[str, Value]) -> Value:
    return sorted(items)


def _values(items: Mapping[str, Value]) -> Value:
    return [value for _, value in pairs(items)]


def _merge(*objects: Value) -> Value:
    merged: dict[str, Value] = {}
    for item in objects:
        merged.update({} if known(item) is None else mapping(item))
    return merged


def _concat(*lists: list[Value]) -> Value:
    return [item for items in lists for item in items]


def _chunklist(items: list[Value], size: int) -> Value:
    if size < 0:
        fail("the size of a chunk is not negative")
    return [items[i : i + size] for i in range(0, len(items), size)] if size else [items]


def _range(*numbers: Number) -> Value:
    """One to three numbers: end; start and end; start, end and step. At most 1024 results, as in go-cty."""
    if not 1 <= len(numbers) <= 3:
        fail("1 to 3 arguments are needed")
    start, end = (0, numbers[0]) if len(numbers) == 1 else numbers[:2]
    step = numbers[2] if len(numbers) == 3 else (1 if start <= end else -1)
    if not step or (end - start) * step < 0:
        fail("the step never reaches the end")
    if (end - start) / step > _MAX_RANGE:
        fail(f"more than {_MAX_RANGE} numbers")
    result: list[Value] = []
    while (end - start) * step > 0:
        result.append(simplest(start))
        start += step
    return result


def _slice(items: list[Value], start: int, end: int) -> Value:
    if not 0 <= start <= end <= len(items):
        fail("the slice is out of range")
    return items[start:end]


def _setproduct(*lists: list[Value]) -> Value:
    if len(lists) < 2:
        fail("at least two lists are needed")
    if prod(map(len, lists)) > _MAX_PRODUCT:
        fail(f"more than {_MAX_PRODUCT} combinations")
    return [list(combination) for combination in product(*lists)]


def _zipmap(keys: list[str], values: list[Value]) -> Value:
    if len(keys) != len(values):
        fail("there are not as many keys as values")
    return dict(zip(keys, values, strict=True))


def _length(items: list[Value] | Mapping[str, Value]) -> Value:
    return len(items)


def _setunion(*sets: list[Value]) -> Value:
    return as_set([item for items in sets for item in items])


def _setintersection(first: list[Value], *others: list[Value]) -> Value:
    return as_set([item for item in first if all(_contains(other, item) for other in others)])


def _setsubtract(left: list[Value], right: list[Value]) -> list[Value]:
    return as_set([item for item in left if not _contains(right, item)])


def _setsymmetricdifference(first: list[Value], *others: list[Value]) -> Value:
    for other in others:
        first = as_set([*_setsubtract(first, other), *_setsubtract(other, first)])
    return as_set(first)


COLLECTION_FUNCTIONS: dict[str, Builtin] = {
    "chunklist": Builtin(_chunklist, (sequence, whole), structural=True),
    "coalesce": Builtin(_coalesce, rest=anything, structural=True),
    "coalescelist": Builtin(_coalescelist, rest=sequence, structural=True),
    "compact": Builtin(_compact, (sequence,), structural=True),
    "concat": Builtin(_concat, rest=sequence, structural=True),
    "contains": Builtin(_contains, (sequence, anything)),
    "distinct": Builtin(_distinct, (sequence,)),
    "element": Builtin(_element, (sequence, whole), structural=True),
    "flatten": Builtin(_flatten, (sequence,), structural=True),
    "hasindex": Builtin(_hasindex, (collection, anything), structural=True),
    "index": Builtin(_index, (collection, anything), structural=True),
    "indexof": Builtin(_indexof, (sequence, anything)),
    "keys": Builtin(_keys, (mapping,), structural=True),
    "length": Builtin(_length, (collection,), structural=True),
    "lookup": Builtin(_lookup, (mapping, text, anything), structural=True),
    "merge": Builtin(_merge, rest=anything, structural=True),
    "range": Builtin(_range, rest=number),
    "reverselist": Builtin(lambda items: items[::-1], (sequence,), structural=True),
    "sethaselement": Builtin(_contains, (sequence, anything)),
    "setintersection": Builtin(_setintersection, (sequence,), rest=sequence),
    "setproduct": Builtin(_setproduct, rest=sequence, structural=True),
    "setsubtract": Builtin(_setsubtract, (sequence, sequence)),
    "setsymmetricdifference": Builtin(_setsymmetricdifference, (sequence,), rest=sequence),
    "setunion": Builtin(_setunion, rest=sequence),
    "slice": Builtin(_slice, (sequence, whole, whole), structural=True),
    "sort": Builtin(sorted, (texts,)),
    "values": Builtin(_values, (mapping,), structural=True),
    "zipmap": Builtin(_zipmap, (texts, sequence), structural=True),
}
