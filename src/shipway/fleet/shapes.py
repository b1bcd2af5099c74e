"""The shapes that settings can have: each one reads a node, and describes itself in JSON Schema.

A shape is declared once; validation, the published schema and the words of the error all come from it.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from shipway.document import Node
from shipway.errors import ConfigError, InvalidValue
from shipway.place import Place
from shipway.values import Duration, Platform, Reference

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

JsonSchema = Mapping[str, object]

NAME_PATTERN = "^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$"
_NAME = re.compile(NAME_PATTERN.removesuffix("$") + r"\Z")
_ARG_PATTERN = "^[^=\\s]+$"
_ARG = re.compile(r"[^=\s]+\Z")


@dataclass(frozen=True, slots=True)
class Located(Generic[T_co]):
    """A value and where it is written."""

    value: T_co
    place: Place


@dataclass(frozen=True, slots=True)
class Shape(Generic[T_co]):
    """``expected`` names the shape to people; ``read`` takes a node and the key it belongs to.

    ``read`` raises ConfigError with the place when the node has another shape.
    """

    expected: str
    schema: JsonSchema
    read: Callable[[Node, str], T_co]


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The entry of ``known`` that ``word`` was probably meant to be."""
    options = sorted(known)
    folded = {option.lower().replace("_", "-"): option for option in options}
    close = difflib.get_close_matches(word.lower().replace("_", "-"), folded, n=1, cutoff=0.6)
    return folded[close[0]] if close else None


def did_you_mean(word: str, known: Iterable[str], otherwise: str | None = None) -> str | None:
    """The ``help`` of an error about an unknown ``word``."""
    options = tuple(known)
    close = nearest(word, options)
    if close is not None:
        return f"did you mean `{close}`?"
    return otherwise if otherwise else f"known here: {', '.join(options)}" if options else None


def seen(node: Node) -> str:
    """What a node is, in the words of an error."""
    if node.is_mapping:
        return "a mapping"
    if node.is_sequence:
        return "a list"
    if node.value is None:
        return "nothing"
    if isinstance(node.value, bool):
        return f"the boolean {node.raw}"
    if isinstance(node.value, int | float):
        return f"the number {node.raw}"
    return f"the text {node.raw!r}"


def wrong(node: Node, key: str, expected: str) -> ConfigError:
    """The error for a node of another shape than ``expected``."""
    return ConfigError(f"`{key}` must be {expected}, not {seen(node)}", place=node.place)


def checked(node: Node, key: str, parse: Callable[[str], T], text: str) -> T:
    """``parse(text)``, its InvalidValue turned into a ConfigError at ``node``."""
    try:
        return parse(text)
    except InvalidValue as error:
        raise ConfigError(
            f"`{key}`: {error.message}", place=node.place, cause=error.cause, help=error.help
        ) from None


def check_name(name: str, key: str, place: Place) -> str:
    """``name`` itself. Raises ConfigError unless it can name an image, a group or a repository."""
    if not _NAME.match(name):
        raise ConfigError(
            f"{name!r} cannot be a name in `{key}`",
            place=place,
            cause="a name has letters, digits, '.', '_' and '-', at most 128, and starts with no '.' or '-'",
        )
    return name


# --- scalars ----------------------------------------------------------------------------------


def _text(node: Node, key: str, expected: str = "a text") -> str:
    if isinstance(node.value, str) and node.value:
        return node.value
    raise wrong(node, key, expected)


def _scalar(node: Node, key: str) -> str:
    if isinstance(node.value, str | int | float) and not isinstance(node.value, bool) and node.raw:
        return node.raw
    raise wrong(node, key, SCALAR.expected)


def _registry(node: Node, key: str) -> str:
    text = _text(node, key)
    if "://" in text:
        raise ConfigError(
            f"`{key}` is {text!r}",
            place=node.place,
            cause="a registry is a host with an optional path, without a scheme",
            help=f"write {text.partition('://')[2].rstrip('/')}",
        )
    checked(node, key, Reference.parse, f"{text}/image")
    return text


def _repository(node: Node, key: str) -> str:
    reference = checked(node, key, Reference.parse, _text(node, key))
    if reference.tag or reference.digest:
        raise ConfigError(
            f"`{key}` has a tag or a digest: {node.raw}",
            place=node.place,
            help="name the repository alone, and write the tag under `tag`",
        )
    return reference.name


TEXT = Shape("a text", {"type": "string", "minLength": 1}, _text)
SCALAR = Shape("a text or a number", {"type": ["string", "number"], "minLength": 1}, _scalar)
PATH = Shape("a path", TEXT.schema, lambda node, key: _text(node, key, "a path"))
REGISTRY = Shape("a registry host with an optional path", {"type": "string", "minLength": 1}, _registry)
REPOSITORY = Shape("a repository without a tag", {"type": "string", "minLength": 1}, _repository)


def choice(*words: str) -> Shape[str]:
    """One of ``words``."""
    expected = f"{', '.join(words[:-1])} or {words[-1]}"

    def read(node: Node, key: str) -> str:
        if node.value in words:
            return str(node.value)
        raise wrong(node, key, expected)

    return Shape(expected, {"enum": list(words)}, read)


