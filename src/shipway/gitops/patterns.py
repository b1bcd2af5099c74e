"""What a tag pattern lets in, seen from its text: anchors, groups, and what groups may hold."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache

from shipway.errors import InvalidValue
from shipway.gitops.expand import names
from shipway.regex import compile_re2

_FLAGS = re.compile(r"\(\?[a-zA-Z-]+\)")
_GROUP = re.compile(r"\((?:\?P?<(?P<name>\w+)>|(?P<other>\?[a-zA-Z-]*:?))?")
_HEX_CLASS = re.compile(r"\[(?:a-f|A-F|0-9|\\d)+\]")
_BEGINNING = re.compile(r"\^(?P<literal>(?:[A-Za-z0-9_-]|\\[.-])*)(?P<next>[*?{]?)")
_LITERALS = re.compile(r"[\w.\\/-]*\Z")
_CONSTANT = re.compile(r"\^(?:[\w-]|\\[.-])+\$\Z")
_OPEN_ENDS = (".*", ".+")
_DIGITS = ("20250615083000403172", "1" * 20)
_NO_NUMBERS = ("latest", "1710000000-arm64", "x")
_COMMITS = ("deadbee", "c0ffee0" + "a" * 33)
_MOST_DIGITS = 20


def is_anchored(pattern: str) -> tuple[bool, bool]:
    """Whether a pattern tells where tags begin, and where they end; an open ``.*`` there tells it too."""
    body = _FLAGS.sub("", pattern, count=1) if _FLAGS.match(pattern) else pattern
    parts = list(alternatives(body))
    return all(map(_begins, parts)), all(map(_ends, parts))


def _begins(part: str) -> bool:
    if part.startswith(("^", r"\A", *_OPEN_ENDS)):
        return True
    match = _GROUP.match(part)
    return match is not None and all(map(_begins, alternatives(_body(part, match))))


def _ends(part: str) -> bool:
    if part.endswith(r"\z") or (part.endswith("$") and not part.endswith(r"\$")) or part.endswith(_OPEN_ENDS):
        return True
    if not part.endswith(")"):
        return False
    last = next(
        (match for match in _opened(part) if match.end() + len(_body(part, match)) == len(part) - 1), None
    )
    return last is not None and all(map(_ends, alternatives(_body(part, last))))


def alternatives(pattern: str) -> Iterator[str]:
    """The parts of a pattern between its outermost ``|``."""
    depth, start = 0, 0
    for at, character in _structure(pattern):
        depth += {"(": 1, ")": -1}.get(character, 0)
        if character == "|" and depth == 0:
            yield pattern[start:at]
            start = at + 1
    yield pattern[start:]


def groups(pattern: str) -> Mapping[str, str]:
    """The text of every capturing group, by its number and by its name."""
    found: dict[str, str] = {}
    number = 0
    for match in _opened(pattern):
        if match["other"] is None:
            number += 1
            found[str(number)] = _body(pattern, match)
            if match["name"]:
                found[match["name"]] = found[str(number)]
    return found


def _opened(pattern: str) -> Iterator[re.Match[str]]:
    for at, character in _structure(pattern):
        if character == "(" and (match := _GROUP.match(pattern, at)):
            yield match


def _body(pattern: str, opening: re.Match[str]) -> str:
    """What stands between an opening parenthesis and its closing one."""
    depth = 0
    for at, character in _structure(pattern):
        if at >= opening.end():
            depth += {"(": 1, ")": -1}.get(character, 0)
            if depth < 0:
                return pattern[opening.end() : at]
    return pattern[opening.end() :]


def _structure(pattern: str) -> Iterator[tuple[int, str]]:
    """The characters that stand for themselves in the structure: neither escaped, nor within a class."""
    escaped = in_class = False
    for at, character in enumerate(pattern):
        if escaped:
            escaped = False
        elif character == "\\":
            escaped = True
        elif in_class:
            in_class = character != "]"
        elif character == "[":
            in_class = True
        else:
            yield at, character


def literal_beginning(pattern: str) -> str:
    """What every tag begins with that a pattern matches, as far as its text says so plainly."""
    match = _BEGINNING.match(pattern)
    if match is None or len(list(alternatives(pattern))) > 1:
        return ""
    literal = match["literal"].replace("\\", "")
    # a count behind it may mean none of the last character
    return literal[:-1] if match["next"] else literal


def compared(pattern: str, extract: str) -> tuple[str, ...]:
    """The parts of a pattern that make the key, in their order: groups, or all of the pattern."""
    if not extract:
        return (pattern.removeprefix("^").removesuffix("$"),) if pattern else ()
    known = groups(pattern)
    return tuple(known[name] for name in names(extract) if name in known)


def is_constant(pattern: str) -> bool:
    """Whether only one tag matches."""
    return _CONSTANT.match(pattern) is not None


def takes_words(part: str) -> bool:
    """Whether a part of a pattern also takes what is no number and no hash."""
    return any(_takes(part, text) for text in _NO_NUMBERS)


def takes_hashes(part: str) -> bool:
    """Whether a part of a pattern takes commits, and nothing that is no hexadecimal number."""
    return any(_takes(part, text) for text in _COMMITS) and not takes_words(part)


def begins_with_hash(pattern: str) -> bool:
    """Whether the first thing that varies in a pattern is a commit."""
    found = _HEX_CLASS.search(pattern)
    if found is None or "a-f" not in found.group().lower():
        return False
    before = _GROUP.sub("", pattern[: found.start()].removeprefix("^"))
    return _LITERALS.match(before) is not None


def fewest_digits(parts: tuple[str, ...]) -> int:
    """How many digits a key has at least, all its parts together."""
    return sum(_fewest(part) for part in parts)


def _fewest(part: str) -> int:
    lengths = range(1, _MOST_DIGITS + 1)
    return next((n for n in lengths if any(_takes(part, digits[:n]) for digits in _DIGITS)), 0)


@cache
def _takes(part: str, text: str) -> bool:
    try:
        return compile_re2(f"^(?:{part})$").search(text) is not None
    except InvalidValue:
        return False  # a part that is no pattern of its own
