"""The scope of a build cache: one for each image and platform, so that none overwrites another's.

Registries, GitHub and directories keep what the last export wrote. A destination that several builds share
without saying so holds the cache of one of them only (buildkit#2885, bake-action#87).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from shipway.fleet.options import joined, read_cache
from shipway.values import Platform

_IMAGE, _PLATFORM = "{image}", "{platform}"
# the attribute that tells places apart; other kinds (inline, s3 with its own name) have none to append to
_PLACE = {"registry": "ref", "gha": "scope", "local": "dest", "s3": "name", "azblob": "name"}
_TAG = re.compile(r":[^/:]+\Z")


@dataclass(frozen=True, slots=True)
class Caches:
    """Where a build takes its cache from and where it leaves it, as buildx writes it."""

    sources: tuple[str, ...] = ()
    destinations: tuple[str, ...] = ()


def scoped(image: str, platform: Platform, sources: Sequence[str], destinations: Sequence[str]) -> Caches:
    """The caches of one build. Raises InvalidValue for what is no cache.

    ``{image}`` and ``{platform}`` are filled in. What a destination does not name is appended to it; a
    source at the same place is changed alike, any other one is taken as it stands.
    """
    shared = {_place(text) for text in destinations}
    return Caches(
        tuple(
            _filled(text if _place(text) not in shared else _with_scope(text), image, platform)
            for text in sources
        ),
        tuple(_filled(_with_scope(text), image, platform) for text in destinations),
    )


def _place(text: str) -> tuple[str, str]:
    found = read_cache(text)
    return found["type"], found.get(_key(found["type"], found), "")


def _key(kind: str, found: dict[str, str]) -> str:
    return "src" if kind == "local" and "src" in found else _PLACE.get(kind, "")


def _with_scope(text: str) -> str:
    found = read_cache(text)
    key = _key(found["type"], found)
    if key:
        place = found.get(key, "")
        found[key] = _appended(
            found["type"], place, [each for each in (_IMAGE, _PLATFORM) if each not in place]
        )
    return joined(found)


def _appended(kind: str, place: str, missing: Sequence[str]) -> str:
    scope = "-".join(missing)
    if not scope or not place:
        return scope or place
    if kind == "local":
        return f"{place}/{scope}"
    return f"{place}-{scope}" if kind != "registry" or _TAG.search(place) else f"{place}:{scope}"


def _filled(text: str, image: str, platform: Platform) -> str:
    return text.replace(_IMAGE, image).replace(_PLATFORM, str(platform).replace("/", "-"))
