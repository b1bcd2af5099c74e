"""Bake's functions on numbers and booleans, and its comparisons (go-cty stdlib)."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from math import ceil, floor

from shipway.fleet.discover.bake.builtin import Builtin
from shipway.fleet.discover.bake.values import (
    Number,
    Value,
    anything,
    boolean,
    fail,
    number,
    same,
    simplest,
    text,
    whole,
)

_MAX_EXPONENT = 512


def _divide(left: Number, right: Number) -> Number:
    """``left / right``, exactly."""
    return simplest(Fraction(left) / Fraction(right)) if right else fail("division by zero")


def _modulo(left: Number, right: Number) -> Number:
    """The remainder with the sign of the dividend, as in Go."""
    return (
        simplest(left - right * int(Fraction(left) / Fraction(right))) if right else fail("division by zero")
    )


def _pow(base: Number, exponent: int) -> Value:
    if abs(exponent) > _MAX_EXPONENT or (not base and exponent < 0):
        fail("the exponent is out of range")
    return simplest(Fraction(base) ** exponent)


def _parseint(digits: str, base: int) -> Value:
    if not 2 <= base <= 36 or len(digits) > 600:
        fail("the base is between 2 and 36")
    try:
        return simplest(int(digits.replace("_", "!"), base))
    except ValueError:
        fail(f"{digits!r} is no number of base {base}")


def _extreme(choose: Callable[[tuple[Number, ...]], Number]) -> Builtin:
    def extreme(*numbers: Number) -> Value:
        return choose(numbers) if numbers else fail("at least one number is needed")

    return Builtin(extreme, rest=number)


NUMBER_FUNCTIONS: dict[str, Builtin] = {
    "absolute": Builtin(abs, (number,)),
    "add": Builtin(lambda left, right: simplest(left + right), (number, number)),
    "and": Builtin(lambda left, right: left and right, (boolean, boolean)),
    "ceil": Builtin(ceil, (number,)),
    "divide": Builtin(_divide, (number, number)),
    "equal": Builtin(same, (anything, anything)),
    "floor": Builtin(floor, (number,)),
    "greaterthan": Builtin(lambda left, right: left > right, (number, number)),
    "greaterthanorequalto": Builtin(lambda left, right: left >= right, (number, number)),
    "int": Builtin(int, (number,)),
    "lessthan": Builtin(lambda left, right: left < right, (number, number)),
    "lessthanorequalto": Builtin(lambda left, right: left <= right, (number, number)),
    "max": _extreme(max),
    "min": _extreme(min),
    "modulo": Builtin(_modulo, (number, number)),
    "multiply": Builtin(lambda left, right: simplest(left * right), (number, number)),
    "negate": Builtin(lambda value: -value, (number,)),
    "not": Builtin(lambda value: not value, (boolean,)),
    "notequal": Builtin(lambda left, right: not same(left, right), (anything, anything)),
    "or": Builtin(lambda left, right: left or right, (boolean, boolean)),
    "parseint": Builtin(_parseint, (text, whole)),
    "pow": Builtin(_pow, (number, whole)),
    "signum": Builtin(lambda value: (value > 0) - (value < 0), (number,)),
    "subtract": Builtin(lambda left, right: simplest(left - right), (number, number)),
}
