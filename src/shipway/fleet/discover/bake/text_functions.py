"""Bake's functions on texts (go-cty stdlib and buildx ``bake/hclparser/stdlib.go``)."""

from __future__ import annotations

import posixpath
import re
import unicodedata
from collections.abc import Callable, Mapping
from fractions import Fraction
from functools import lru_cache
from typing import Any

from shipway.fleet.discover.bake.builtin import Builtin
from shipway.fleet.discover.bake.encoding_functions import as_json
from shipway.fleet.discover.bake.values import (
    Value,
    anything,
    fail,
    is_list,
    known,
    number,
    sequence,
    text,
    texts,
    whole,
)

_MAX_WIDTH = 1000
_VERB = re.compile(
    r"%(?P<flags>[-+# 0]*)(?P<width>\d*)(?:\.(?P<precision>\d*))?(?:\[(?P<index>\d+)\])?(?P<verb>.)"
)
_EXPANSION = re.compile(r"\$(?:\$|(\w+)|\{(\w+)\})")
# Go's strings.Title: every letter behind the start, a space, or an ASCII character that is no letter.
_WORD_START = re.compile(r"(?:\A|(?<=[\x00-\x7f\s])(?<!\w))\w")


@lru_cache(maxsize=64)
def _pattern(pattern: str) -> Any:
    import re2

    options = re2.Options()
    options.log_errors = False
    try:
        return re2.compile(pattern, options)
    except re2.error:
        fail(f"{pattern!r} is not a regular expression")


def _captures(match: Any) -> Value:
    """What ``regex`` returns: the match, its groups, or its named groups."""
    if named := match.groupdict():
        return dict(named)
    return list(match.groups()) if match.groups() else match[0]


def _regex(pattern: str, subject: str) -> Value:
    match = _pattern(pattern).search(subject)
    return _captures(match) if match is not None else fail("the pattern does not match")


def _regexall(pattern: str, subject: str) -> Value:
    return [_captures(match) for match in _pattern(pattern).finditer(subject)]


def _regex_replace(subject: str, pattern: str, replacement: str) -> Value:
    pieces: list[str] = []
    position = 0
    for match in _pattern(pattern).finditer(subject):
        pieces += [subject[position : match.start()], _expand(replacement, match)]
        position = match.end()
    return "".join((*pieces, subject[position:]))


def _expand(replacement: str, match: Any) -> str:
    """Go's Regexp.Expand: ``$1``, ``${name}``; an unknown group is empty, ``$$`` a dollar."""

    def group(found: re.Match[str]) -> str:
        name = found[1] or found[2]
        if name is None:
            return "$"
        groups = match.groupdict() if not name.isdigit() else dict(enumerate((match[0], *match.groups())))
        return groups.get(int(name) if name.isdigit() else name) or ""

    return _EXPANSION.sub(group, replacement)


def characters(subject: str) -> str:
    """``subject`` when its characters are what people count; Failed for combining ones."""
    if not subject.isascii() and any(map(unicodedata.combining, subject)):
        fail("texts with combining characters are not counted here")
    return subject


def _substr(subject: str, offset: int, length: int) -> Value:
    subject = characters(subject)
    start = max(offset + len(subject), 0) if offset < 0 else offset
    return subject[start:] if length < 0 else subject[start : start + length]


def _split(separator: str, subject: str) -> Value:
    return list(subject.split(separator)) if separator else list(subject)


def _join(separator: str, *lists: list[str]) -> Value:
    return separator.join(item for items in lists for item in items)


def _each(change: Callable[[str], str]) -> Builtin:
    """Change case as Go does it, character by character: what would become two stays."""

    def changed(subject: str) -> Value:
        return "".join(new if len(new := change(character)) == 1 else character for character in subject)

    return Builtin(changed, (text,))


def _title(subject: str) -> Value:
    return _WORD_START.sub(lambda match: match[0].upper(), subject)


def _indent(spaces: int, subject: str) -> Value:
    if not 0 <= spaces <= _MAX_WIDTH:
        fail(f"the indentation is between 0 and {_MAX_WIDTH}")
    return subject.replace("\n", "\n" + " " * spaces)


def _sanitize(name: str) -> Value:
    return re.sub(r"[^a-zA-Z0-9_-]", "_", name)


def _basename(path: str) -> Value:
    """Go's path.Base."""
    stripped = path.rstrip("/")
    return posixpath.basename(stripped) or ("/" if path else ".")


def _dirname(path: str) -> Value:
    """Go's path.Dir."""
    return posixpath.normpath(posixpath.dirname(path) or ".")


def _chomp(subject: str) -> Value:
    return subject.rstrip("\r\n")


