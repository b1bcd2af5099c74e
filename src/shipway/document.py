"""YAML and JSON documents as values that know where they stand.

``parse`` gives a tree of nodes; each node has its value and its Place, so that whatever is read
from a file can name the line it came from. Scalars follow the YAML 1.2 core schema, so that ``on``,
``yes`` and ``010`` mean what their authors think.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias, cast

import yaml

from shipway.errors import ConfigError
from shipway.values import Place

Plain: TypeAlias = "bool | int | float | str | list[Plain] | dict[str, Plain] | None"
NodeValue: TypeAlias = "bool | int | float | str | list[Node] | dict[str, Node] | None"

_MAX_DEPTH = 100
_INT = re.compile(r"[-+]?[0-9]+\Z")
_OCT = re.compile(r"0o[0-7]+\Z")
_HEX = re.compile(r"0x[0-9a-fA-F]+\Z")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?\Z")
_SPECIAL_FLOATS = {".inf": float("inf"), "+.inf": float("inf"), "-.inf": float("-inf"), ".nan": float("nan")}
_CONSTANTS: dict[str, bool | None] = {
    "": None,
    "~": None,
    "null": None,
    "Null": None,
    "NULL": None,
    "true": True,
    "True": True,
    "TRUE": True,
    "false": False,
    "False": False,
    "FALSE": False,
}


@dataclass(slots=True)
class Node:
    """A value of a document and where it stands; ``keys`` has the place of each key of a mapping.

    ``raw`` is the text of a scalar as written, before its type was resolved (``1.10`` stays ``1.10``).
    """

    value: NodeValue
    place: Place
    raw: str = ""
    keys: dict[str, Place] | None = None

    @property
    def is_mapping(self) -> bool:
        return isinstance(self.value, dict)

    @property
    def is_sequence(self) -> bool:
        return isinstance(self.value, list)

    @property
    def mapping(self) -> dict[str, Node]:
        """The entries of a mapping; empty for anything else."""
        return self.value if isinstance(self.value, dict) else {}

    @property
    def sequence(self) -> list[Node]:
        """The items of a sequence; empty for anything else."""
        return self.value if isinstance(self.value, list) else []

    @property
    def text(self) -> str | None:
        """A scalar as its author wrote it; None for null, mappings and sequences."""
        if self.value is None or isinstance(self.value, dict | list):
            return None
        return self.raw

    def get(self, *path: str) -> Node | None:
        """The node under these keys, or None where one is missing or is not in a mapping."""
        node: Node | None = self
        for key in path:
            node = node.mapping.get(key) if node is not None else None
        return node

    def key_place(self, key: str) -> Place:
        """Where ``key`` of this mapping is written."""
        return (self.keys or {}).get(key, self.place)

    def plain(self) -> Plain:
        """The value without places."""
        if isinstance(self.value, dict):
            return {key: node.plain() for key, node in self.value.items()}
        if isinstance(self.value, list):
            return [node.plain() for node in self.value]
        return self.value


def parse(data: bytes | str, path: str) -> Node:
    """The only document in ``data``. An empty file is an empty mapping.

    Raises ConfigError with place and cause for a syntax error, a duplicate key, or several documents.
    """
    documents = parse_all(data, path)
    if len(documents) > 1:
        raise ConfigError(
            f"{path} holds {len(documents)} documents where one is expected", place=documents[1].place
        )
    return documents[0] if documents else Node({}, Place(path, 1, 1), keys={})


def parse_all(data: bytes | str, path: str) -> list[Node]:
    """Every document in ``data``; empty ones are left out. Raises ConfigError as ``parse`` does."""
    text = _decode(data, path)
    loader = yaml.CSafeLoader(text)
    builder = _Builder(path)
    try:
        return [node for node in (builder.build(root) for root in _compose(loader)) if node.value is not None]
    except yaml.YAMLError as error:
        raise _syntax_error(error, path) from None
    except RecursionError:
        raise ConfigError("the document is nested too deeply", place=Place(path)) from None
    finally:
        loader.dispose()


def _decode(data: bytes | str, path: str) -> str:
    if isinstance(data, str):
        return data.removeprefix("\ufeff")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ConfigError(
            "the file is not UTF-8 text", place=Place(path, line), help="save it as UTF-8"
        ) from None


def _compose(loader: yaml.CSafeLoader) -> Iterator[yaml.Node]:
    while loader.check_node():
        node = loader.get_node()
        if node is not None:
            yield node


def _syntax_error(error: yaml.YAMLError, path: str) -> ConfigError:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    place = Place(path, mark.line + 1, mark.column + 1) if mark else Place(path)
    problem = getattr(error, "problem", None) or getattr(error, "reason", None) or str(error).splitlines()[0]
    help = "indent with spaces, not tabs" if "cannot start any token" in str(problem) else None
    return ConfigError(
        f"not valid YAML: {problem}", place=place, cause=getattr(error, "context", None), help=help
    )


class _Builder:
    """Turns PyYAML's node graph into Nodes; an anchor's node is built once and shared."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._built: dict[int, tuple[yaml.Node, Node]] = {}

    def build(self, node: yaml.Node, depth: int = 0) -> Node:
        if depth > _MAX_DEPTH:
            raise ConfigError("the document is nested too deeply", place=self._place(node))
        known = self._built.get(id(node))
        if known is not None:
            return known[1]
        if isinstance(node, yaml.ScalarNode):
            return Node(_scalar(node), self._place(node), raw=node.value)
        built = Node(None, self._place(node))
        self._built[id(node)] = (node, built)
        if isinstance(node, yaml.SequenceNode):
            built.value = [self.build(item, depth + 1) for item in node.value]
        else:
            self._mapping(cast(yaml.MappingNode, node), built, depth)
        return built

    def _mapping(self, node: yaml.MappingNode, built: Node, depth: int) -> None:
        entries: dict[str, Node] = {}
        keys: dict[str, Place] = {}
        merged: list[Node] = []
        for key_node, value_node in node.value:
            place = self._place(key_node)
            if not isinstance(key_node, yaml.ScalarNode):
                raise ConfigError("a mapping or list cannot be a key here", place=place)
            key = key_node.value
            value = self.build(value_node, depth + 1)
            if key == "<<" and not key_node.style:
                merged.extend(value.sequence or [value])
                continue
            if key in entries:
                raise ConfigError(
                    f"the key {key!r} stands twice, first in line {keys[key].line}", place=place
                )
            entries[key] = value
            keys[key] = place
        for other in merged:
            for key, value in other.mapping.items():
                if key not in entries:
                    entries[key] = value
                    keys[key] = other.key_place(key)
        built.value = entries
        built.keys = keys

    def _place(self, node: yaml.Node) -> Place:
        return Place(self._path, node.start_mark.line + 1, node.start_mark.column + 1)


def _scalar(node: yaml.ScalarNode) -> bool | int | float | str | None:
    text: str = node.value
    if (
        node.style in ("'", '"', "|", ">")
        or node.tag == "!"
        or (node.tag.endswith(":str")
        and _is_explicit(node))
    ):
        return text
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if _INT.match(text):
        return int(text)
    if _OCT.match(text):
        return int(text, 8)
    if _HEX.match(text):
        return int(text, 16)
    if _FLOAT.match(text):
        return float(text)
    return _SPECIAL_FLOATS.get(text.lower(), text)


def _is_explicit(node: yaml.ScalarNode) -> bool:
    return bool(node.end_mark.index - node.start_mark.index > len(node.value))
