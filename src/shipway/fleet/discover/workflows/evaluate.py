"""The value of an expression as far as files tell it.

Values are JSON-like; what only a run knows is a text with a hole (``holes``), and whatever depends on it is
one too. Conversions and comparisons follow GitHub's documentation of expressions: text is compared without
regard to case, and values of different types are compared as numbers.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from typing import TypeAlias

from shipway.errors import ConfigError
from shipway.fleet.discover.workflows import expression
from shipway.fleet.discover.workflows.expression import Expression
from shipway.fleet.discover.workflows.holes import causes, has_hole, hole, is_hole

Value: TypeAlias = "bool | int | float | str | list[Value] | dict[str, Value] | None"
Contexts: TypeAlias = Mapping[str, Value]

_PLACEHOLDER = re.compile(r"\{\{|\}\}|\{(\d+)\}")
_COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "<": lambda left, right: left < right,
    "<=": lambda left, right: left <= right,
    ">": lambda left, right: left > right,
    ">=": lambda left, right: left >= right,
}


class Open(dict[str, Value]):
    """A context of which only some entries are known: a missing one is unknown, not empty."""


class _Every(list[Value]):
    """The result of ``.*``: a key applied to it applies to each of its items."""


def evaluate(text: str, contexts: Contexts) -> Value:
    """The value of one expression without its ``${{ }}``; a hole where it is unknown or no expression."""
    try:
        return value_of(expression.parse(text), contexts)
    except ConfigError:
        return unknown(text.strip())


def fill(text: str, contexts: Contexts) -> Value:
    """``text`` with each ``${{ }}`` replaced; a text that is one expression alone gives its value."""
    pieces = list(_pieces(text))
    if len(pieces) == 1 and pieces[0][0]:
        return evaluate(pieces[0][1], contexts)
    return "".join(to_text(evaluate(piece, contexts)) if code else piece for code, piece in pieces)


def unknown(source: str) -> str:
    """A hole whose cause is the expression ``source``."""
    return hole("${{ " + source + " }}")


def truth(value: Value) -> bool | None:
    """Whether ``value`` counts as true; None when that is unknown."""
    if isinstance(value, str):
        return None if is_hole(value) else bool(value)
    if isinstance(value, bool | int | float) or value is None:
        return bool(value) and not (isinstance(value, float) and math.isnan(value))
    return True


def to_text(value: Value) -> str:
    """``value`` as GitHub writes it into a text."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return f"{value:.15g}" if isinstance(value, float) else str(value)
    return "Array" if isinstance(value, list) else "Object"


def value_of(tree: Expression, contexts: Contexts) -> Value:
    """The value of a parsed expression."""
    match tree:
        case expression.Constant():
            return tree.value
        case expression.Context():
            key = _key(contexts, tree.name)
            return unknown(tree.name) if key is None else contexts[key]
        case expression.Member():
            return _member(tree, contexts)
        case expression.Every():
            return _every(value_of(tree.base, contexts))
        case expression.Call():
            return _call(tree, contexts)
        case expression.Not():
            operand = value_of(tree.operand, contexts)
            known = truth(operand)
            return _first_hole(operand) if known is None else not known
    return _binary(tree, contexts)


def _pieces(text: str) -> list[tuple[bool, str]]:
    """Text and code in turn; code is what stands between ``${{`` and ``}}``."""
    pieces: list[tuple[bool, str]] = []
    position = 0
    while (start := text.find("${{", position)) >= 0:
        end = _end_of_code(text, start + 3)
        if end is None:
            break
        if start > position:
            pieces.append((False, text[position:start]))
        pieces.append((True, text[start + 3 : end]))
        position = end + 2
    if position < len(text):
        pieces.append((False, text[position:]))
    return pieces


def _end_of_code(text: str, position: int) -> int | None:
    quoted = False
    for index in range(position, len(text)):
        if text[index] == "'":
            quoted = not quoted
        elif not quoted and text.startswith("}}", index):
            return index
    return None


def _key(mapping: Mapping[str, Value], name: str) -> str | None:
    """The key of ``mapping`` that ``name`` means; case does not matter."""
    if name in mapping:
        return name
    folded = name.lower()
    return next((key for key in mapping if key.lower() == folded), None)


def _member(tree: expression.Member, contexts: Contexts) -> Value:
    base, key = value_of(tree.base, contexts), value_of(tree.key, contexts)
    if (isinstance(base, str) and has_hole(base)) or (isinstance(key, str) and has_hole(key)):
        source = expression.literal(tree)
        return unknown(source) if source else _first_hole(base, key)
    if isinstance(base, _Every):
        return _Every(found for item in base if (found := _pick(item, key, tree)) is not None)
    return _pick(base, key, tree)


def _pick(base: Value, key: Value, tree: expression.Member) -> Value:
    if isinstance(base, list):
        index = _number(key)
        return base[int(index)] if index.is_integer() and 0 <= index < len(base) else None
    if not isinstance(base, dict):
        return None
    found = _key(base, to_text(key))
    if found is not None:
        return base[found]
    return unknown(expression.literal(tree) or to_text(key)) if isinstance(base, Open) else None


