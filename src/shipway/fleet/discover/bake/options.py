"""Secrets, SSH agents and caches: comma-separated texts or objects, to one canonical text each.

Follows buildx ``util/buildflags``.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping

from shipway.fleet.discover.bake.values import Value, fail, known, mapping, text, texts

_SECRET_KEYS = {"id": "id", "src": "src", "source": "src", "env": "env", "type": "type"}


def secret(value: Value) -> str:
    """``id=…``, then ``src=…`` or ``env=…``. Raises Failed when it is no secret."""
    found: dict[str, str] = {}
    for key, entry in _fields(value).items():
        if key not in _SECRET_KEYS:
            fail(f"{key!r} is no key of a secret")
        found[_SECRET_KEYS[key]] = entry
    if found.pop("type", "") == "env" and "env" not in found and "src" in found:
        found["env"] = found.pop("src")
    return _csv([f"{key}={found[key]}" for key in ("id", "src", "env") if found.get(key)])


def ssh(value: Value) -> str:
    """``ID`` or ``ID=PATH[,PATH]``."""
    if not isinstance(known(value), Mapping):
        return text(value)
    found = mapping(value)
    paths = texts(found["paths"]) if found.get("paths") is not None else []
    return "=".join(filter(None, (text(found.get("id", "default")), ",".join(paths))))


def cache(value: Value) -> str:
    """``type=…`` and its attributes by name; a lone reference is of type registry."""
    if not isinstance(known(value), Mapping) and "=" not in text(value):
        return _csv(["type=registry", f"ref={text(value)}"]) if text(value) else ""
    found = dict(_fields(value))
    kind = found.pop("type", "") or fail("a cache has a type")
    return _csv([f"type={kind}", *(f"{key}={found[key]}" for key in sorted(found))])


def output(value: Value) -> str:
    """The type of an output: a lone path is ``local``, ``-`` is ``tar``."""
    if not isinstance(known(value), Mapping) and "=" not in text(value):
        return {"-": "tar", "": ""}.get(text(value), "local")
    return _fields(value).get("type", "")


def identity(option: str) -> str:
    """What makes two secrets or SSH agents the same one: the ``id``."""
    return option.partition("," if option.startswith("id=") else "=")[0]


def replace_fields(option: str, changed: Mapping[str, str]) -> str:
    """``option`` with other values for some of its keys."""
    fields = _fields(option)
    return _csv([f"{key}={changed.get(key, entry)}" for key, entry in fields.items()])


def fields_of(option: str) -> Mapping[str, str]:
    """The keys and values of a canonical secret or cache."""
    return _fields(option)


def _fields(value: Value) -> dict[str, str]:
    value = known(value)
    if isinstance(value, Mapping):
        return {key: text(item) for key, item in value.items() if item is not None}
    fields: dict[str, str] = {}
    written = text(value)
    try:
        entries = next(csv.reader([written]), [])
    except csv.Error:
        fail(f"{written!r} is not a line of comma-separated values")
    for field in entries:
        key, equals, entry = field.partition("=")
        if not equals:
            fail(f"{field!r} is no key=value pair")
        fields[key.lower()] = entry
    return fields


def _csv(fields: list[str]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(fields)
    return line.getvalue()
