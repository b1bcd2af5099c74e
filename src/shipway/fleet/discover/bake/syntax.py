"""The syntax tree of a bake file: bodies, blocks and expressions, each with its place.

Follows the HCL native syntax specification; an HCL-JSON file becomes the same tree.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import TypeAlias

from shipway.place import Place

Scalar: TypeAlias = bool | int | Fraction | str | None

SPLAT_ITEM = ""
"""The name of the element inside a splat; no identifier of a file can be empty."""


@dataclass(frozen=True, slots=True)
class Literal:
    place: Place
    value: Scalar


@dataclass(frozen=True, slots=True)
class Template:
    """Text with interpolations and directives; one that is a lone ``${x}`` is ``x`` itself, never this."""

    place: Place
    parts: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class TemplateIf:
    place: Place
    condition: Expression
    then: Template
    otherwise: Template


@dataclass(frozen=True, slots=True)
class TemplateFor:
    place: Place
    key_name: str | None
    value_name: str
    source: Expression
    body: Template


@dataclass(frozen=True, slots=True)
class Variable:
    place: Place
    name: str


@dataclass(frozen=True, slots=True)
class Member:
    """``source.name`` and ``source[key]``."""

    place: Place
    source: Expression
    key: Expression


@dataclass(frozen=True, slots=True)
class Splat:
    """``source[*].name``: ``each`` for every element, which it knows as SPLAT_ITEM."""

    place: Place
    source: Expression
    each: Expression


@dataclass(frozen=True, slots=True)
class Unary:
    place: Place
    operator: str
    operand: Expression


@dataclass(frozen=True, slots=True)
class Binary:
    place: Place
    operator: str
    left: Expression
    right: Expression


@dataclass(frozen=True, slots=True)
class Conditional:
    place: Place
    condition: Expression
    then: Expression
    otherwise: Expression


@dataclass(frozen=True, slots=True)
class Call:
    """A function call; ``expands`` when the last argument is followed by ``...``."""

    place: Place
    name: str
    arguments: tuple[Expression, ...]
    expands: bool = False


@dataclass(frozen=True, slots=True)
class Tuple:
    place: Place
    items: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Object:
    place: Place
    items: tuple[tuple[Expression, Expression], ...]


@dataclass(frozen=True, slots=True)
class For:
    """``[for …]``, or ``{for …}`` when there is a ``key``; ``grouped`` with ``...`` after the value."""

    place: Place
    key_name: str | None
    value_name: str
    source: Expression
    key: Expression | None
    value: Expression
    condition: Expression | None
    grouped: bool


Expression: TypeAlias = (
    Literal
    | Template
    | TemplateIf
    | TemplateFor
    | Variable
    | Member
    | Splat
    | Unary
    | Binary
    | Conditional
    | Call
    | Tuple
    | Object
    | For
)


@dataclass(frozen=True, slots=True)
class Assignment:
    """``name = value``; the place is that of the name."""

    place: Place
    name: str
    value: Expression


@dataclass(frozen=True, slots=True)
class Block:
    """``kind "label" … { body }``."""

    place: Place
    kind: str
    labels: tuple[str, ...]
    body: Body


@dataclass(frozen=True, slots=True)
class Body:
    assignments: Mapping[str, Assignment]
    blocks: tuple[Block, ...] = ()
