"""The files of a build context, and where its symbolic links lead.

Paths are POSIX and relative to the root, which is ``""``; links are followed inside the root only, as
BuildKit does it: an absolute target starts at the root, ``..`` stops there.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Literal, Protocol, TypeAlias

from shipway.errors import HostError
from shipway.place import Place

Kind: TypeAlias = Literal["file", "dir", "link", "other"]

MAX_LINKS = 255
_EMPTY: Mapping[str, Kind] = MappingProxyType({})


class Tree(Protocol):
    """Directories and links, wherever they come from."""

    def entries(self, directory: str) -> Mapping[str, Kind]:
        """The names in a directory (a path without links); empty when there is no such directory."""

    def link(self, path: str) -> str:
        """The target of a link as it is stored."""


Listings: TypeAlias = dict[str, Mapping[str, Kind]]
"""What directories hold, by their paths on this machine; many trees may share one."""


def listing(directory: str, known: Listings) -> Mapping[str, Kind]:
    """The names in a directory, read once. Raises OSError."""
    found = known.get(directory)
    if found is None:
        with os.scandir(directory) as entries:
            found = {entry.name: _kind(entry) for entry in entries}
        known[directory] = found
    return found


class ContextTree:
    """The directory ``root`` on this machine. What was read once is remembered in ``listings``, so that
    many builds can share one walk; make a new one to see later changes."""

    def __init__(self, root: Path, listings: Listings | None = None) -> None:
        self.root = root
        self._base = os.fspath(root)
        self._listings: Listings = {} if listings is None else listings

    def entries(self, directory: str) -> Mapping[str, Kind]:
        """Raises HostError when a directory is there and cannot be read."""
        path = f"{self._base}/{directory}" if directory else self._base
        try:
            return listing(path, self._listings)
        except (FileNotFoundError, NotADirectoryError):
            return self._listings.setdefault(path, _EMPTY)
        except OSError as error:
            raise HostError(
                f"cannot list {directory or '.'} of the context: {error.strerror}", place=Place(self._base)
            ) from None

    def link(self, path: str) -> str:
        """Raises HostError when the link is gone."""
        try:
            return os.readlink(f"{self._base}/{path}")  # noqa: PTH115 - hot, and text is what is wanted
        except OSError as error:
            raise HostError(f"cannot read the link {path}: {error.strerror}", place=Place(path)) from None


def _kind(entry: os.DirEntry[str]) -> Kind:
    if entry.is_file(follow_symlinks=False):
        return "file"
    if entry.is_dir(follow_symlinks=False):
        return "dir"
    return "link" if entry.is_symlink() else "other"


@dataclass(frozen=True, slots=True)
class Located:
    """Where a path leads. ``path`` is free of links; ``kind`` is None when nothing is there, with the
    ``reason``. ``links`` are the links on the way, in order."""

    path: str
    kind: Kind | None
    links: tuple[str, ...] = ()
    reason: Literal["missing", "dangling-link", "link-loop"] | None = None


def locate(tree: Tree, path: str) -> Located:
    """Follow ``path`` (cleaned, relative) through the links of ``tree``."""
    pending = [(part, False) for part in reversed(_parts(path))]
    real: list[str] = []
    links: list[str] = []
    kind: Kind = "dir"
    while pending:
        part, from_link = pending.pop()
        if part == "..":
            real = real[:-1]
            continue
        found = tree.entries("/".join(real)).get(part) if kind == "dir" else None
        if found is None:
            reason: Literal["missing", "dangling-link"] = "dangling-link" if from_link else "missing"
            return Located("/".join([*real, part]), None, tuple(links), reason)
        if found != "link":
            real.append(part)
            kind = found
            continue
        here = "/".join([*real, part])
        links.append(here)
        if len(links) > MAX_LINKS:
            return Located(here, None, tuple(links), "link-loop")
        target = tree.link(here)
        real = [] if target.startswith("/") else real
        pending += [(piece, True) for piece in reversed(_parts(target))]
    return Located("/".join(real), kind, tuple(links))


def _parts(path: str) -> list[str]:
    return [part for part in path.split("/") if part not in ("", ".")]
