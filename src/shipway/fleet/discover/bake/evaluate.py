"""Expressions to values, in a scope. What the files do not tell becomes an Unknown, never an error."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from shipway.fleet.discover.bake.builtin import Builtin
from shipway.fleet.discover.bake.functions import BUILTINS, ONLY_WHEN_BUILDING
from shipway.fleet.discover.bake.syntax import (
    SPLAT_ITEM,
    Binary,
    Call,
    Conditional,
    Expression,
    For,
    Literal,
    Member,
    Object,
    Splat,
    Template,
    TemplateFor,
    TemplateIf,
    Tuple,
    Unary,
    Variable,
)
from shipway.fleet.discover.bake.types import convert
from shipway.fleet.discover.bake.values import (
    UNRESOLVED_EXPRESSION,
    UNRESOLVED_VARIABLE,
    Failed,
    Poisoned,
    Unknown,
    Value,
    boolean,
    bounded,
    collection,
    fail,
    first_unknown,
    known,
    marked,
    no_default,
    number,
    pairs,
    sequence,
    text,
    unset_variables,
    whole,
)


@dataclass(frozen=True, slots=True)
class UserFunction:
    """A ``function`` block; ``variadic`` names the parameter that takes the arguments left over."""

    name: str
    params: tuple[str, ...]
    variadic: str | None
    result: Expression


class Names(Protocol):
    """The variables and functions of a set of files."""

    def variable(self, name: str) -> Value:
        """The value of a variable. Raises Failed when there is none of that name, and in a cycle."""

    def function(self, name: str) -> UserFunction | None:
        """The ``function`` block of that name."""

    def step(self) -> None:
        """Count one evaluation. Raises Failed when the files need too many of them to be meant."""


@dataclass(frozen=True, slots=True)
class Scope:
    """What names mean at one point: local names (loops, parameters, matrix) before those of the files."""

    names: Names
    local: Mapping[str, Value] = field(default_factory=dict)
    calls: frozenset[str] = frozenset()

    def with_local(self, values: Mapping[str, Value]) -> Scope:
        return Scope(self.names, {**self.local, **values}, self.calls)


def evaluate(expression: Expression, scope: Scope) -> Value:
    """The value of ``expression``. An Unknown where the files do not tell it; lists and objects may hold
    Unknowns too. Follows the HCL native syntax specification, § Expressions."""
    try:
        scope.names.step()
        return bounded(_EVALUATORS[type(expression)](expression, scope))
    except Failed as failure:
        return Unknown(failure.kind, str(failure), expression.place)
    except Poisoned as poisoned:
        return poisoned.unknown


def _literal(expression: Literal, _: Scope) -> Value:
    return expression.value


def _variable(expression: Variable, scope: Scope) -> Value:
    name = expression.name
    if name in scope.local:
        return scope.local[name]
    return scope.names.variable(name)


def _template(expression: Template, scope: Scope) -> Value:
    pieces = [_interpolated(part, scope) for part in expression.parts]
    return marked("".join(pieces), unset_variables(pieces))


def _interpolated(part: Expression, scope: Scope) -> str:
    value = known(evaluate(part, scope))
    if value is not None:
        return text(value)
    if isinstance(part, Variable):
        message = no_default([part.name])
        raise Poisoned(Unknown(UNRESOLVED_VARIABLE, message, part.place))
    fail("null cannot stand in a text")


def _template_if(expression: TemplateIf, scope: Scope) -> Value:
    holds = boolean(evaluate(expression.condition, scope))
    return known(_template(expression.then if holds else expression.otherwise, scope))


def _template_for(expression: TemplateFor, scope: Scope) -> Value:
    inner = _loop(expression.key_name, expression.value_name, expression.source, scope)
    pieces = [text(_template(expression.body, step)) for step in inner]
    return marked("".join(pieces), unset_variables(pieces))


def _loop(key_name: str | None, value_name: str, source: Expression, scope: Scope) -> Iterator[Scope]:
    for key, value in pairs(evaluate(source, scope)):
        names = {value_name: value} if key_name is None else {key_name: key, value_name: value}
        yield scope.with_local(names)


def _member(expression: Member, scope: Scope) -> Value:
    found = collection(evaluate(expression.source, scope))
    key = known(evaluate(expression.key, scope))
    if isinstance(found, Mapping):
        name = text(key)
        if name not in found:
            fail(f"there is no attribute {name!r}")
        return found[name]
    index = whole(key)
    if not 0 <= index < len(found):
        fail(f"the index {index} is out of range: the list has {len(found)} elements")
    return found[index]


def _splat(expression: Splat, scope: Scope) -> Value:
    source = known(evaluate(expression.source, scope))
    if source is None:
        return []
    is_list = isinstance(source, Iterable) and not isinstance(source, str | Mapping)
    items = sequence(source) if is_list else [source]
    return [evaluate(expression.each, scope.with_local({SPLAT_ITEM: item})) for item in items]


def _unary(expression: Unary, scope: Scope) -> Value:
    operand = evaluate(expression.operand, scope)
    return not boolean(operand) if expression.operator == "!" else -number(operand)


def _binary(expression: Binary, scope: Scope) -> Value:
    operands = [evaluate(expression.left, scope), evaluate(expression.right, scope)]
    if (unknown := first_unknown(operands)) is not None:
        return unknown
    return BUILTINS[_OPERATORS[expression.operator]](operands)


def _conditional(expression: Conditional, scope: Scope) -> Value:
    holds = boolean(evaluate(expression.condition, scope))
    return evaluate(expression.then if holds else expression.otherwise, scope)


def _tuple(expression: Tuple, scope: Scope) -> Value:
    return [evaluate(item, scope) for item in expression.items]


def _object(expression: Object, scope: Scope) -> Value:
    return {text(evaluate(key, scope)): evaluate(value, scope) for key, value in expression.items}


def _for(expression: For, scope: Scope) -> Value:
    steps = [
        step
        for step in _loop(expression.key_name, expression.value_name, expression.source, scope)
        if expression.condition is None or boolean(evaluate(expression.condition, step))
    ]
    if expression.key is None:
        return [evaluate(expression.value, step) for step in steps]
    keys = [text(evaluate(expression.key, step)) for step in steps]
    values = [evaluate(expression.value, step) for step in steps]
    if expression.grouped:
        return {name: [v for k, v in zip(keys, values, strict=True) if k == name] for name in keys}
    if len(set(keys)) != len(keys):
        fail("two elements have the same key; add ... after the value to group them")
    return dict(zip(keys, values, strict=True))


def _call(expression: Call, scope: Scope) -> Value:
    if expression.name in _SPECIAL:
        return _SPECIAL[expression.name](expression, scope)
    arguments = [evaluate(argument, scope) for argument in expression.arguments]
    if expression.expands:
        arguments += sequence(arguments.pop())
    if (function := scope.names.function(expression.name)) is not None:
        return _call_user(function, arguments, scope)
    if (builtin := BUILTINS.get(expression.name)) is not None:
        return _call_builtin(expression.name, builtin, arguments)
    if expression.name in ONLY_WHEN_BUILDING:
        if (unknown := first_unknown(arguments)) is not None:
            return unknown
        message = f"{expression.name}() {ONLY_WHEN_BUILDING[expression.name]}"
        return Unknown(UNRESOLVED_EXPRESSION, message, expression.place, fails=False)
    fail(f"there is no function {expression.name}")


def _call_user(function: UserFunction, arguments: list[Value], scope: Scope) -> Value:
    if function.name in scope.calls:
        fail(f"the function {function.name} calls itself")
    named = len(function.params)
    if len(arguments) < named or (len(arguments) > named and function.variadic is None):
        fail(f"{function.name} takes {named} arguments, not {len(arguments)}")
    local = dict(zip(function.params, arguments, strict=False))
    if function.variadic is not None:
        local[function.variadic] = arguments[named:]
    return evaluate(function.result, Scope(scope.names, local, scope.calls | {function.name}))


def _call_builtin(name: str, builtin: Builtin, arguments: list[Value]) -> Value:
    variables: frozenset[str] = frozenset()
    if not builtin.structural:
        if (unknown := first_unknown(arguments)) is not None:
            return unknown
        variables = unset_variables(arguments)
    try:
        return marked(builtin(arguments), variables)
    except Failed as failure:
        raise Failed(f"{name}(): {failure}", failure.kind) from None


def _try(expression: Call, scope: Scope) -> Value:
    for argument in expression.arguments:
        value = evaluate(argument, scope)
        if not _fails(value):
            return value
    fail("none of the arguments of try() has a value")


def _can(expression: Call, scope: Scope) -> Value:
    return not any(_fails(evaluate(argument, scope)) for argument in expression.arguments)


def _fails(value: Value) -> bool:
    """Whether bake has no value there either."""
    unknown = first_unknown(value)
    if unknown is not None and not unknown.fails:
        raise Poisoned(unknown)
    return unknown is not None


def _convert(expression: Call, scope: Scope) -> Value:
    if len(expression.arguments) != 2:
        fail("convert() takes a value and a type")
    return convert(evaluate(expression.arguments[0], scope), expression.arguments[1])


# Each operator of HCL is one of the functions.
_OPERATORS = {
    "==": "equal",
    "!=": "notequal",
    "&&": "and",
    "||": "or",
    "+": "add",
    "-": "subtract",
    "*": "multiply",
    "/": "divide",
    "%": "modulo",
    "<": "lessthan",
    "<=": "lessthanorequalto",
    ">": "greaterthan",
    ">=": "greaterthanorequalto",
}
_SPECIAL: dict[str, Callable[[Call, Scope], Value]] = {"try": _try, "can": _can, "convert": _convert}
_EVALUATORS: dict[type, Callable[..., Value]] = {
    Literal: _literal,
    Template: _template,
    TemplateIf: _template_if,
    TemplateFor: _template_for,
    Variable: _variable,
    Member: _member,
    Splat: _splat,
    Unary: _unary,
    Binary: _binary,
    Conditional: _conditional,
    Tuple: _tuple,
    Object: _object,
    For: _for,
    Call: _call,
}
