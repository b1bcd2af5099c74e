"""The values of one file in the form that merging and reading expect: filled in, long, rooted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from shipway.document import Node
from shipway.errors import InvalidValue
from shipway.fleet.discover.compose.merge import RESET
from shipway.fleet.discover.interpolate import Unset, interpolate
from shipway.fleet.discover.paths import rooted
from shipway.place import Place

_SERVICE_KEYS = ("build", "image", "platform", "extends")
_KEYED = ("args", "labels", "additional_contexts")
_IMAGE_CONTEXTS = ("service:", "target:")


@dataclass(slots=True)
class Filled(Node):
    """A scalar with variables: ``unset`` are those without a value, ``fault`` is what is wrong with it."""

    unset: tuple[Unset, ...] = ()
    fault: str = ""


def fill(node: Node, variables: Mapping[str, str]) -> Node:
    """``node`` with the variables filled in, in every scalar below it; what is reset has no value."""
    if node.tag == RESET:
        return Node(None, node.place, tag=RESET)
    if node.is_mapping:
        return replace(node, value={key: fill(value, variables) for key, value in node.mapping.items()})
    if node.is_sequence:
        return replace(node, value=[fill(item, variables) for item in node.sequence])
    if "$" not in node.raw:
        return node
    try:
        done = interpolate(node.raw, variables)
    except InvalidValue as error:
        return Filled(node.raw, node.place, raw=node.raw, tag=node.tag, fault=error.message)
    return Filled(done.text, node.place, raw=done.text, tag=node.tag, unset=done.unset)


def service_values(service: Node, directory: str, variables: Mapping[str, str]) -> Node:
    """What a service says about its build, filled in; paths count from ``directory``."""
    entries = {key: fill(service.mapping[key], variables) for key in _SERVICE_KEYS if key in service.mapping}
    if "build" in entries:
        build = _long_build(entries["build"])
        _give_args(build, variables)
        entries["build"] = _rooted_build(build, directory)
    return replace(service, value=entries)


def secret_values(secrets: Node, directory: str, variables: Mapping[str, str]) -> Node:
    """The definitions of secrets, filled in; their files count from ``directory``."""
    filled = fill(secrets, variables)
    for secret in filled.mapping.values():
        _root_entry(secret, "file", directory)
    return filled


def _long_build(build: Node) -> Node:
    """``build`` as a mapping, and so are its ``args``, ``labels`` and ``additional_contexts``."""
    if build.text is not None:
        return Node({"context": build}, build.place, keys={"context": build.place}, tag=build.tag)
    if not build.is_mapping:
        return build
    entries = {key: _keyed(value) if key in _KEYED else value for key, value in build.mapping.items()}
    return replace(build, value=entries)


def _keyed(node: Node) -> Node:
    """A list of ``name=value`` as a mapping; a name alone has the value null."""
    if not node.is_sequence or any(item.text is None for item in node.sequence):
        return node
    entries: dict[str, Node] = {}
    keys: dict[str, Place] = {}
    for item in node.sequence:
        name, equals, value = (item.text or "").partition("=")
        entries[name] = replace(item, value=value, raw=value) if equals else Node(None, item.place)
        keys[name] = item.place
    return Node(entries, node.place, keys=keys, tag=node.tag)


def _give_args(build: Node, variables: Mapping[str, str]) -> None:
    """Give the args that are a name alone the value of the variable of that name, where it has one."""
    args = build.get("args")
    for name, value in args.mapping.items() if args else ():
        if value.value is None and args is not None and name in variables:
            given = variables[name]
            args.mapping[name] = replace(value, value=given, raw=given)


def _rooted_build(build: Node, directory: str) -> Node:
    _root_entry(build, "context", directory)
    for contexts in (build.get("additional_contexts"), build.get("x-bake", "contexts")):
        for name in contexts.mapping if contexts else ():
            _root_entry(contexts, name, directory)
    return build


def _root_entry(node: Node | None, key: str, directory: str) -> None:
    """Replace the path under ``key``; ``node`` is a copy that ``fill`` has just made."""
    entry = node.get(key) if node else None
    if node is None or entry is None or entry.text is None or entry.text.startswith(_IMAGE_CONTEXTS):
        return
    path = rooted(entry.text, directory)
    node.mapping[key] = replace(entry, value=path, raw=path)
