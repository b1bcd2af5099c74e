"""Shell words with their variables replaced, as far as those are known.

Follows "Word Expansions" of the POSIX shell command language and bash's manual, "Shell Parameter
Expansion"; what a run alone knows (a command's output, an unset variable) is a hole.
"""

from __future__ import annotations

import fnmatch
import posixpath
import re
from collections.abc import Mapping

from shipway.fleet.discover.workflows import script
from shipway.fleet.discover.workflows.holes import has_hole, hole, is_hole
from shipway.fleet.discover.workflows.lexer import end_of_part

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_BRACED = re.compile(r"\$\{(#?)([A-Za-z_][A-Za-z0-9_]*|[0-9@*#?$!-])(.*)\}\Z", re.DOTALL)
_SLICE = re.compile(r":\s*(\d+)(?::\s*(\d+))?\Z")
_SPECIAL = re.compile(r"[\\'\"$`]")
_BLANKS = re.compile(r"[ \t\r\n]+")
_DOLLAR_ESCAPES = {"n": "\n", "t": "\t", "\\": "\\", "'": "'", '"': '"'}

_NESTED_AT_MOST = 4
_LOWERS = frozenset({("[:upper:]", "[:lower:]"), ("A-Z", "a-z"), ("[A-Z]", "[a-z]")})
# trimming tries every prefix, so it is done for values of a sensible length only
_MAX_TRIMMED = 2048

Variables = Mapping[str, str]


def expand(word: str, variables: Variables) -> list[str]:
    """The fields that a word becomes: unquoted values are split at blanks, empty ones vanish."""
    fields: list[str] = []
    current: list[str] | None = None
    for text, quoted in _parts(word, variables):
        first, *rest = [text] if quoted else _BLANKS.split(text)
        if current is not None:
            current.append(first)
        elif first or quoted:
            current = [first]
        for piece in rest:
            if current is not None:
                fields.append("".join(current))
            current = [piece] if piece else None
    return fields if current is None else [*fields, "".join(current)]


def expand_one(word: str, variables: Variables) -> str:
    """The single field that a word becomes where no splitting happens, as in an assignment."""
    return "".join(text for text, _ in _parts(word, variables))


def _parts(word: str, variables: Variables) -> list[tuple[str, bool]]:
    """The word's parts after expansion, and whether each is safe from splitting."""
    parts: list[tuple[str, bool]] = []
    position = 0
    while position < len(word):
        character = word[position]
        if character == "\\":
            parts.append((word[position + 1 : position + 2].replace("\n", ""), True))
            position += 2
        elif word.startswith("$'", position):
            end = end_of_part(word, position + 1)
            parts.append((_dollar_quoted(word[position + 2 : end - 1]), True))
            position = end
        elif character in "'\"":
            end = end_of_part(word, position)
            inner = word[position + 1 : end - 1]
            parts.append((inner if character == "'" else _double_quoted(inner, variables), True))
            position = end
        elif character in "$`":
            text, position = _substitution(word, position, variables)
            parts.append((text, False))
        else:
            special = _SPECIAL.search(word, position)
            end = special.start() if special else len(word)
            parts.append((word[position:end], True))
            position = end
    return parts


def _dollar_quoted(text: str) -> str:
    return re.sub(r"\\(.)", lambda match: _DOLLAR_ESCAPES.get(match[1], match[0]), text)


def _double_quoted(text: str, variables: Variables) -> str:
    pieces: list[str] = []
    position = 0
    while position < len(text):
        if text[position] == "\\" and text[position + 1 : position + 2] in ("$", "`", '"', "\\", "\n"):
            pieces.append(text[position + 1].replace("\n", ""))
            position += 2
        elif text[position] in "$`":
            piece, position = _substitution(text, position, variables)
            pieces.append(piece)
        else:
            pieces.append(text[position])
            position += 1
    return "".join(pieces)


def _substitution(text: str, position: int, variables: Variables) -> tuple[str, int]:
    """The value of what begins with ``$`` or a backquote at ``position``, and where it ends."""
    if text[position] == "`" or text.startswith("$(", position):
        end = end_of_part(text, position)
        return _output(text[position:end], variables), end
    if text.startswith("${", position):
        end = end_of_part(text, position)
        return _braced(text[position:end], variables), end
    match = _NAME.match(text, position + 1)
    if match:
        return variable(match[0], variables), match.end()
    if text[position + 1 : position + 2] and text[position + 1] in "0123456789@*#?$!-":
        return hole(text[position : position + 2]), position + 2
    return "$", position + 1


