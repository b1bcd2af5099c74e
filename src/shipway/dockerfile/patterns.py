"""Patterns over paths: those of ignore files, and the wildcards of COPY and ADD.

Ignore files and what a build transfers follow moby/patternmatcher, where ``**`` is recursive; COPY and ADD
follow Go's ``path/filepath.Match``, one path component at a time.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Sequence
from functools import lru_cache

from e2b_dockerfile_utils import PatternMatcher

# Two wildcards cost the square of a name's length at worst, which is nothing; each further one multiplies it.
_BACKTRACKED = 2
_STARS = re.compile(r"\*\*?")
_WILDCARD = re.compile(r"(?:\\.|[^\\*?\[])*[*?\[]", re.DOTALL)


def has_wildcard(path: str) -> bool:
    """Whether an unescaped ``*``, ``?`` or ``[`` stands in ``path``."""
    return _WILDCARD.match(path) is not None


def matcher(patterns: Sequence[str]) -> PatternMatcher:
    """A matcher of ignore-file patterns, in linear time. Raises ValueError for a malformed one."""
    with warnings.catch_warnings():
        # a class such as [[] is passed on to ``re``, which announces a change that is not in any Python yet
        warnings.simplefilter("ignore", FutureWarning)
        made = PatternMatcher(list(patterns))
    for each in made._patterns:
        if len(_STARS.findall("/".join(each.dirs))) > _BACKTRACKED:
            each.match = _linear(each.match)
    return made


def _linear(match: Callable[[str], bool]) -> Callable[[str], bool]:
    """``match``, whose regular expression would try every way to spread a name over many wildcards, by an
    automaton instead; moby's Go expressions are RE2 as well."""
    cells = [cell.cell_contents for cell in match.__closure__ or ()]
    slow = next((each for each in cells if isinstance(each, re.Pattern)), None)
    if slow is None:
        return match
    import re2

    options = re2.Options()
    options.log_errors = False
    try:
        fast = re2.compile(slow.pattern.removesuffix(r"\Z") + r"\z", options)
    except (re2.error, UnicodeError):
        raise ValueError("the pattern is too large") from None

    def matches(path: str) -> bool:
        return fast.match(path.encode("utf-8", errors="replace").decode()) is not None

    return matches


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
    """One component of a well-formed pattern as a regular expression for a whole name.

    What stands between two stars takes its first chance for good (an atomic group), which loses nothing and
    keeps a name from being spread over the stars in every way.
    """
    parts = _between_stars(pattern)
    if len(parts) == 1:
        return re.compile(parts[0], re.DOTALL)
    middle = "".join(f"(?>.*?{part})" for part in parts[1:-1] if part)
    return re.compile(f"{parts[0]}{middle}.*{parts[-1]}", re.DOTALL)


def _between_stars(pattern: str) -> list[str]:
    """The stretches between the stars, each as a regular expression."""
    parts = [""]
    position = 0
    while position < len(pattern):
        character = pattern[position]
        position += 1
        if character == "*":
            parts.append("")
        elif character == "?":
            parts[-1] += "."
        elif character == "[":
            position, text = _class(pattern, position)
            parts[-1] += text
        else:
            if character == "\\" and position < len(pattern):
                character = pattern[position]
                position += 1
            parts[-1] += re.escape(character)
    return parts


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