def _every(base: Value) -> Value:
    if isinstance(base, str) and has_hole(base):
        return base
    if isinstance(base, dict):
        return _Every(base.values())
    return _Every(base) if isinstance(base, list) else _Every()


def _binary(tree: expression.Binary, contexts: Contexts) -> Value:
    left = value_of(tree.left, contexts)
    if tree.operator in ("&&", "||"):
        known = truth(left)
        if known is None:
            return _first_hole(left)
        return value_of(tree.right, contexts) if known == (tree.operator == "&&") else left
    right = value_of(tree.right, contexts)
    if _is_unknown(left) or _is_unknown(right):
        return _first_hole(left, right)
    if tree.operator in ("==", "!="):
        return _equal(left, right) == (tree.operator == "==")
    return _compare(tree.operator, left, right)


def _is_unknown(value: Value) -> bool:
    return isinstance(value, str) and has_hole(value)


def _first_hole(*values: Value) -> str:
    found = [cause for value in values if isinstance(value, str) for cause in causes(value)]
    return hole(found[0] if found else "")


def _equal(left: Value, right: Value) -> bool:
    if isinstance(left, str) and isinstance(right, str):
        return left.lower() == right.lower()
    if isinstance(left, list | dict) or isinstance(right, list | dict):
        return left is right
    return (left is None and right is None) or _number(left) == _number(right)


def _compare(operator: str, left: Value, right: Value) -> bool:
    if isinstance(left, str) and isinstance(right, str):
        order = (left.lower() > right.lower()) - (left.lower() < right.lower())
        return _COMPARISONS[operator](order, 0)
    return _COMPARISONS[operator](_number(left), _number(right))


def _number(value: Value) -> float:
    try:
        if not isinstance(value, str):
            return math.nan if isinstance(value, list | dict) else float(value or 0)
        text = value.strip()
        return float(int(text, 0)) if text.lower().startswith(("0x", "0o")) else float(text or 0)
    except (ValueError, OverflowError):
        return math.nan


def _call(tree: expression.Call, contexts: Contexts) -> Value:
    arguments = [value_of(argument, contexts) for argument in tree.arguments]
    if tree.name == "case":
        return _case(arguments)
    function, fewest, keeps_holes = _FUNCTIONS.get(tree.name, (None, 0, False))
    if function is None or len(arguments) < fewest:
        return unknown(f"{tree.name}()")
    if not keeps_holes and any(_is_unknown(argument) for argument in arguments):
        return _first_hole(*arguments)
    return function(arguments)


def _case(arguments: list[Value]) -> Value:
    for condition, result in zip(arguments[::2], arguments[1::2], strict=False):
        known = truth(condition)
        if known is None:
            return _first_hole(condition)
        if known:
            return result
    return arguments[-1] if len(arguments) % 2 else None


def _contains(arguments: list[Value]) -> Value:
    where, what = arguments[:2]
    if isinstance(where, list):
        unknown_items = [item for item in where if _is_unknown(item)]
        if any(_equal(item, what) for item in where if not _is_unknown(item)):
            return True
        return _first_hole(*unknown_items) if unknown_items else False
    return to_text(what).lower() in to_text(where).lower()


def _format(arguments: list[Value]) -> Value:
    template, *values = arguments
    if _is_unknown(template):
        return _first_hole(template)

    def replace(match: re.Match[str]) -> str:
        if match[1] is None:
            return match[0][0]
        index = match[1]
        return to_text(values[int(index)]) if len(index) < 4 and int(index) < len(values) else match[0]

    return _PLACEHOLDER.sub(replace, to_text(template))


def _join(arguments: list[Value]) -> Value:
    separator = to_text(arguments[1]) if len(arguments) > 1 else ","
    items = arguments[0] if isinstance(arguments[0], list) else [arguments[0]]
    return separator.join(to_text(item) for item in items)


def _from_json(arguments: list[Value]) -> Value:
    text = to_text(arguments[0])
    try:
        parsed: Value = json.loads(text)
    except (ValueError, RecursionError):
        return unknown(f"fromJSON({text!r})")
    return parsed


def _to_json(arguments: list[Value]) -> Value:
    return json.dumps(arguments[0], indent=2, ensure_ascii=False)


# name: the function, how many arguments it needs, and whether it can keep a hole within its result
_FUNCTIONS: dict[str, tuple[Callable[[list[Value]], Value] | None, int, bool]] = {
    "contains": (_contains, 2, False),
    "startswith": (lambda a: to_text(a[0]).lower().startswith(to_text(a[1]).lower()), 2, False),
    "endswith": (lambda a: to_text(a[0]).lower().endswith(to_text(a[1]).lower()), 2, False),
    "format": (_format, 1, True),
    "join": (_join, 1, True),
    "tojson": (_to_json, 1, False),
    "fromjson": (_from_json, 1, False),
}