def _output(text: str, variables: Variables) -> str:
    """What ``$(…)`` writes, for the few commands whose output follows from their words; else a hole."""
    inner = text[2:-1] if text.startswith("$(") else text[1:-1]
    items = script.parse(inner) if inner.count("$(") < _NESTED_AT_MOST else ()
    output: str | None = None
    for item in items:
        if not isinstance(item, script.Simple) or item.redirections or (output is None) != (item is items[0]):
            return hole(text)
        output = _written(
            [field for word in item.words for field in expand(word, variables)], output, variables
        )
        if output is None or (item.piped is None) != (item is items[-1]):
            return hole(text)
    return hole(text) if output is None else output.rstrip("\n")


def _written(words: list[str], read: str | None, variables: Variables) -> str | None:
    """What a command writes that reads ``read``; None when that is not known here."""
    match words:
        case ["pwd"]:
            return variable("PWD", variables)
        case ["echo", *rest] if not rest[:1] or not rest[0].startswith("-"):
            return " ".join(rest)
        case ["basename", path]:
            return None if is_hole(path) else posixpath.basename(path.rstrip("/"))
        case ["dirname", path]:
            return None if has_hole(path) else posixpath.dirname(path) or "."
        case ["tr", before, after] if read is not None:
            if (before, after) in _LOWERS:
                return read.lower()
            return (
                read.replace(before, after) if len(before) == len(after) == 1 and not has_hole(read) else None
            )
    return None


def variable(name: str, variables: Variables) -> str:
    """The value of a variable; a hole when the files do not set it, for the runner may."""
    value = variables.get(name)
    return hole(f"${name}") if value is None else value


def _braced(text: str, variables: Variables) -> str:
    match = _BRACED.match(text)
    if match is None or match[1] or not _NAME.fullmatch(match[2]):
        return hole(text)
    value = variable(match[2], variables)
    rest = match[3]
    if not rest:
        return value
    if is_hole(value):
        return hole(text)
    if rest.startswith((":-", "-", ":=", "=", ":?", "?")):
        return _default(value, rest, variables, text)
    return _changed(value, rest, text)


def _default(value: str, rest: str, variables: Variables, text: str) -> str:
    """``${x:-word}`` and its like; ``x`` is set here, perhaps to nothing."""
    if value or not rest.startswith(":"):
        return value
    return hole(text) if rest[1] == "?" else expand_one(rest[2:], variables)


def _changed(value: str, rest: str, text: str) -> str:
    """``${x,,}``, ``${x^^}``, ``${x/a/b}``, ``${x#a}``, ``${x%a}``, ``${x:1:2}``; else a hole."""
    if rest in (",,", "^^"):
        return value.lower() if rest == ",," else value.upper()
    if has_hole(value) or has_hole(rest) or len(value) > _MAX_TRIMMED:
        return hole(text)
    slice_ = _SLICE.match(rest)
    if slice_:
        start = int(slice_[1][:9])
        return value[start : start + int(slice_[2][:9])] if slice_[2] else value[start:]
    if rest.startswith("/"):
        return _replaced(value, rest[1:], text)
    for mark, trim in (
        ("##", _without_prefix),
        ("#", _without_prefix),
        ("%%", _without_suffix),
        ("%", _without_suffix),
    ):
        if rest.startswith(mark):
            pattern = rest[len(mark) :]
            return hole(text) if "$" in pattern else trim(value, pattern, longest=len(mark) == 2)
    return hole(text)


def _replaced(value: str, rest: str, text: str) -> str:
    every = rest.startswith("/")
    rest = rest[1:] if every else rest
    found = re.match(r"((?:\\.|[^/\\])*)(?:/(.*))?\Z", rest, re.DOTALL)
    if found is None or not found[1] or re.search(r"[*?\[$]", found[1]) or "$" in (found[2] or ""):
        return hole(text)
    pattern, replacement = (re.sub(r"\\(.)", r"\1", part or "") for part in found.groups())
    return value.replace(pattern, replacement, -1 if every else 1)


def _without_prefix(value: str, pattern: str, *, longest: bool) -> str:
    sizes = range(len(value), -1, -1) if longest else range(len(value) + 1)
    return next((value[size:] for size in sizes if fnmatch.fnmatchcase(value[:size], pattern)), value)


def _without_suffix(value: str, pattern: str, *, longest: bool) -> str:
    starts = range(len(value) + 1) if longest else range(len(value), -1, -1)
    return next((value[:start] for start in starts if fnmatch.fnmatchcase(value[start:], pattern)), value)
