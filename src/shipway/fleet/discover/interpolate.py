"""Variables in the values of Compose files.

Follows the Compose specification, 12-interpolation, and where that is silent what ``compose-go`` does in
its ``template`` package: ``$VAR``, ``${VAR}``, the operators ``:-`` ``-`` ``:?`` ``?`` ``:+`` ``+`` with
nested expressions, and ``$$`` for a dollar. A dollar before anything else stands for itself.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from shipway.errors import InvalidValue

_MAX_DEPTH = 50
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_BRACED = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(?:(:?[-+?])(.*))?\Z", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Unset:
    """A variable without a value, and the reason its author gave with ``?``, or nothing."""

    name: str
    reason: str = ""

    def __str__(self) -> str:
        return f"{self.name} ({self.reason})" if self.reason else self.name


@dataclass(frozen=True, slots=True)
class Interpolated:
    """A text with its variables filled in. Those of ``unset`` are left out of it, as Compose would."""

    text: str
    unset: tuple[Unset, ...] = ()


def interpolate(text: str, variables: Mapping[str, str]) -> Interpolated:
    """``text`` with ``variables`` filled in.

    A variable that has neither a value nor a default is listed in ``unset``.
    Raises InvalidValue for an expression that Compose would refuse (``${``, ``${A B}``).
    """
    return _expand(text, variables, 0)


def _expand(text: str, variables: Mapping[str, str], depth: int) -> Interpolated:
    if depth > _MAX_DEPTH:
        raise InvalidValue("the variables are nested too deeply")
    parts: list[str] = []
    unset: list[Unset] = []
    position = 0
    while (dollar := text.find("$", position)) >= 0:
        parts.append(text[position:dollar])
        value, position = _variable(text, dollar + 1, variables, depth)
        parts.append(value.text)
        unset.extend(value.unset)
    parts.append(text[position:])
    return Interpolated("".join(parts), tuple(unset))


def _variable(text: str, start: int, variables: Mapping[str, str], depth: int) -> tuple[Interpolated, int]:
    """What the dollar before ``start`` stands for, and where the text goes on."""
    if text.startswith("$", start):
        return Interpolated("$"), start + 1
    if text.startswith("{", start):
        end = _closing(text, start)
        return _braced(text[start + 1 : end], variables, depth), end + 1
    if name := _NAME.match(text, start):
        return _plain(name.group(), variables), name.end()
    return Interpolated("$"), start


def _closing(text: str, start: int) -> int:
    """The index of the brace that closes the one at ``start``; inner braces count, as in compose-go."""
    depth = 0
    for index in range(start, len(text)):
        if text[index] == "{":
            depth += 1
        elif text[index] == "}":
            depth -= 1
            if depth == 0:
                return index
    raise InvalidValue(f"'${{' is never closed in {text!r}", help="write $$ for a dollar sign")


def _braced(expression: str, variables: Mapping[str, str], depth: int) -> Interpolated:
    match = _BRACED.match(expression)
    if match is None:
        raise InvalidValue(f"'${{{expression}}}' is not a variable", help="write $$ for a dollar sign")
    name, operator, word = match.groups()
    value = variables.get(name)
    if operator is None:
        return _plain(name, variables)
    present = bool(value) if operator.startswith(":") else value is not None
    if operator.endswith("+"):
        return _expand(word, variables, depth + 1) if present else Interpolated("")
    if present:
        return Interpolated(value or "")
    if operator.endswith("-"):
        return _expand(word, variables, depth + 1)
    return Interpolated("", (Unset(name, _expand(word, variables, depth + 1).text),))


def _plain(name: str, variables: Mapping[str, str]) -> Interpolated:
    value = variables.get(name)
    return Interpolated(value) if value is not None else Interpolated("", (Unset(name),))