def format_text(template: str, *arguments: Value) -> str:
    """``format``: Go's verbs %s %v %q %d %x %X %o %b %t %f %% with flags, width and ``[index]``."""
    position = 0

    def verb(match: re.Match[str]) -> str:
        nonlocal position
        if match["verb"] == "%":
            return "%"
        if match["index"]:
            position = int(match["index"]) - 1
        if not 0 <= position < len(arguments):
            fail(f"there is no argument for {match[0]}")
        position += 1
        return _formatted(match, known(arguments[position - 1]))

    return _VERB.sub(verb, template)


def _formatted(match: re.Match[str], value: Value) -> str:
    convert = _VERBS.get(match["verb"])
    if convert is None:
        fail(f"the verb %{match['verb']} is not known here")
    width, precision = int(match["width"] or 0), match["precision"]
    if max(width, int(precision or 0)) > _MAX_WIDTH:
        fail("the width is too large")
    done = convert(value, None if precision is None else int(precision or 0))
    flags = match["flags"]
    if "+" in flags and match["verb"] in "df" and not done.startswith("-"):
        done = f"+{done}"
    if "-" in flags:
        return done.ljust(width)
    return done.zfill(width) if "0" in flags else done.rjust(width)


def _cut(value: Value, precision: int | None) -> str:
    return text(value)[:precision]


def _any(value: Value, precision: int | None) -> str:
    """Go-cty's %v: what is not a text or number is written as JSON."""
    if value is None or is_list(value) or isinstance(value, Mapping):
        return as_json(value)
    return _cut(value, precision)


def _fixed(value: Value, precision: int | None) -> str:
    digits = 6 if precision is None else precision
    scaled = Fraction(number(value)) * 10**digits
    rounded = str(abs(round(scaled))).rjust(digits + 1, "0")
    whole_part = rounded[:-digits] if digits else rounded
    return (
        f"{'-' if scaled < 0 else ''}{whole_part}{'.' if digits else ''}{rounded[-digits:] if digits else ''}"
    )


def _quoted(value: Value, _: int | None) -> str:
    escaped = text(value).replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t")
    return f'"{escaped}"'


_VERBS: dict[str, Callable[[Value, int | None], str]] = {
    "s": _cut,
    "v": _any,
    "q": _quoted,
    "t": lambda value, _: text(value),
    "d": lambda value, _: str(int(Fraction(number(value)))),
    "x": lambda value, _: text(value).encode().hex() if isinstance(value, str) else format(whole(value), "x"),
    "X": lambda value, _: (
        text(value).encode().hex().upper() if isinstance(value, str) else format(whole(value), "X")
    ),
    "o": lambda value, _: format(whole(value), "o"),
    "b": lambda value, _: format(whole(value), "b"),
    "f": _fixed,
}


def _formatlist(template: str, *arguments: Value) -> Value:
    lists = [len(sequence(argument)) for argument in arguments if is_list(argument)]
    if len(set(lists)) > 1:
        fail("the lists have different lengths")
    count = lists[0] if lists else 1
    return [
        format_text(template, *(sequence(item)[index] if is_list(item) else item for item in arguments))
        for index in range(count)
    ]


TEXT_FUNCTIONS: dict[str, Builtin] = {
    "basename": Builtin(_basename, (text,)),
    "chomp": Builtin(_chomp, (text,)),
    "dirname": Builtin(_dirname, (text,)),
    "format": Builtin(format_text, (text,), rest=anything),
    "formatlist": Builtin(_formatlist, (text,), rest=anything),
    "indent": Builtin(_indent, (whole, text)),
    "join": Builtin(_join, (text,), rest=texts),
    "lower": _each(str.lower),
    "regex": Builtin(_regex, (text, text)),
    "regex_replace": Builtin(_regex_replace, (text, text, text)),
    "regexall": Builtin(_regexall, (text, text)),
    "replace": Builtin(lambda subject, old, new: subject.replace(old, new), (text, text, text)),
    "reverse": Builtin(lambda subject: characters(subject)[::-1], (text,)),
    "sanitize": Builtin(_sanitize, (text,)),
    "split": Builtin(_split, (text, text)),
    "strlen": Builtin(lambda subject: len(characters(subject)), (text,)),
    "substr": Builtin(_substr, (text, whole, whole)),
    "title": Builtin(_title, (text,)),
    "trim": Builtin(lambda subject, cut: subject.strip(cut), (text, text)),
    "trimprefix": Builtin(lambda subject, prefix: subject.removeprefix(prefix), (text, text)),
    "trimspace": Builtin(lambda subject: subject.strip(), (text,)),
    "trimsuffix": Builtin(lambda subject, suffix: subject.removesuffix(suffix), (text, text)),
    "upper": _each(str.upper),
}