SEVERITY = choice("error", "warning", "info")
GRADE = choice("error", "warning", "info", "off")


def _count(node: Node, key: str) -> int:
    if isinstance(node.value, int) and not isinstance(node.value, bool) and node.value >= 1:
        return node.value
    raise wrong(node, key, COUNT.expected)


COUNT = Shape("a number from 1", {"type": "integer", "minimum": 1}, _count)
DURATION = Shape(
    "a span of time such as 720h or 30d",
    {"type": "string", "pattern": "^([0-9]+(\\.[0-9]+)?(ns|us|µs|ms|s|m|h|d))+$"},
    lambda node, key: checked(node, key, Duration.parse, _text(node, key)),
)


# --- lists ------------------------------------------------------------------------------------


def listed(item: Shape[T], plural: str) -> Shape[tuple[Located[T], ...]]:
    """A list of ``item``; a single item stands for a list of one."""

    def read(node: Node, key: str) -> tuple[Located[T], ...]:
        if node.is_mapping or node.value is None:
            raise wrong(node, key, shape.expected)
        return tuple(
            Located(item.read(n, key), n.place) for n in (node.sequence if node.is_sequence else [node])
        )

    shape = Shape(
        f"a list of {plural}", {"anyOf": [item.schema, {"type": "array", "items": item.schema}]}, read
    )
    return shape


def _platform(node: Node, key: str) -> Platform:
    return checked(node, key, Platform.parse, _text(node, key))


_PLATFORM = Shape(
    "a platform",
    {"type": "string", "pattern": "^\\s*[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)?\\s*$"},
    _platform,
)
TEXTS = listed(TEXT, "texts")
SCALARS = listed(SCALAR, "texts or numbers")
PATHS = listed(PATH, "paths")
PLATFORMS = listed(_PLATFORM, "platforms such as linux/amd64")


def _paths_or_false(node: Node, key: str) -> tuple[Located[str], ...] | bool:
    if isinstance(node.value, bool):
        return node.value
    if not node.is_sequence and not isinstance(node.value, str):
        raise wrong(node, key, SWITCHED_PATHS.expected)
    return PATHS.read(node, key)


def _switch(node: Node, key: str) -> bool:
    if not isinstance(node.value, bool):
        raise wrong(node, key, "true or false")
    return node.value


SWITCH = Shape("true or false", {"type": "boolean"}, _switch)
SWITCHED_PATHS: Shape[tuple[Located[str], ...] | bool] = Shape(
    "true, false or a list of paths", {"anyOf": [{"type": "boolean"}, PATHS.schema]}, _paths_or_false
)


# --- mappings ---------------------------------------------------------------------------------


def _pair(node: Node, key: str) -> tuple[str, str | None]:
    name, equals, value = _text(node, key).partition("=")
    return name, value if equals else None


def _pairs(node: Node, key: str, expected: str) -> dict[str, Located[str | None]]:
    """The entries of a mapping, or of a list of ``NAME=VALUE`` as Compose has it."""
    if node.is_sequence:
        listed_pairs = [(*_pair(item, key), item) for item in node.sequence]
        return {name: Located(value, item.place) for name, value, item in listed_pairs}
    if not node.is_mapping:
        raise wrong(node, key, expected)
    for name, value in node.mapping.items():
        if value.is_mapping or value.is_sequence:
            raise wrong(value, f"{key}.{name}", SCALAR.expected)
    return {name: Located(value.text, node.key_place(name)) for name, value in node.mapping.items()}


def _args(node: Node, key: str) -> Mapping[str, Located[str | None]]:
    pairs = _pairs(node, key, ARGS.expected)
    for name, entry in pairs.items():
        if not _ARG.match(name):
            raise ConfigError(f"{name!r} cannot name a build arg in `{key}`", place=entry.place)
    return pairs


def _texts_by_name(node: Node, key: str) -> Mapping[str, Located[str]]:
    result: dict[str, Located[str]] = {}
    for name, entry in _pairs(node, key, TEXT_BY_NAME.expected).items():
        if entry.value is None or not name:
            raise ConfigError(
                f"`{key}.{name}` has no value", place=entry.place, help=f"write {name}: and a text"
            )
        result[name] = Located(entry.value, entry.place)
    return result


def _pairs_schema(values: list[str], names: JsonSchema, item: str) -> JsonSchema:
    return {
        "anyOf": [
            {
                "type": "object",
                "propertyNames": names,
                "additionalProperties": {"type": values},
            },
            {"type": "array", "items": {"type": "string", "pattern": item}},
        ]
    }


ARGS = Shape(
    "a mapping of build args, or a list of NAME=VALUE",
    _pairs_schema(["string", "number", "boolean", "null"], {"pattern": _ARG_PATTERN}, "^[^=\\s]+(=|$)"),
    _args,
)
TEXT_BY_NAME = Shape(
    "a mapping of texts, or a list of NAME=VALUE",
    _pairs_schema(["string", "number", "boolean"], {"minLength": 1}, "^[^=]+="),
    _texts_by_name,
)
