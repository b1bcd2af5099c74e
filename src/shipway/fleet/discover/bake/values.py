"""The values that HCL expressions have, and HCL's conversions between them (go-cty)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import NoReturn, TypeAlias

from shipway.place import Place

UNRESOLVED_VARIABLE = "unresolved-variable"
UNRESOLVED_EXPRESSION = "unresolved-expression"

_MAX_SIZE = 1 << 20
_MAX_BITS = 512
_NUMBER = re.compile(r"[-+]?\d{1,400}(?:\.\d{1,400})?(?:[eE][-+]?\d{1,3})?\Z", re.ASCII)
_BOOLEANS = {"true": True, "1": True, "false": False, "0": False}


@dataclass(frozen=True, slots=True)
class Unknown:
    """A value that the files do not tell: the ``kind`` and ``message`` of a Problem, and its place.

    ``fails`` when bake fails there too, so that ``try`` and ``can`` go on to the next argument.
    """

    kind: str
    message: str
    place: Place
    fails: bool = True


class Unset(str):
    """Text that holds the value of a variable without a default, as bake reads it: an empty text.

    Comparing it answers as bake does with an empty environment; the text itself is not to be used,
    because such a variable is meant to be given when the build runs.
    """

    variables: frozenset[str]

    def __new__(cls, text: str, variables: Iterable[str]) -> Unset:
        made = super().__new__(cls, text)
        made.variables = frozenset(variables)
        return made


Number: TypeAlias = int | Fraction
Value: TypeAlias = "bool | Number | str | Sequence[Value] | Mapping[str, Value] | Unknown | None"
Converter: TypeAlias = Callable[[Value], object]


class Failed(Exception):
    """An expression that has no value; the evaluator turns it into an Unknown with the place."""

    def __init__(self, message: str, kind: str = UNRESOLVED_EXPRESSION) -> None:
        super().__init__(message)
        self.kind = kind


class Poisoned(Exception):
    """An Unknown met where a value is needed: the whole expression is that Unknown."""

    def __init__(self, unknown: Unknown) -> None:
        super().__init__(unknown.message)
        self.unknown = unknown


def fail(message: str) -> NoReturn:
    raise Failed(message)


def misfit(needed: str, value: Value) -> NoReturn:
    """Raise the Failed of a value of the wrong type."""
    if isinstance(value, Unset):
        raise Failed(no_default(value.variables), UNRESOLVED_VARIABLE)
    fail(
        f"{needed} is needed, not {value!r}"
        if isinstance(value, str)
        else f"{needed} is needed, not {type_name(value)}"
    )


def no_default(variables: Iterable[str]) -> str:
    """What is to be said of a value that needs variables without a default."""
    return f"the files give no value to {' and '.join(sorted(variables))}"


def known(value: Value) -> Value:
    """``value`` unless it is Unknown, which ends the expression around it."""
    if isinstance(value, Unknown):
        raise Poisoned(value)
    return value


def is_number(value: Value) -> bool:
    return isinstance(value, int | Fraction) and not isinstance(value, bool)


def is_list(value: Value) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str)


def type_name(value: Value) -> str:
    """The type of a value in the words of an error message."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "a boolean"
    if isinstance(value, str):
        return "a text"
    if isinstance(value, int | Fraction):
        return "a number"
    return "an object" if isinstance(value, Mapping) else "a list"


def text(value: Value) -> str:
    """A primitive as text; an Unset keeps its mark."""
    value = known(value)
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | Fraction):
        return number_text(value)
    misfit("a text", value)


def number_text(value: Number) -> str:
    """A number without exponent, as HCL writes it into texts."""
    if isinstance(value, int):
        return str(value)
    rest = value.denominator
    digits = 0
    for factor in (2, 5):
        power = 0
        while rest % factor == 0:
            rest //= factor
            power += 1
        digits = max(digits, power)
    if rest != 1:
        fail("a number with endless decimals cannot become a text")
    scaled = str(abs(value.numerator) * 10**digits // value.denominator).rjust(digits + 1, "0")
    return f"{'-' if value < 0 else ''}{scaled[:-digits]}.{scaled[-digits:]}"


def number(value: Value) -> Number:
    """A number, or a text that is one."""
    value = known(value)
    if isinstance(value, int | Fraction) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and _NUMBER.match(value):
        return simplest(Fraction(value))
    misfit("a number", value)


def simplest(value: Number) -> Number:
    """An int where the number is whole. Fails beyond the 512 bits that HCL calculates with."""
    fraction = Fraction(value)
    if max(fraction.numerator.bit_length(), fraction.denominator.bit_length()) > _MAX_BITS:
        fail("the number is too large to be exact")
    return fraction.numerator if fraction.denominator == 1 else fraction


def whole(value: Value) -> int:
    found = number(value)
    if not isinstance(found, int):
        fail("a whole number is needed")
    return found


def boolean(value: Value) -> bool:
    """A boolean, or a text that is one."""
    value = known(value)
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value in _BOOLEANS:
        return _BOOLEANS[value]
    misfit("true or false", value)


def sequence(value: Value) -> list[Value]:
    value = known(value)
    if isinstance(value, Sequence) and not isinstance(value, str):
        return list(value)
    misfit("a list", value)


def texts(value: Value) -> list[str]:
    return [text(item) for item in sequence(value)]


def mapping(value: Value) -> Mapping[str, Value]:
    value = known(value)
    if isinstance(value, Mapping):
        return value
    misfit("an object", value)


def collection(value: Value) -> list[Value] | Mapping[str, Value]:
    value = known(value)
    return value if isinstance(value, Mapping) else sequence(value)


def anything(value: Value) -> Value:
    return value


def pairs(value: Value) -> Iterator[tuple[Value, Value]]:
    """Key and value of a collection in HCL's order: objects by key."""
    found = collection(value)
    if isinstance(found, Mapping):
        return iter([(key, found[key]) for key in sorted(found)])
    return iter(list(enumerate(found)))


def same(left: Value, right: Value) -> bool:
    """HCL's ``==``: values of different types are never equal."""
    left, right = known(left), known(right)
    if isinstance(left, Mapping) and isinstance(right, Mapping):
        return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)
    if is_list(left) and is_list(right):
        one, other = sequence(left), sequence(right)
        return len(one) == len(other) and all(map(same, one, other))
    return type_name(left) == type_name(right) and left == right


def bounded(value: Value) -> Value:
    """``value`` unless it is too large to be meant: a file must not fill the memory."""
    if isinstance(value, str | Sequence | Mapping) and len(value) > _MAX_SIZE:
        fail("the value is too large")
    return value


def unset_variables(value: Value) -> frozenset[str]:
    """The variables without default whose text is anywhere in ``value``."""
    if isinstance(value, Unset):
        return value.variables
    if isinstance(value, str):
        return frozenset()
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, Sequence):
        return frozenset().union(*map(unset_variables, value))
    return frozenset()


def first_unknown(value: Value) -> Unknown | None:
    """The first Unknown anywhere in ``value``."""
    if isinstance(value, Unknown):
        return value
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, Sequence) and not isinstance(value, str):
        return next((found for item in value if (found := first_unknown(item)) is not None), None)
    return None


def marked(value: Value, variables: frozenset[str]) -> Value:
    """``value`` with every text in it marked as holding ``variables``."""
    if not variables:
        return value
    if isinstance(value, str):
        return Unset(value, variables | unset_variables(value))
    if isinstance(value, Mapping):
        return {key: marked(item, variables) for key, item in value.items()}
    if isinstance(value, Sequence):
        return [marked(item, variables) for item in value]
    return value
