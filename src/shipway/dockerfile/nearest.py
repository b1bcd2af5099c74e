"""The path that may have been meant by one that is not there."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping

from shipway.dockerfile.context import Context
from shipway.dockerfile.tree import Kind, locate

MAX_PARTS = 64


def nearest(context: Context, path: str) -> str | None:
    """A path of ``context`` close to ``path`` (cleaned, relative): the same in another case, its tail, a
    file of that name elsewhere, or a similar name in the same directory. None for a path of more than
    MAX_PARTS components."""
    if not path or path.count("/") >= MAX_PARTS:
        return None
    return (
        _other_case(context, path)
        or _tail(context, path)
        or _elsewhere(context, path)
        or _similar(context, path)
    )


def _entries(context: Context, directory: str) -> Mapping[str, Kind]:
    """The names in a directory, through links that stay inside; none of what links lead out to."""
    found = locate(context.tree, directory)
    return context.tree.entries(found.path) if found.kind == "dir" else {}


def _other_case(context: Context, path: str) -> str | None:
    real: list[str] = []
    for part in path.split("/"):
        entries = _entries(context, "/".join(real))
        name = part if part in entries else _same_folded(entries, part)
        if name is None:
            return None
        real.append(name)
    return "/".join(real)


def _same_folded(names: Iterable[str], part: str) -> str | None:
    folded = part.casefold()
    return next((name for name in sorted(names) if name.casefold() == folded), None)


def _tail(context: Context, path: str) -> str | None:
    while "/" in path:
        path = path.split("/", 1)[1]
        if locate(context.tree, path).kind is not None:
            return path
    return None


def _elsewhere(context: Context, path: str) -> str | None:
    places = context.places_of(path.rpartition("/")[2])
    return next((place for place in places if place != path), None)


def _similar(context: Context, path: str) -> str | None:
    directory, _, name = path.rpartition("/")
    while directory and locate(context.tree, directory).kind != "dir":
        directory, _, name = directory.rpartition("/")
    close = difflib.get_close_matches(name, sorted(_entries(context, directory)), 1)
    return f"{directory}/{close[0]}" if close and directory else (close[0] if close else None)
