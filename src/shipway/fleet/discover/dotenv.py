"""Env files as Compose reads them (``compose-go``'s ``dotenv`` package)."""

from __future__ import annotations

import re
from collections import ChainMap
from collections.abc import Mapping, MutableMapping

from shipway.errors import ConfigError, InvalidValue
from shipway.fleet.discover.interpolate import interpolate
from shipway.place import Place

_BLANK = re.compile(r"(?:\s+|#[^\n]*)*")
_KEY = re.compile(r"(?:export[ \t]+)?([\w.\-\[\]]+)[ \t]*")
_SEPARATOR = re.compile(r"[=:][ \t]*")
_LINE = re.compile(r"[^\n]*")
_QUOTED = {
    "'": re.compile(r"'((?:[^'\\]|\\.)*)'", re.DOTALL),
    '"': re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL),
}
_ESCAPE = re.compile(r'\\([abfnrtv$"\\]|0[0-7]{0,3})')
_ESCAPES = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "$": "$$"}


def parse_env(text: str, path: str, variables: Mapping[str, str]) -> dict[str, str]:
    """The variables of an env file; values may use ``variables`` and those of earlier lines.

    Left out are names without ``=`` (Compose takes them from the process's environment) and values that
    use a variable without a value. Raises ConfigError with the place of a line that is no assignment.
    """
    text = text.replace("\r\n", "\n")
    values: dict[str, str] = {}
    # Writes go to the first map; the second one is only looked at.
    known = ChainMap(values, dict(variables))
    position = _skip_blank(text, 0)
    while position < len(text):
        position = _skip_blank(text, _statement(text, position, path, known))
    return values


def _skip_blank(text: str, position: int) -> int:
    match = _BLANK.match(text, position)
    return match.end() if match else position


def _statement(text: str, position: int, path: str, variables: MutableMapping[str, str]) -> int:
    """Read one assignment into ``variables``; the index after it."""
    place = Place(path, text.count("\n", 0, position) + 1)
    key = _KEY.match(text, position)
    if key is None:
        raise ConfigError("not an assignment of a variable", place=place, help="write NAME=value")
    separator = _SEPARATOR.match(text, key.end())
    if separator is None:
        if text[key.end() : key.end() + 1] not in ("", "\n"):
            raise ConfigError("not an assignment of a variable", place=place, help="write NAME=value")
        return key.end()
    value, end = _value(text, separator.end(), place)
    try:
        resolved = interpolate(value, variables)
    except InvalidValue as error:
        raise ConfigError(error.message, place=place, help=error.help) from None
    if not resolved.unset:
        variables[key.group(1)] = resolved.text
    return end


def _value(text: str, position: int, place: Place) -> tuple[str, int]:
    """The value at ``position`` as a text to interpolate, and the index after it."""
    quote = text[position : position + 1]
    if quote not in _QUOTED:
        line = _LINE.match(text, position)
        end = line.end() if line else position
        return text[position:end].partition(" #")[0].rstrip(), end
    match = _QUOTED[quote].match(text, position)
    if match is None:
        raise ConfigError(f"the quote {quote} is never closed", place=place)
    if quote == "'":
        return match.group(1).replace("\\'", "'").replace("$", "$$"), match.end()
    return _ESCAPE.sub(_unescaped, match.group(1)), match.end()


def _unescaped(match: re.Match[str]) -> str:
    code = match.group(1)
    return chr(int(code, 8)) if code.startswith("0") else _ESCAPES.get(code, code)
