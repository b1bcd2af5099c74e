"""Paths of images that live in other repositories, as seen from the fleet's own root."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Mapping

from shipway.fleet.discover.paths import is_remote


def prefix_of(roots: Mapping[str, str], root: str) -> str:
    """The directory of the repository ``root`` relative to the fleet's own, ``.`` for that one."""
    if not root:
        return "."
    return os.path.relpath(roots[root], roots[""]).replace(os.sep, "/")


def below(prefix: str, path: str) -> str:
    """``path`` of the repository at ``prefix``, relative to the fleet's own root; URLs and ``-`` stay."""
    if prefix == "." or path == "-" or is_remote(path):
        return path
    return posixpath.normpath(posixpath.join(prefix, path))
