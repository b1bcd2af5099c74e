"""HCL-JSON, and so the output of ``docker buildx bake --print``, to the same tree as native syntax.

Follows the HCL JSON syntax specification: strings are templates, blocks are objects keyed by label.
"""

from __future__ import annotations

from shipway.document import Node
from shipway.document import parse as parse_document
from shipway.errors import ConfigError
from shipway.fleet.discover.bake.parser import number, parse_expression, parse_template
from shipway.fleet.discover.bake.syntax import Assignment, Block, Body, Expression, Literal, Object, Tuple

BLOCK_KINDS = ("variable", "function", "group", "target")
_BARE = {("variable", "type"), ("function", "params"), ("function", "variadic_params")}


def parse_json_body(text: str, path: str) -> Body:
    """The blocks and attributes of a JSON bake file. Raises ConfigError with the place of an error."""
    root = parse_document(text, path)
    if not root.is_mapping:
        raise ConfigError("a bake file is a JSON object", place=root.place)
    assignments = {
        key: Assignment(root.key_place(key), key, _expression(node))
        for key, node in root.mapping.items()
        if key not in BLOCK_KINDS and key != "//"
    }
    blocks = [block for kind in BLOCK_KINDS if (node := root.get(kind)) for block in _blocks(kind, node)]
    return Body(assignments, tuple(blocks))


def _blocks(kind: str, node: Node) -> list[Block]:
    """The blocks under a kind: an object keyed by label, or a list of such objects."""
    if node.is_sequence:
        return [block for item in node.sequence for block in _blocks(kind, item)]
    if not node.is_mapping:
        raise ConfigError(f"{kind!r} is an object keyed by name", place=node.place)
    return [
        Block(node.key_place(label), kind, (label,), _body(kind, item))
        for label, labelled in node.mapping.items()
        for item in (labelled.sequence or [labelled])
    ]


def _body(kind: str, node: Node) -> Body:
    if not node.is_mapping:
        raise ConfigError(f"a {kind} is an object", place=node.place)
    return Body(
        {
            key: Assignment(node.key_place(key), key, _setting(kind, key, value))
            for key, value in node.mapping.items()
            if key != "//"
        }
    )


def _setting(kind: str, key: str, node: Node) -> Expression:
    if (kind, key) not in _BARE:
        return _expression(node)
    if node.is_sequence:
        return Tuple(node.place, tuple(_bare(item) for item in node.sequence))
    return _bare(node)


def _bare(node: Node) -> Expression:
    if not isinstance(node.value, str):
        return _expression(node)
    return parse_expression(node.value, node.place)


def _expression(node: Node) -> Expression:
    value = node.value
    if isinstance(value, dict):
        items = ((parse_template(key, node.key_place(key)), _expression(item)) for key, item in value.items())
        return Object(node.place, tuple(items))
    if isinstance(value, list):
        return Tuple(node.place, tuple(_expression(item) for item in value))
    if isinstance(value, str):
        return parse_template(value, node.place)
    if isinstance(value, bool) or value is None:
        return Literal(node.place, value)
    return Literal(node.place, number(node.raw, node.place))
