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
from shipway.json_as_yaml import Moved, json_as_yaml, original_column
from shipway.place import Place

Plain: TypeAlias = "bool | int | float | str | list[Plain] | dict[str, Plain] | None"
NodeValue: TypeAlias = "bool | int | float | str | list[Node] | dict[str, Node] | None"

_MAX_DEPTH = 100
_MAX_ALIASED = 1_000_000
# CPython refuses to convert longer ones; those become floats.
_INT = re.compile(r"[-+]?[0-9]{1,4000}\Z")
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
    ``tag`` is an explicit tag of the application's own, such as the ``!reset`` of Compose.
    """

    value: NodeValue
    place: Place
    raw: str = ""
    keys: dict[str, Place] | None = None
    tag: str = ""

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

    Raises ConfigError with place and cause for a syntax error, a duplicate key, an alias that contains
    itself, aliases that multiply beyond a million values, or several documents.
    """
    documents = parse_all(data, path)
    if len(documents) > 1:
        raise ConfigError(
            f"{path} holds {len(documents)} documents where one is expected", place=documents[1].place
        )
    return documents[0] if documents else Node({}, Place(path, 1, 1), keys={})


def parse_all(data: bytes | str, path: str) -> list[Node]:
    """Every document in ``data``; empty ones are left out. Raises ConfigError as ``parse`` does."""
    text, moved = json_as_yaml(_text(data, path))
    try:
        loader = yaml.CSafeLoader(text)
    except yaml.YAMLError as error:
        raise _syntax_error(error, path) from None
    try:
        return [node for node in _Builder(loader, path, moved).documents() if node.value is not None]
    except yaml.YAMLError as error:
        raise _syntax_error(error, path) from None
    finally:
        loader.dispose()


def _text(data: bytes | str, path: str) -> str:
    """The text of ``data`` without its byte order mark."""
    try:
        text = data.decode("utf-8-sig") if isinstance(data, bytes) else data.removeprefix("\ufeff")
        text.encode("utf-8")
    except UnicodeError as error:
        start = error.start if isinstance(error, UnicodeDecodeError | UnicodeEncodeError) else 0
        before = data[:start]
        line = (before.count(b"\n") if isinstance(before, bytes) else before.count("\n")) + 1
        raise ConfigError(
            "the file is not UTF-8 text", place=Place(path, line), help="save it as UTF-8"
        ) from None
    return text


def _syntax_error(error: yaml.YAMLError, path: str) -> ConfigError:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    place = Place(path, mark.line + 1, mark.column + 1) if mark else Place(path)
    problem = getattr(error, "problem", None) or getattr(error, "reason", None) or str(error).splitlines()[0]
    help = "indent with spaces, not tabs" if "cannot start any token" in str(problem) else None
    return ConfigError(
        f"not valid YAML: {problem}", place=place, cause=getattr(error, "context", None), help=help
    )


@dataclass(slots=True)
class _Anchor:
    """A node under a name; None while it is still open. ``size`` counts the values in it."""

    node: Node | None = None
    size: int = 0


