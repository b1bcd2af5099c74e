"""Texts in which something unknown stands as a hole.

A hole is a run of private-use characters (plane 16) that spells its cause, so that a text with holes can be
split, joined and cut like any other, and whoever meets a hole later can still say what was unknown.
"""

from __future__ import annotations

import re

_START = chr(0x100000)
_LAST = 0xFFFD
_LONGEST = 80
_HOLE = re.compile(f"{_START}([{chr(0x100001)}-{chr(0x10FFFD)}]*)")


def hole(cause: str) -> str:
    """A text that is unknown because of ``cause``, an expression as its author would write it.

    Only the beginning of a long cause is kept.
    """
    words = " ".join(show(cause).split())
    brief = words if len(words) <= _LONGEST else f"{words[:_LONGEST]} …"
    spelled = (ord(character) for character in brief)
    return _START + "".join(chr(0x100000 + (code if 0 < code <= _LAST else ord("?"))) for code in spelled)


def causes(text: str) -> list[str]:
    """The causes of the holes of ``text``, in order, each once."""
    return list(dict.fromkeys(_spell_back(match[1]) for match in _HOLE.finditer(text)))


def has_hole(text: str) -> bool:
    """Whether something in ``text`` is unknown."""
    return _START in text


def is_hole(text: str) -> bool:
    """Whether ``text`` is nothing but holes, so that it may even be empty."""
    return has_hole(text) and not _HOLE.sub("", text)


def show(text: str) -> str:
    """``text`` for people: each hole as its cause."""
    return _HOLE.sub(lambda match: _spell_back(match[1]), text) if has_hole(text) else text


def _spell_back(spelled: str) -> str:
    return "".join(chr(ord(character) - 0x100000) for character in spelled)
