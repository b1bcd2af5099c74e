"""What one reading of workflows shares: the files, the facts about the repository, and what was found."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from shipway.document import Node, parse
from shipway.errors import ShipwayError
from shipway.fleet.discover.workflows.evaluate import Open, Value, to_text, unknown
from shipway.fleet.discover.workflows.origin import github_context, runner_variables
from shipway.fleet.discover.workflows.scope import Scope
from shipway.fleet.model import Declaration, Problem
from shipway.fleet.tree import FileTree
from shipway.place import Place

# GitHub allows ten levels of calls; the legs are bounded because calls in matrices multiply
MAX_DEPTH = 10
MAX_LEGS = 4096


@dataclass(frozen=True, slots=True)
class Found:
    """A declaration, the job that builds it, the leg of its matrix, and whether it stays on the runner."""

    declaration: Declaration
    job: tuple[str, str]
    leg: Mapping[str, Value]
    local: bool


@dataclass(slots=True)
class World:
    """The state of one reading."""

    tree: FileTree
    github: Open = field(init=False)
    variables: Mapping[str, str] = field(init=False)
    found: list[Found] = field(default_factory=list)
    legs: int = 0
    _problems: dict[Problem, None] = field(default_factory=dict)
    _documents: dict[str, Node | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.github = github_context(self.tree)
        self.variables = runner_variables(self.github)

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Every problem met, in order, each once."""
        return tuple(self._problems)

    @property
    def noted(self) -> int:
        """How many declarations and problems there are so far."""
        return len(self.found) + len(self._problems)

    def report(self, kind: str, message: str, place: Place) -> None:
        self._problems[Problem(kind, message, place)] = None

    def take(self, problems: Iterable[Problem]) -> None:
        self._problems.update(dict.fromkeys(problems))

    def document(self, path: str) -> Node | None:
        """The document in ``path``; None, and a Problem, when it cannot be read."""
        if path not in self._documents:
            self._documents[path] = None
            try:
                self._documents[path] = parse(self.tree.read(path), path)
            except ShipwayError as error:
                detail = f": {error.cause}" if error.cause else ""
                self.report("unreadable-file", f"{error.message}{detail}", error.place or Place(path))
        return self._documents[path]

    def may_run_leg(self, place: Place) -> bool:
        """Count a leg; False once there are more than any real set of workflows has."""
        self.legs += 1
        if self.legs == MAX_LEGS + 1:
            self.report("unresolved-matrix", f"more than {MAX_LEGS} legs; the rest is not read", place)
        return self.legs <= MAX_LEGS

    def scope(self, inputs: Mapping[str, Value], given: Mapping[str, Value]) -> Scope:
        """The scope of a workflow or action with these inputs, of which the caller gave ``given``."""
        contexts: dict[str, Value] = {"github": self.github, "inputs": dict(inputs)}
        decided: dict[str, Value] = {"inputs": Open(given)}
        return Scope(contexts, decided)


def input_values(
    declared: Node | None, given: Mapping[str, Value], github: Open, *, called: bool
) -> dict[str, Value]:
    """The ``inputs`` context: what the caller gives, else the default, else nothing.

    A required input without a default that nobody gives is unknown; when ``called``, one that is merely
    optional is empty, as GitHub has it.
    """
    scope = Scope({"github": github}, {})
    values: dict[str, Value] = {}
    for name, node in (declared.mapping if declared is not None else {}).items():
        default = node.get("default")
        required = scope.text(node.get("required")) == "true"
        if name in given:
            values[name] = given[name]
        elif default is not None:
            values[name] = scope.value(default)
        elif required or (not called and scope.text(node.get("type")) in ("choice", "environment")):
            values[name] = unknown(f"inputs.{name}")
        else:
            values[name] = _EMPTY.get(scope.text(node.get("type")), "")
    return values | {name: value for name, value in given.items() if name not in values}


_EMPTY: dict[str, Value] = {"boolean": False, "number": 0}


def as_variables(env: Mapping[str, Value]) -> dict[str, str]:
    """An ``env`` context as variables of a shell."""
    return {name: to_text(value) for name, value in env.items()}
