"""Expansion of variables, quotes and escapes in one word (BuildKit, frontend/dockerfile/shell)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from e2b_dockerfile_utils import ShellLex

_SPECIAL = ("$", '"', "'", "\\", "`")
_PLAIN_VARIABLE = re.compile(r"\$(?:\{([A-Za-z_][A-Za-z0-9_]*)\}|([A-Za-z_][A-Za-z0-9_]*))", re.ASCII)


@dataclass(frozen=True, slots=True)
class Expansion:
    """A word after expansion, the names it read (``used``), and those of them that had no value."""

    text: str
    used: frozenset[str] = frozenset()
    unset: frozenset[str] = frozenset()


class ExpansionError(ValueError):
    """A word that cannot be expanded: an open quote, ``${V:?}`` without a value, an unknown modifier."""


class _Lookups(dict[str, str]):
    """A copy of the environment that remembers what was asked of it."""

    def __init__(self, env: Mapping[str, str]) -> None:
        super().__init__(env)
        self.used: set[str] = set()

    def get(self, key: str, default: str | None = None) -> str | None:  # type: ignore[override]
        self.used.add(key)
        return super().get(key, default)


def expand(word: str, env: Mapping[str, str], escape: str) -> Expansion:
    """``word`` with the values of ``env``; what is undefined becomes empty. Raises ExpansionError."""
    if not any(character in word for character in _SPECIAL):
        return Expansion(word)
    plain = _expand_plain(word, env)
    if plain is not None:
        return plain
    lookups = _Lookups(env) if "$" in word else _Lookups({})
    try:
        text = ShellLex(escape, env=lookups, skip_unset_env=False).process_word(word)
    except ValueError as error:
        raise ExpansionError(str(error).split(": ", 1)[-1]) from None
    used = frozenset(lookups.used)
    return Expansion(text, used, frozenset(name for name in used if name not in lookups))


def _expand_plain(word: str, env: Mapping[str, str]) -> Expansion | None:
    """The common case without the lexer, which is many times slower: nothing but ``$X`` and ``${X}``."""
    parts = _PLAIN_VARIABLE.split(word)
    literal = "".join(parts[::3])
    if not word.isascii() or any(character in literal for character in _SPECIAL):
        return None
    names = [braced or bare for braced, bare in zip(parts[1::3], parts[2::3], strict=True)]
    values = [env.get(name, "") for name in names]
    text = "".join(piece for pair in zip(parts[::3], [*values, ""], strict=True) for piece in pair)
    used = frozenset(names)
    return Expansion(text, used, frozenset(name for name in used if name not in env))
