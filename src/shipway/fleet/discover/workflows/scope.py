"""What the texts of a workflow mean at one point of it: nodes of the file in, values out."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from shipway.document import Node
from shipway.fleet.discover.workflows.evaluate import Contexts, Open, Value, evaluate, fill, to_text, truth
from shipway.fleet.discover.workflows.holes import hole
from shipway.place import Place

_MAX_NESTING = 10
_MAX_ITEMS = 10_000


@dataclass(frozen=True, slots=True)
class Text:
    """A text, perhaps with holes, and where it is written."""

    value: str
    place: Place


@dataclass(frozen=True, slots=True)
class Scope:
    """The contexts that expressions see.

    ``decided`` are those that an ``if:`` may rely on: a condition that is false by them alone is false in
    every run, while one that depends on the event or on a default may hold in another run.
    """

    contexts: Contexts
    decided: Contexts

    def having(self, **contexts: Value) -> Scope:
        """This scope with some contexts set."""
        return Scope({**self.contexts, **contexts}, self.decided)

    def value(self, node: Node | None) -> Value:
        """The value of a node with its expressions evaluated."""
        return _Budget(self.contexts).value(node, 0)

    def text(self, node: Node | None) -> str:
        """The value of a scalar node as text; empty for none."""
        if node is None or node.is_mapping or node.is_sequence:
            return ""
        return to_text(fill(node.value, self.contexts) if isinstance(node.value, str) else _scalar(node))

    def located(self, node: Node | None) -> Text | None:
        """The text of a node with its place; None where it is missing or empty."""
        text = self.text(node).strip()
        return Text(text, node.place) if node is not None and text else None

    def lines(self, node: Node | None, *, commas: bool = False) -> tuple[Text, ...]:
        """The items of an input that lists one a line, as docker's actions read them.

        ``commas`` tells that a comma separates items too. Lines that start with ``#`` are comments.
        """
        if node is None:
            return ()
        items: list[Text] = []
        for offset, line in enumerate((node.raw or "").split("\n")):
            filled = to_text(fill(line, self.contexts))
            place = line_of(node, offset)
            items += (Text(item, place) for item in _items(filled, commas))
        return tuple(items)

    def environment(self, node: Node | None) -> dict[str, Value]:
        """The entries of an ``env:`` or ``with:`` mapping as texts."""
        return {key: self.text(value) for key, value in node.mapping.items()} if node is not None else {}

    def never(self, condition: Node | None) -> bool:
        """Whether an ``if:`` is false in every run."""
        if condition is None:
            return False
        source = (condition.raw or "").strip()
        if not source:
            return False
        if "${{" in source:
            return truth(fill(source, self.decided)) is False
        return truth(evaluate(source, self.decided)) is False


def line_of(node: Node, offset: int) -> Place:
    """Where line ``offset`` (from 0) of a scalar stands; a block scalar starts below its indicator."""
    if "\n" not in node.raw:
        return node.place
    return Place(node.place.path, node.place.line + 1 + offset)


def opened(entries: Mapping[str, Value]) -> Open:
    """``entries`` as a context whose missing entries are unknown."""
    return Open(entries)


def _items(text: str, commas: bool) -> Iterable[str]:
    for line in text.split("\n"):
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            continue
        if commas:
            yield from (item.strip() for item in split_csv(stripped) if item.strip())
        elif len(stripped) > 1 and stripped[0] == stripped[-1] == '"':
            yield stripped[1:-1].replace('""', '"')
        else:
            yield stripped


def split_csv(line: str) -> list[str]:
    """The fields of one line of comma-separated values, as docker's actions and buildx read attributes."""
    try:
        return next(csv.reader([line.replace("\r", " ").replace("\0", "")], skipinitialspace=True), [])
    except csv.Error:
        return line.split(",")


def _scalar(node: Node) -> bool | int | float | str | None:
    return None if isinstance(node.value, list | dict) else node.value


class _Budget:
    """Turns nodes into values; aliases in YAML can make a small file a huge value, so items are counted."""

    def __init__(self, contexts: Contexts) -> None:
        self._contexts = contexts
        self._left = _MAX_ITEMS

    def value(self, node: Node | None, depth: int) -> Value:
        self._left -= 1
        if node is None:
            return None
        if self._left < 0 or depth > _MAX_NESTING:
            return hole("a value that is too large")
        if node.is_mapping:
            return {key: self.value(item, depth + 1) for key, item in node.mapping.items()}
        if node.is_sequence:
            return [self.value(item, depth + 1) for item in node.sequence]
        return fill(node.value, self._contexts) if isinstance(node.value, str) else _scalar(node)
