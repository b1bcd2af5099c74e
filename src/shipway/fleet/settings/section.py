"""A setting, and sections of them: how a mapping of the fleet file is read and published as a schema."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar, cast

from shipway.document import Node
from shipway.errors import ConfigError
from shipway.fleet.shapes import (
    NAME_PATTERN,
    JsonSchema,
    Located,
    Shape,
    T_co,
    check_name,
    did_you_mean,
    seen,
    wrong,
)
from shipway.place import Place

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Setting(Generic[T_co]):
    """A key of the fleet file: its shape, what it means, and what holds when it is absent."""

    name: str
    shape: Shape[T_co]
    description: str
    default: str | bool | None = None

    @property
    def schema(self) -> JsonSchema:
        default = {} if self.default is None else {"default": self.default}
        return {**self.shape.schema, "description": self.description, **default}


@dataclass(frozen=True, slots=True)
class Section:
    """The values of one mapping of the file, by key, and the place of each."""

    place: Place
    values: Mapping[str, object]
    places: Mapping[str, Place]

    def get(self, setting: Setting[T]) -> T | None:
        """The value of ``setting``, None where the section does not have it."""
        return cast("T | None", self.values.get(setting.name))

    def has(self, setting: Setting[T]) -> bool:
        return setting.name in self.values

    def place_of(self, setting: Setting[T]) -> Place:
        """Where the key stands, or the section when it is absent."""
        return self.places.get(setting.name, self.place)


Table = tuple[Setting[object], ...]


def read_section(node: Node, table: Table, key: str) -> Section:
    """The settings of ``table`` in ``node``. Raises ConfigError for an unknown key or a wrong type."""
    if not node.is_mapping and node.value is not None:
        raise ConfigError(f"{key} must be a mapping, not {seen(node)}", place=node.place)
    known = {setting.name: setting for setting in table}
    values: dict[str, object] = {}
    for name, value in node.mapping.items():
        if name not in known:
            raise ConfigError(
                f"unknown key `{name}` in {key}",
                place=node.key_place(name),
                help=did_you_mean(name, known),
            )
        values[name] = known[name].shape.read(value, name)
    return Section(node.place, values, {name: node.key_place(name) for name in values})


def section_schema(table: Table) -> dict[str, object]:
    """The JSON Schema of a mapping with the settings of ``table``."""
    return {
        "type": "object",
        "additionalProperties": False,
        "properties": {setting.name: setting.schema for setting in table},
    }


def named(node: Node, key: str, table: Table, one: str) -> dict[str, Section]:
    """The entries of a mapping of names to sections."""
    if not node.is_mapping:
        raise wrong(node, key, f"a mapping of names to {one}s")
    return {
        check_name(name, key, node.key_place(name)): entry(
            value, table, f"{one} `{name}`", node.key_place(name)
        )
        for name, value in node.mapping.items()
    }


def entry(node: Node, table: Table, key: str, place: Place) -> Section:
    section = read_section(node, table, key)
    return Section(place, section.values, section.places)


def mapping_schema(item: JsonSchema) -> JsonSchema:
    return {"type": "object", "propertyNames": {"pattern": NAME_PATTERN}, "additionalProperties": item}


def sectioned(table: Table, what: str) -> Shape[Section]:
    """A mapping with the settings of ``table``."""
    return Shape(
        f"a mapping of settings of {what}",
        {**section_schema(table), "type": ["object", "null"]},
        lambda node, key: read_section(node, table, f"`{key}`"),
    )


def paths(values: tuple[Located[T], ...] | None) -> tuple[T, ...]:
    """The values of a list, without their places."""
    return tuple(item.value for item in values or ())
