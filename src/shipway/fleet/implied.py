"""The repository that an image without one goes to."""

from __future__ import annotations

import re

from shipway.values import Reference

_SEPARATORS = re.compile(r"[._-]+")
_LEGAL_SEPARATOR = re.compile(r"\.|__?|-+")


def default_repository(registry: str, name: str) -> str:
    """The repository that the name of an image implies, in canonical form (distribution/reference)."""
    text = name.lower().strip("._-") or "image"
    path = _SEPARATORS.sub(lambda m: m.group() if _LEGAL_SEPARATOR.fullmatch(m.group()) else "-", text)
    return Reference.parse(f"{registry}/{path}").name
