"""HCL's type expressions (``list(string)``, ``object({…})``) and conversion to them."""

from __future__ import annotations

from collections.abc import Callable

from shipway.fleet.discover.bake.syntax import Call, Expression, Literal, Object, Tuple, Variable
from shipway.fleet.discover.bake.values import (
    Value,
    anything,
    boolean,
    fail,
    is_number,
    known,
    mapping,
    number,
    pairs,
    same,
    sequence,
    text,
)

_PRIMITIVES: dict[str, Callable[[Value], Value]] = {
    "string": text,
    "number": number,
    "bool": boolean,
    "any": anything,
}


def convert(value: Value, wanted: Expression) -> Value:
    """``value`` as the type that ``wanted`` writes; null is of every type.

    Raises Failed when the value does not fit or ``wanted`` is no type. Follows HCL's typeexpr extension.
    """
    if known(value) is None:
        return None
    if isinstance(wanted, Variable) and wanted.name in _PRIMITIVES:
        return _PRIMITIVES[wanted.name](value)
    if isinstance(wanted, Call) and len(wanted.arguments) == 1 and wanted.name in _COLLECTIONS:
        return _COLLECTIONS[wanted.name](value, wanted.arguments[0])
    fail("unknown type: string, number, bool, any, list(…), set(…), map(…), object({…}) or tuple([…])")


def _to_list(value: Value, item: Expression) -> Value:
    return [convert(found, item) for _, found in pairs(value)]


def _to_set(value: Value, item: Expression) -> Value:
    return as_set([convert(found, item) for found in sequence(value)])


def _to_map(value: Value, item: Expression) -> Value:
    return {key: convert(found, item) for key, found in mapping(value).items()}


def _to_tuple(value: Value, items: Expression) -> Value:
    found = sequence(value)
    if not isinstance(items, Tuple) or len(items.items) != len(found):
        fail("the number of elements does not fit the tuple type")
    return [convert(*pair) for pair in zip(found, items.items, strict=True)]


def _to_object(value: Value, attributes: Expression) -> Value:
    found = mapping(value)
    if not isinstance(attributes, Object):
        fail("object needs its attributes: object({name = type})")
    converted: dict[str, Value] = {}
    for key, wanted in attributes.items:
        name = (
            str(key.value) if isinstance(key, Literal) else fail("an attribute of an object type has a name")
        )
        optional = isinstance(wanted, Call) and wanted.name == "optional"
        kind = wanted.arguments[0] if isinstance(wanted, Call) and optional and wanted.arguments else wanted
        if name not in found and not optional:
            fail(f"the attribute {name!r} is required")
        converted[name] = convert(found.get(name), kind)
    return converted


def as_set(items: list[Value]) -> list[Value]:
    """``items`` once each, in the order in which HCL goes through a set of texts or numbers."""
    distinct: list[Value] = []
    for item in items:
        if not any(same(item, other) for other in distinct):
            distinct.append(item)
    if all(isinstance(item, str) for item in distinct):
        return sorted(distinct, key=text)
    return sorted(distinct, key=number) if all(map(is_number, distinct)) else distinct


_COLLECTIONS: dict[str, Callable[[Value, Expression], Value]] = {
    "list": _to_list,
    "set": _to_set,
    "map": _to_map,
    "tuple": _to_tuple,
    "object": _to_object,
}
