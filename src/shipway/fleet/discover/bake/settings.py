"""What a target block sets: values read by the kind of each key, and merged as bake merges them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from shipway.fleet.discover.bake import options
from shipway.fleet.discover.bake.evaluate import Scope, evaluate
from shipway.fleet.discover.bake.syntax import Assignment, Expression, Literal, Object, Tuple
from shipway.fleet.discover.bake.values import (
    UNRESOLVED_VARIABLE,
    Failed,
    Poisoned,
    Unknown,
    Value,
    known,
    mapping,
    no_default,
    sequence,
    text,
    unset_variables,
)
from shipway.fleet.model import Problem
from shipway.place import Place

TEXTS = ("context", "dockerfile", "dockerfile-inline", "target")
MAPS = ("args", "contexts", "labels")
LISTS: Mapping[str, Callable[[Value], str]] = {
    "inherits": text,
    "tags": text,
    "platforms": text,
    "output": options.output,
    "cache-to": options.cache,
    "cache-from": options.cache,
    "secret": options.secret,
    "ssh": options.ssh,
}
# The lists that grow when blocks are merged; of two entries with the same key the later one counts.
_GROWING: Mapping[str, Callable[[str], str]] = {
    "inherits": str,
    "cache-from": str,
    "secret": options.identity,
    "ssh": options.identity,
}


_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Settings:
    """The keys of a target by kind; a key that is missing was never set.

    ``places`` has the keys, and ``KEY.NAME`` for the entries of maps. ``problems`` are those of the
    values that are left out, by key.
    """

    texts: Mapping[str, str] = field(default_factory=dict)
    lists: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    maps: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    places: Mapping[str, Place] = field(default_factory=dict)
    problems: Mapping[str, tuple[Problem, ...]] = field(default_factory=dict)

    def merged(self, newer: Settings) -> Settings:
        """These settings with ``newer`` over them: buildx ``bake.Target.Merge``."""
        problems = dict(self.problems)
        for key in newer.places:
            kept = problems.pop(key, ()) if key in MAPS or key in _GROWING else ()
            if found := (*kept, *newer.problems.get(key, ())):
                problems[key] = found
            elif key in problems:
                del problems[key]
        return Settings(
            {**self.texts, **newer.texts},
            {**self.lists, **{key: self._list(key, items) for key, items in newer.lists.items()}},
            {**self.maps, **{key: {**self.map(key), **entries} for key, entries in newer.maps.items()}},
            {**self.places, **newer.places},
            problems,
        )

    def _list(self, key: str, newer: tuple[str, ...]) -> tuple[str, ...]:
        if key not in _GROWING:
            return newer
        return tuple({_GROWING[key](item): item for item in (*self.list(key), *newer)}.values())

    def normalised(self) -> Settings:
        """Without empty and repeated entries: buildx ``bake.Target.normalize``."""
        return Settings(
            self.texts,
            {key: tuple(dict.fromkeys(filter(None, items))) for key, items in self.lists.items()},
            {key: _without_deleted(key, entries) for key, entries in self.maps.items()},
            self.places,
            self.problems,
        )

    def list(self, key: str) -> tuple[str, ...]:
        return self.lists.get(key, ())

    def map(self, key: str) -> Mapping[str, str]:
        return self.maps.get(key, {})


def _without_deleted(key: str, entries: Mapping[str, str]) -> Mapping[str, str]:
    """An empty named context takes away the inherited one."""
    return {name: value for name, value in entries.items() if value or key != "contexts"}


def read_settings(assignments: Mapping[str, Assignment], scope: Scope) -> Settings:
    """The settings of one block. What cannot be resolved is left out and becomes a Problem."""
    reading = _Reading(scope)
    for key, assignment in assignments.items():
        if key in TEXTS:
            reading.text(key, assignment)
        elif key in MAPS:
            reading.map(key, assignment)
        elif key in LISTS:
            reading.list(key, assignment)
    return Settings(
        reading.texts,
        reading.lists,
        reading.maps,
        reading.places,
        {key: tuple(found) for key, found in reading.problems.items()},
    )


class _Reading:
    """The settings of a block while they are read."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self.texts: dict[str, str] = {}
        self.lists: dict[str, tuple[str, ...]] = {}
        self.maps: dict[str, dict[str, str]] = {}
        self.places: dict[str, Place] = {}
        self.problems: dict[str, list[Problem]] = {}

    def text(self, key: str, assignment: Assignment) -> None:
        value = self._value(key, assignment)
        if value is not None and (found := self._usable(key, value, assignment.place, text)) is not None:
            self.texts[key] = found

    def list(self, key: str, assignment: Assignment) -> None:
        value = self._value(key, assignment)
        if value is None:
            return
        items = self._parts(key, value, assignment.place, sequence) or []
        places = _item_places(assignment, len(items))
        read = (self._usable(key, item, place, LISTS[key]) for item, place in zip(items, places, strict=True))
        self.lists[key] = tuple(item for item in read if item is not None)

    def map(self, key: str, assignment: Assignment) -> None:
        value = self._value(key, assignment)
        if value is None:
            return
        places = _entry_places(assignment.value)
        self.maps[key] = {}
        for name, item in (self._parts(key, value, assignment.place, mapping) or {}).items():
            place = places.get(name, assignment.place)
            if item is not None and (found := self._usable(key, item, place, text)) is not None:
                self.maps[key][name] = found
                self.places[f"{key}.{name}"] = place

    def _value(self, key: str, assignment: Assignment) -> Value:
        """The value; None for null, which sets nothing."""
        value = evaluate(assignment.value, self._scope)
        if value is not None:
            self.places[key] = assignment.place
        return value

    def _usable(self, key: str, value: Value, place: Place, read: Callable[[Value], str]) -> str | None:
        """``value`` as ``read`` reads it, None with a Problem where that is impossible."""
        variables = unset_variables(value)
        if key == "platforms" and variables == {"BAKE_LOCAL_PLATFORM"}:
            return str(value)
        if variables:
            value = Unknown(UNRESOLVED_VARIABLE, no_default(variables), place)
        return self._parts(key, value, place, read)

    def _parts(self, key: str, value: Value, place: Place, read: Callable[[Value], _T]) -> _T | None:
        try:
            return read(known(value))
        except Poisoned as poisoned:
            self._report(key, poisoned.unknown)
        except Failed as failure:
            self._report(key, Unknown(failure.kind, str(failure), place))
        return None

    def _report(self, key: str, unknown: Unknown) -> None:
        problem = Problem(unknown.kind, f"{key}: {unknown.message}", unknown.place)
        self.problems.setdefault(key, []).append(problem)


def _item_places(assignment: Assignment, count: int) -> list[Place]:
    """Where the elements of a list are written; the place of the key when it is no plain list."""
    value = assignment.value
    if isinstance(value, Tuple) and len(value.items) == count:
        return [item.place for item in value.items]
    return [assignment.place] * count


def _entry_places(value: Expression) -> dict[str, Place]:
    if not isinstance(value, Object):
        return {}
    return {str(key.value): key.place for key, _ in value.items if isinstance(key, Literal)}
