"""Groups and targets of a set of bake files: matrix, merging, inheritance, and which targets are images.

Follows buildx ``bake/bake.go`` and ``bake/hclparser``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import product
from math import prod
from typing import TypeVar

from shipway.fleet.discover.bake.definitions import BlockValues, Definitions
from shipway.fleet.discover.bake.evaluate import Scope, evaluate
from shipway.fleet.discover.bake.settings import Settings, read_settings
from shipway.fleet.discover.bake.syntax import Assignment, Block, Body
from shipway.fleet.discover.bake.values import (
    Failed,
    Poisoned,
    Unknown,
    Value,
    fail,
    known,
    mapping,
    no_default,
    sequence,
    text,
    unset_variables,
)
from shipway.fleet.model import Problem
from shipway.place import Place

_NAME = re.compile(r"[a-zA-Z0-9_-]+\Z")
_MAX_MATRIX = 10_000
_BUILD_KEYS = ("context", "dockerfile", "dockerfile-inline", "target")
_IMAGE_OUTPUTS = frozenset({"image", "registry", "docker", "oci"})


_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Group:
    """A named list of targets and other groups."""

    place: Place
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Source:
    """One block of a target, or one combination of its matrix."""

    block: Block
    scope: Scope


class Targets:
    """The groups and targets of files that are read together, in order.

    ``problems`` are those of names, matrices and groups; the ones of values are with the settings.
    """

    def __init__(self, bodies: Sequence[Body]) -> None:
        self.problems: list[Problem] = []
        self.groups: dict[str, Group] = {}
        self._definitions = Definitions(bodies)
        self._sources: dict[str, list[_Source]] = {}
        self._seen: dict[str, BlockValues] = {}
        self._read: dict[str, Settings] = {}
        self._resolved: dict[str, Settings] = {}
        self._read_groups()
        self._expand()
        self._definitions.share("target", BlockValues({n: partial(self._members, n) for n in self._sources}))

    @property
    def names(self) -> tuple[str, ...]:
        """Every target in the order in which it first appears, abstract ones too."""
        return tuple(self._sources)

    def place(self, name: str) -> Place:
        """Where a target starts, in the first file that has it."""
        return self._sources[name][0].block.place

    def _read_groups(self) -> None:
        for block in self._definitions.blocks("group"):
            members = self._texts(block.body.assignments.get("targets"), self._definitions.scope)
            self.groups[block.labels[0]] = Group(block.place, tuple(dict.fromkeys(members)))

    def _texts(self, assignment: Assignment | None, scope: Scope) -> list[str]:
        if assignment is None:
            return []
        found: list[str] = []
        for item in self._attempt(assignment, lambda: sequence(evaluate(assignment.value, scope))) or []:
            name = self._attempt(assignment, partial(_plain, item))
            found += [name] if name is not None else []
        return found

    def _attempt(self, assignment: Assignment, read: Callable[[], _T]) -> _T | None:
        try:
            return read()
        except Poisoned as poisoned:
            unknown = poisoned.unknown
        except Failed as failure:
            unknown = Unknown(failure.kind, str(failure), assignment.value.place)
        self.problems.append(Problem(unknown.kind, f"{assignment.name}: {unknown.message}", unknown.place))
        return None

    def _expand(self) -> None:
        """Give every block its name, or one for each combination of its matrix."""
        renamed: dict[str, Group] = {}
        for block in self._definitions.blocks("target"):
            label = block.labels[0]
            names = self._names(block)
            for name, scope in names:
                self._sources.setdefault(name, []).append(_Source(block, scope))
            if "matrix" in block.body.assignments or label in renamed:
                before = renamed[label].members if label in renamed else ()
                members = dict.fromkeys((*before, *(name for name, _ in names)))
                renamed[label] = Group(block.place, tuple(members))
        for label, group in renamed.items():
            if group.members != (label,):
                self.groups.setdefault(label, group)

    def _names(self, block: Block) -> list[tuple[str, Scope]]:
        settings = block.body.assignments
        name, matrix = settings.get("name"), settings.get("matrix")
        scopes = [self._definitions.scope]
        if matrix is not None:
            scopes = self._attempt(matrix, lambda: self._combinations(matrix)) or []
        elif name is not None:
            self._report("invalid-name", f"the target {block.labels[0]} has a name but no matrix", name.place)
        if name is None or matrix is None:
            found: list[str | None] = [block.labels[0]] * len(scopes)
        else:
            found = [self._attempt(name, partial(_name_in, name, scope)) for scope in scopes]
        return list(self._valid(block.place, zip(found, scopes, strict=True)))

    def _combinations(self, matrix: Assignment) -> list[Scope]:
        value = mapping(evaluate(matrix.value, self._definitions.scope))
        axes = {key: sequence(known(items)) for key, items in value.items()}
        if prod(map(len, axes.values())) > _MAX_MATRIX:
            fail(f"the matrix has more than {_MAX_MATRIX} combinations")
        return [
            self._definitions.scope.with_local(dict(zip(axes, combination, strict=True)))
            for combination in product(*axes.values())
        ]

    def _valid(self, place: Place, named: Iterable[tuple[str | None, Scope]]) -> Iterable[tuple[str, Scope]]:
        seen: set[str] = set()
        for name, scope in named:
            if name is None:
                continue
            if not _NAME.match(name):
                self._report("invalid-name", f"{name!r} is no target name: only a-z A-Z 0-9 _ - are", place)
            elif name in seen:
                self._report("invalid-name", f"the matrix gives the name {name!r} twice", place)
            else:
                seen.add(name)
                yield name, scope

    def _report(self, kind: str, message: str, place: Place) -> None:
        self.problems.append(Problem(kind, message, place))

    def _members(self, name: str) -> Value:
        """The attributes of the last block of a target, as ``target.NAME.ATTRIBUTE`` sees them."""
        if name not in self._seen:
            source = self._sources[name][-1]
            attributes = {
                key: partial(evaluate, assignment.value, source.scope)
                for key, assignment in source.block.body.assignments.items()
            }
            self._seen[name] = BlockValues({**attributes, "name": lambda: name})
        return self._seen[name]

    def own(self, name: str) -> Settings:
        """What the blocks of a target say themselves. Raises KeyError for an unknown name."""
        if name not in self._read:
            settings = Settings()
            for source in self._sources[name]:
                settings = settings.merged(read_settings(source.block.body.assignments, source.scope))
            self._read[name] = settings
        return self._read[name]

    def resolved(self, name: str) -> Settings:
        """The settings of a target with everything it inherits: buildx ``Config.ResolveTarget``.

        An unknown or circular parent gives nothing. Raises KeyError for an unknown name.
        """
        if name not in self._resolved:
            self._resolved[name] = self._resolve(name, {})
        return self._resolved[name]

    def _resolve(self, name: str, visited: dict[str, Settings | None]) -> Settings:
        visited[name] = None
        settings = Settings()
        own = self.own(name)
        for parent in own.list("inherits"):
            if parent in self._sources:
                inherited = visited[parent] if parent in visited else self._resolve(parent, visited)
                settings = settings.merged(inherited) if inherited is not None else settings
        done = settings.merged(own).normalised()
        visited[name] = done
        return done

    def members(self, group: str) -> tuple[str, ...]:
        """Every target that a group leads to, through other groups too."""
        found: dict[str, None] = {}
        pending, seen = [group], set[str]()
        while pending:
            name = pending.pop()
            if name not in self.groups or name in seen:
                found[name] = None
                continue
            seen.add(name)
            pending.extend(reversed(self.groups[name].members))
        return tuple(found)

    def links(self, name: str) -> tuple[str, ...]:
        """The targets that a target takes as named contexts."""
        values = self.resolved(name).map("contexts").values()
        return tuple(value.removeprefix("target:") for value in values if value.startswith("target:"))

    def images(self) -> tuple[str, ...]:
        """The targets that are images, in order.

        Those that a group or the name ``default`` leads to, or that nothing inherits from, or that have
        tags and say themselves how they are built; and what these link to. A target that writes only
        files or cache (``output``) and has no tags is none, nor is an empty placeholder that a CI action
        fills in.
        """
        inherited = {parent for name in self.names for parent in self.own(name).list("inherits")}
        reached = {"default", *(name for group in self.groups for name in self.members(group))}
        found = {name for name in self.names if self._is_image(name, name in reached, name in inherited)}
        pending = list(found)
        while pending:
            linked = [link for link in self.links(pending.pop()) if link in self._sources]
            pending += [link for link in linked if link not in found]
            found.update(linked)
        return tuple(name for name in self.names if name in found)

    def _is_image(self, name: str, reached: bool, inherited: bool) -> bool:
        settings = self.resolved(name)
        outputs = settings.list("output")
        if outputs and not settings.list("tags") and not _IMAGE_OUTPUTS.intersection(outputs):
            return False
        if reached:
            return True
        if not inherited:
            return bool(settings.places)
        return bool(settings.list("tags")) and any(key in settings.places for key in _BUILD_KEYS)


def _plain(value: Value) -> str:
    found = text(value)
    if variables := unset_variables(found):
        fail(no_default(variables))
    return found


def _name_in(name: Assignment, scope: Scope) -> str:
    return _plain(evaluate(name.value, scope))
