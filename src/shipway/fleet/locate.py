"""Where the fleet file of a repository is, and where files are that a user names."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from shipway.errors import ConfigError
from shipway.fleet.tree import FileTree, join
from shipway.place import Place

# most directories that copies and listings run in have no fleet file, and need no reader of YAML
if TYPE_CHECKING:
    from shipway.fleet.file import FleetFile

FLEET_FILES = ("shipway.yaml", "shipway.yml", "shipway.json")


def find_fleet_file(tree: FileTree, config: str | None = None) -> FleetFile | None:
    """The fleet file ``config``, or the one at the root, or None where there is none.

    Raises ConfigError when it is not valid, or when the root has several.
    """
    if config is not None:
        return read_file(tree, relative_to_root(config, tree))
    found = [name for name in FLEET_FILES if tree.is_file(name)]
    if len(found) > 1:
        raise ConfigError(
            f"there is more than one fleet file: {' and '.join(found)}",
            place=Place(found[1]),
            help="keep one of them, or name one with --config",
        )
    return read_file(tree, found[0]) if found else None


def read_file(tree: FileTree, path: str) -> FleetFile:
    from shipway.fleet.file import read_fleet_file

    return read_fleet_file(tree.read(path), path)


def relative_to_root(path: str, tree: FileTree) -> str:
    """``path`` relative to the root. Raises ConfigError unless it is a file in it."""
    if path.startswith("/"):
        inside = Path(path).resolve()
        root = tree.root.resolve()
        if not inside.is_relative_to(root):
            raise ConfigError(f"{path} lies outside of {tree.root}", help="name its directory with -C")
        path = inside.relative_to(root).as_posix()
    path = join(".", path)
    if not tree.is_file(path):
        raise ConfigError(f"there is no file {path}", place=Place(path))
    return path
