"""The legs of a job's matrix, as GitHub's "Run job variations" defines them."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from typing import TypeAlias

from shipway.document import Node
from shipway.fleet.discover.workflows.evaluate import Value, to_text, unknown
from shipway.fleet.discover.workflows.holes import causes, has_hole, show
from shipway.fleet.discover.workflows.scope import Scope
from shipway.fleet.model import Problem
from shipway.place import Place

# GitHub refuses a matrix with more jobs than this
MAX_LEGS = 256

Leg: TypeAlias = "dict[str, Value]"


def legs(node: Node | None, scope: Scope) -> tuple[list[Value], list[Problem]]:
    """The values of the ``matrix`` context, one a leg; a job without a matrix has one empty leg.

    What files do not tell is a hole within a leg and a Problem ``unresolved-matrix``.
    """
    if node is None:
        return [{}], []
    reader = _Reader(node, scope)
    return reader.legs(), reader.problems


class _Reader:
    def __init__(self, node: Node, scope: Scope) -> None:
        self._node = node
        self._matrix = scope.value(node)
        self.problems: list[Problem] = []

    def legs(self) -> list[Value]:
        matrix = self._matrix
        if not isinstance(matrix, dict):
            self._problem(matrix, self._node.place)
            return [unknown("matrix")]
        include = self._list(matrix, "include")
        vectors = {
            key: self._vector(key, values)
            for key, values in matrix.items()
            if key not in ("include", "exclude")
        }
        if math.prod(len(values) for values in vectors.values()) > MAX_LEGS:
            self._report(f"the matrix has more than {MAX_LEGS} legs, which GitHub refuses", self._node.place)
            return [{key: unknown(f"matrix.{key}") for key in vectors}]
        combinations = _without(_product(vectors), self._list(matrix, "exclude") or [])
        if include is None and not vectors:
            return [unknown("matrix")]
        return list(_with(combinations, include or [])[:MAX_LEGS]) or []

    def _vector(self, key: str, values: Value) -> list[Value]:
        if isinstance(values, list):
            return values
        self._problem(values, self._place(key))
        return [unknown(f"matrix.{key}")]

    def _list(self, matrix: Mapping[str, Value], key: str) -> list[Leg] | None:
        values = matrix.get(key, [])
        if isinstance(values, list):
            for value in values:
                if not isinstance(value, dict):
                    self._problem(value, self._place(key))
            return [value for value in values if isinstance(value, dict)]
        self._problem(values, self._place(key))
        return None

    def _place(self, key: str) -> Place:
        return self._node.key_place(key)

    def _problem(self, value: Value, place: Place) -> None:
        if isinstance(value, str) and has_hole(value):
            self._report(
                f"the legs of the matrix are known only when the workflow runs: {causes(value)[0]}", place
            )
        else:
            self._report(f"the matrix holds {show(to_text(value))!r} where a list is expected", place)

    def _report(self, message: str, place: Place) -> None:
        self.problems.append(Problem("unresolved-matrix", message, place))


def _product(vectors: Mapping[str, list[Value]]) -> list[Leg]:
    if not vectors:
        return []
    return [dict(zip(vectors, values, strict=True)) for values in itertools.product(*vectors.values())]


def _without(combinations: list[Leg], exclude: list[Leg]) -> list[Leg]:
    return [leg for leg in combinations if not any(_matches(leg, entry) for entry in exclude)]


def _matches(leg: Value, entry: Value) -> bool:
    """Whether every value of ``entry`` stands in ``leg``; objects may be given in part."""
    if isinstance(entry, dict):
        return isinstance(leg, dict) and all(
            key in leg and _matches(leg[key], value) for key, value in entry.items()
        )
    return type(leg) is type(entry) and leg == entry


def _with(combinations: list[Leg], include: list[Leg]) -> list[Leg]:
    """Each entry extends the combinations whose own values it keeps, or else is a leg of its own."""
    extended = [dict(leg) for leg in combinations]
    added: list[Leg] = []
    for entry in include:
        fitting = [
            leg
            for original, leg in zip(combinations, extended, strict=True)
            if all(_matches(original[key], value) for key, value in entry.items() if key in original)
        ]
        for leg in fitting:
            leg.update(entry)
        if not fitting:
            added.append(dict(entry))
    return extended + added