class _Builder:
    """Turns the events of libyaml into Nodes; the node of an anchor is built once and shared.

    Events rather than PyYAML's node graph: that one is composed by recursion in C, which deep nesting
    brings down together with the process.
    """

    def __init__(self, loader: yaml.CSafeLoader, path: str, moved: Moved) -> None:
        self._loader = loader
        self._path = path
        self._moved = moved
        self._anchors: dict[str, _Anchor] = {}
        self._count = 0
        self._aliased = 0

    def documents(self) -> Iterator[Node]:
        """The root of every document in the stream."""
        while not isinstance(event := self._loader.get_event(), yaml.StreamEndEvent):
            if isinstance(event, yaml.DocumentStartEvent):
                self._anchors = {}
                yield self._node(self._next(), 0)

    def _next(self) -> yaml.NodeEvent:
        """The next event inside a document: all of these open a node or close a collection."""
        return cast(yaml.NodeEvent, self._loader.get_event())

    def _node(self, event: yaml.NodeEvent, depth: int) -> Node:
        if depth > _MAX_DEPTH:
            raise ConfigError("the document is nested too deeply", place=self._place(event))
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event)
        self._count += 1
        if event.anchor is None:
            return self._content(event, depth)
        anchor = self._anchors[event.anchor] = _Anchor()
        before = self._count
        anchor.node = self._content(event, depth)
        anchor.size = self._count - before + 1
        return anchor.node

    def _alias(self, event: yaml.NodeEvent) -> Node:
        anchor = self._anchors.get(event.anchor or "")
        if anchor is None:
            raise ConfigError(f"no anchor &{event.anchor} stands before this", place=self._place(event))
        if anchor.node is None:
            raise ConfigError(f"*{event.anchor} stands inside of itself", place=self._place(event))
        self._count += anchor.size
        self._aliased += anchor.size
        if self._aliased > _MAX_ALIASED:
            raise ConfigError("the aliases expand to too many values", place=self._place(event))
        return anchor.node

    def _content(self, event: yaml.NodeEvent, depth: int) -> Node:
        place = self._place(event)
        if isinstance(event, yaml.ScalarEvent):
            return Node(_scalar(event), place, raw=event.value, tag=_local(event.tag))
        if isinstance(event, yaml.SequenceStartEvent):
            return Node(list(self._items(depth)), place, tag=_local(event.tag))
        return self._mapping(depth, place, _local(cast(yaml.MappingStartEvent, event).tag))

    def _items(self, depth: int) -> Iterator[Node]:
        while not isinstance(event := self._next(), yaml.SequenceEndEvent):
            yield self._node(event, depth + 1)

    def _mapping(self, depth: int, place: Place, tag: str) -> Node:
        entries: dict[str, Node] = {}
        keys: dict[str, Place] = {}
        merged: list[Node] = []
        while not isinstance(event := self._next(), yaml.MappingEndEvent):
            key, at = self._key(event, depth), self._place(event)
            value = self._node(self._next(), depth + 1)
            if key == "<<" and isinstance(event, yaml.ScalarEvent) and not event.style:
                merged.extend(_merge_sources(value, at))
                continue
            if key in entries:
                raise ConfigError(f"the key {key!r} stands twice, first in line {keys[key].line}", place=at)
            entries[key] = value
            keys[key] = at
        for other in merged:
            for key, value in other.mapping.items():
                if key not in entries:
                    entries[key] = value
                    keys[key] = other.key_place(key)
        return Node(entries, place, keys=keys, tag=tag)

    def _key(self, event: yaml.NodeEvent, depth: int) -> str:
        node = self._node(event, depth + 1) if isinstance(event, yaml.ScalarEvent | yaml.AliasEvent) else None
        if node is None or isinstance(node.value, dict | list):
            raise ConfigError("a mapping or list cannot be a key here", place=self._place(event))
        return node.raw

    def _place(self, event: yaml.NodeEvent) -> Place:
        mark = cast(yaml.Mark, event.start_mark)
        column = original_column(self._moved, mark.line, mark.column)
        return Place(self._path, mark.line + 1, column + 1)


def _merge_sources(value: Node, place: Place) -> list[Node]:
    """The mappings that ``<<`` brings in, the one that wins first."""
    sources = value.sequence if value.is_sequence else [value]
    if not all(source.is_mapping for source in sources):
        raise ConfigError("'<<' merges a mapping, or a list of mappings", place=place)
    return sources


def _local(tag: str | None) -> str:
    return tag if tag is not None and tag != "!" and not tag.startswith("tag:yaml.org,2002:") else ""


def _scalar(event: yaml.ScalarEvent) -> bool | int | float | str | None:
    text: str = event.value
    if event.style or event.tag in ("!", "tag:yaml.org,2002:str"):
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
