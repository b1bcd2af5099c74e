"""Patterns over paths: those of ignore files, and the wildcards of COPY and ADD.

Ignore files and what a build transfers follow moby/patternmatcher, where ``**`` is recursive; COPY and ADD
follow Go's ``path/filepath.Match``, one path component at a time.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence
from functools import lru_cache

from e2b_dockerfile_utils import PatternMatcher

_WILDCARD = re.compile(r"(?:\\.|[^\\*?\[])*[*?\[]", re.DOTALL)


def has_wildcard(path: str) -> bool:
    """Whether an unescaped ``*``, ``?`` or ``[`` stands in ``path``."""
    return _WILDCARD.match(path) is not None


def matcher(patterns: Sequence[str]) -> PatternMatcher:
    """A matcher of ignore-file patterns. Raises ValueError for a malformed one."""
    with warnings.catch_warnings():
        # a class such as [[] is passed on to ``re``, which announces a change that is not in any Python yet
        warnings.simplefilter("ignore", FutureWarning)
        return PatternMatcher(list(patterns))


@lru_cache(maxsize=4096)
def is_well_formed(pattern: str) -> bool:
    """Whether Go accepts ``pattern``: every class closed and not empty, no trailing backslash."""
    try:
        # the slash keeps a leading '!' or '#' from being taken for more than a character
        matcher([f"/{pattern}"])
    except ValueError:
        return False
    return True


@lru_cache(maxsize=1024)
def component(pattern: str) -> re.Pattern[str]:
    """One component of a well-formed pattern as a regular expression for a whole name."""
    out: list[str] = []
    position = 0
    while position < len(pattern):
        character = pattern[position]
        position += 1
        if character == "*":
            out.append(".*")
        elif character == "?":
            out.append(".")
        elif character == "[":
            end, text = _class(pattern, position)
            out.append(text)
            position = end
        else:
            if character == "\\" and position < len(pattern):
                character = pattern[position]
                position += 1
            out.append(re.escape(character))
    return re.compile("".join(out), re.DOTALL)


def _class(pattern: str, position: int) -> tuple[int, str]:
    """The class that starts after ``[`` and where it ends; one that a slash cuts off matches nothing."""
    negated = pattern.startswith("^", position)
    position += negated
    ranges: list[str] = []
    while not (ranges and pattern.startswith("]", position)) and position < len(pattern):
        low, position = _class_character(pattern, position)
        if not low:
            break
        high = low
        if pattern.startswith("-", position):
            high, position = _class_character(pattern, position + 1)
        ranges.append(f"{re.escape(low)}-{re.escape(high)}")
    body = "".join(ranges)
    if not body:
        return position + 1, r"(?!)"
    return position + 1, f"[{'^' if negated else ''}{body}]"


def _class_character(pattern: str, position: int) -> tuple[str, int]:
    if pattern.startswith("\\", position):
        position += 1
    return pattern[position : position + 1], position + 1
