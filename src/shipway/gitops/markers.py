"""Every marker that is written in a file, and whether Flux reads it where it stands."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from shipway.document import Node, parse_all
from shipway.errors import ConfigError
from shipway.gitops.edits.marker import Marker, marker_above, marker_behind, parse_marker
from shipway.place import Place
from shipway.spans import Text, documents

_WRITTEN = re.compile(
    r"^(?P<before>[^\n]*?)(?<![^ \t\n])#(?P<other>[^{\n]*)(?P<json>\{[^\n]*\$imagepolicy[^\n]*?\})[ \t\r]*$",
    re.MULTILINE,
)
_NO_MARKER = 'a marker is {"$imagepolicy": "NAMESPACE:NAME"}, with :tag, :name or :digest behind the name'


@dataclass(frozen=True, slots=True)
class Written:
    """A marker in the text of a file. ``marker`` is None for one of a wrong form, ``unread`` tells why Flux
    passes over it, None where it does not."""

    place: Place
    text: str
    marker: Marker | None
    unread: str | None = None


def written_markers(data: bytes, path: str) -> list[Written]:
    """The markers of a file in their order. What is commented out as a whole line is none."""
    try:
        chunks = [(text, parse_all(text.text, path)) for text, _ in documents(data, path)]
    except ConfigError as error:
        why = f"the file is no YAML document: {error.message}"
        return [_written(text, match, why) for text, match in _matches(data, path)]
    return [_judged(text, match, roots) for text, roots in chunks for match in _in(text)]


def _matches(data: bytes, path: str) -> Iterator[tuple[Text, re.Match[str]]]:
    for text, _ in documents(data, path):
        for match in _in(text):
            yield text, match


def _in(text: Text) -> Iterator[re.Match[str]]:
    for match in _WRITTEN.finditer(text.text):
        if match["before"].strip() or not match["other"].strip():
            yield match


def _written(text: Text, match: re.Match[str], unread: str | None) -> Written:
    place = text.piece(match.start("json"), match["json"]).place
    return Written(place, match["json"], parse_marker(match["json"]), unread)


def _judged(text: Text, match: re.Match[str], roots: list[Node]) -> Written:
    return _written(text, match, _why_unread(text, match, roots))


def _why_unread(text: Text, match: re.Match[str], roots: list[Node]) -> str | None:
    if parse_marker(match["json"]) is None:
        return _NO_MARKER
    if any(root.is_sequence for root in roots):
        return "the document is a list, and Flux edits mappings alone"
    if match["other"].strip():
        return "other text stands before it in the comment"
    at = text.text.count("\n", 0, match.start("json"))
    if any(at in _lines(text, root) for root in roots):
        return None
    if not match["before"].strip():
        return "it stands on a line of its own, which counts above an item of a list only"
    return "it does not stand behind a value: Flux passes over text blocks, flow mappings and aliases"


def _lines(text: Text, root: Node) -> frozenset[int]:
    """The lines, from 0, of the markers that are read."""
    found = set()
    for node in _values(root, set()):
        start, end = text.extent(node)
        if marker_behind(text.text, end) is not None:
            found.add(text.text.count("\n", 0, end))
        if marker_above(text.text, start) is not None:
            found.add(text.text.count("\n", 0, start) - 1)
    return frozenset(found)


def _values(node: Node, seen: set[int]) -> Iterator[Node]:
    if id(node) in seen:
        return
    seen.add(id(node))
    children = [*node.mapping.values(), *node.sequence]
    for child in children:
        yield from _values(child, seen)
    if not node.is_mapping and not node.is_sequence:
        yield node
