"""The variables, functions and blocks that a set of bake files defines, resolved when they are asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from shipway.fleet.discover.bake.evaluate import Scope, UserFunction, evaluate
from shipway.fleet.discover.bake.syntax import Assignment, Block, Body, Expression, Tuple, Variable
from shipway.fleet.discover.bake.types import convert
from shipway.fleet.discover.bake.values import UNRESOLVED_VARIABLE, Failed, Unknown, Unset, Value, fail

LOCAL_PLATFORM = "local"
"""The word that buildx reads as the platform of the machine that builds."""

_MAX_STEPS = 500_000
_GIVEN: Mapping[str, Value] = {
    "BAKE_CMD_CONTEXT": "cwd://",
    "BAKE_LOCAL_PLATFORM": Unset(LOCAL_PLATFORM, ["BAKE_LOCAL_PLATFORM"]),
}


class Definitions:
    """What the names of several files mean together, as buildx merges them: of two variables, functions,
    groups or attributes of one name the later file's counts.

    Nothing is read from an environment: a variable without a default is an Unset empty text, and null
    where it has a type.
    """

    def __init__(self, bodies: Sequence[Body]) -> None:
        self._bodies = bodies
        self._variables = {block.labels[0]: block for block in self.blocks("variable")}
        self._functions = {block.labels[0]: block for block in self.blocks("function")}
        self._attributes = {
            name: assignment for body in bodies for name, assignment in body.assignments.items()
        }
        self._values: dict[str, Value] = dict(_GIVEN)
        self._resolving: set[str] = set()
        self._steps = 0
        self.scope = Scope(self)

    def blocks(self, kind: str) -> Iterator[Block]:
        """Every block of a kind that has its one label, in the order of the files."""
        for body in self._bodies:
            for block in body.blocks:
                if block.kind == kind and len(block.labels) == 1:
                    yield block

    def share(self, name: str, value: Value) -> None:
        """Let expressions refer to ``value`` as ``name``."""
        self._values[name] = value

    def variable(self, name: str) -> Value:
        """The value of a variable or a top-level attribute, which hides a variable of its name.

        Raises Failed when there is none, and when it refers to itself.
        """
        if name in self._values:
            return self._values[name]
        resolve = self._resolver(name)
        if name in self._resolving:
            fail(f"the variable {name} refers to itself")
        self._resolving.add(name)
        try:
            self._values[name] = resolve()
        finally:
            self._resolving.discard(name)
        return self._values[name]

    def _resolver(self, name: str) -> Callable[[], Value]:
        if (attribute := self._attributes.get(name)) is not None:
            return lambda: evaluate(attribute.value, self.scope)
        block = self._variables.get(name)
        if block is None:
            raise Failed(f"the variable {name} is defined in none of the bake files", UNRESOLVED_VARIABLE)
        return lambda: self._variable_value(name, block.body.assignments)

    def _variable_value(self, name: str, settings: Mapping[str, Assignment]) -> Value:
        wanted, default = settings.get("type"), settings.get("default")
        if default is None:
            return None if wanted is not None else Unset("", [name])
        value = evaluate(default.value, self.scope)
        if wanted is None or isinstance(value, Unknown):
            return value
        try:
            return convert(value, wanted.value)
        except Failed as failure:
            message = f"the default of {name} does not fit its type: {failure}"
            return Unknown(failure.kind, message, default.value.place)

    def step(self) -> None:
        """Count one evaluation. Raises Failed beyond what a file that is meant needs."""
        self._steps += 1
        if self._steps > _MAX_STEPS:
            fail("the files need too many evaluations")

    def function(self, name: str) -> UserFunction | None:
        """The ``function`` block of that name, None where it is missing or incomplete."""
        block = self._functions.get(name)
        if block is None or "result" not in block.body.assignments:
            return None
        settings = block.body.assignments
        params = settings["params"].value if "params" in settings else None
        variadic = settings["variadic_params"].value if "variadic_params" in settings else None
        names = params.items if isinstance(params, Tuple) else ()
        return UserFunction(
            name,
            tuple(parameter for item in names if (parameter := _name(item))),
            _name(variadic),
            settings["result"].value,
        )


def _name(expression: Expression | None) -> str | None:
    return expression.name if isinstance(expression, Variable) else None


class BlockValues(Mapping[str, Value]):
    """``target`` or one target as an expression sees it: members that are evaluated when they are read."""

    def __init__(self, members: Mapping[str, Callable[[], Value]]) -> None:
        self._members = members
        self._reading: set[str] = set()

    def __getitem__(self, name: str) -> Value:
        if name in self._reading:
            fail(f"{name} refers to itself")
        self._reading.add(name)
        try:
            return self._members[name]()
        finally:
            self._reading.discard(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._members)

    def __len__(self) -> int:
        return len(self._members)
