"""Which files are Compose files, and which of them belong together."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from shipway.fleet.tree import directory_of, join

_DISCOVERED = re.compile(r"(?:docker-)?compose(?:[._-][^/]*)?\.ya?ml\Z")
_NAMED = re.compile(r"[^/]*compose[^/]*\.ya?ml\Z")
# The order in which Compose looks for its default files; the first one there is taken.
_BASES = ("compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml")
_OVERRIDES = (
    "compose.override.yml",
    "compose.override.yaml",
    "docker-compose.override.yml",
    "docker-compose.override.yaml",
)


@dataclass(frozen=True, slots=True)
class Project:
    """The Compose files of one directory.

    ``files`` are merged in order; each of ``variants`` is a file of its own that may build on them.
    """

    directory: str
    files: tuple[str, ...]
    variants: tuple[str, ...] = ()


def is_discovered(path: str) -> bool:
    """Whether a file of this name is read unasked."""
    return _DISCOVERED.match(posixpath.basename(path)) is not None


def is_compose(path: str) -> bool:
    """Whether a file that somebody names is taken for a Compose file."""
    return _NAMED.match(posixpath.basename(path)) is not None


def by_convention(paths: Iterable[str]) -> list[Project]:
    """One project a directory: the default file with its override, everything else a variant."""
    return [_conventional(directory, files) for directory, files in _directories(paths).items()]


def as_named(paths: Iterable[str]) -> list[Project]:
    """One project a directory: its files are merged in the order given, as ``compose -f a -f b`` does."""
    return [Project(directory, tuple(files)) for directory, files in _directories(paths).items()]


def with_compose_file(project: Project, variables: Mapping[str, str]) -> Project:
    """The project with the files that ``COMPOSE_FILE`` of its ``.env`` names in place of the default ones."""
    listed = variables.get("COMPOSE_FILE")
    if not listed:
        return project
    separator = variables.get("COMPOSE_PATH_SEPARATOR") or ":"
    files = tuple(join(project.directory, name) for name in listed.split(separator) if name)
    others = [file for file in (*project.files, *project.variants) if file not in files]
    return Project(project.directory, files, tuple(others))


def _directories(paths: Iterable[str]) -> dict[str, list[str]]:
    """``paths`` under their directories, those nearer to the root first."""
    found: dict[str, list[str]] = {}
    for path in dict.fromkeys(paths):
        found.setdefault(directory_of(path), []).append(path)
    return dict(sorted(found.items(), key=lambda item: (_depth(item[0]), item[0])))


def _depth(directory: str) -> int:
    return 0 if directory == "." else directory.count("/") + 1


def _conventional(directory: str, paths: Sequence[str]) -> Project:
    names = {posixpath.basename(path): path for path in paths}
    bases = [names[name] for name in _BASES if name in names][:1]
    overrides = [names[name] for name in _OVERRIDES if name in names][:1] if bases else []
    files = (*bases, *overrides)
    return Project(directory, files, tuple(path for path in paths if path not in files))
