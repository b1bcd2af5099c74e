"""The files of a repository, read through one door that never leads outside it."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from pathlib import Path
from types import MappingProxyType

from shipway.errors import ConfigError, HostError
from shipway.place import Place

SKIPPED_DIRECTORIES = frozenset(
    {".git", ".hg", ".svn", ".shipway", ".venv", "venv", "node_modules", "__pycache__"}
)
MAX_FILE_BYTES = 8 * 1024 * 1024
NOTHING_EDITED: Mapping[Path, bytes] = MappingProxyType({})


class FileTree:
    """The files under ``root``; paths are POSIX and relative to it.

    ``edited`` maps resolved paths to bytes that are read in place of those on disk: edits that nobody has
    written yet.
    """

    def __init__(self, root: Path, edited: Mapping[Path, bytes] = NOTHING_EDITED) -> None:
        self.root = root
        self._edited = edited

    @cached_property
    def files(self) -> tuple[str, ...]:
        """Every regular file and symlink below the root, sorted, without version control and caches."""
        return tuple(sorted(self._walk("")))

    def _walk(self, prefix: str) -> Iterator[str]:
        try:
            entries = list(os.scandir(self.root / prefix if prefix else self.root))
        except OSError:
            return
        for entry in entries:
            path = f"{prefix}{entry.name}"
            if entry.is_dir(follow_symlinks=False):
                if entry.name not in SKIPPED_DIRECTORIES:
                    yield from self._walk(f"{path}/")
            else:
                yield path

    def matching(self, names: Iterable[str]) -> list[str]:
        """The files whose last component is one of ``names``."""
        wanted = frozenset(names)
        return [path for path in self.files if posixpath.basename(path) in wanted]

    def is_file(self, path: str) -> bool:
        return (resolved := self._inside(path)) is not None and resolved.is_file()

    def is_dir(self, path: str) -> bool:
        return (resolved := self._inside(path)) is not None and resolved.is_dir()

    def read(self, path: str) -> bytes:
        """The bytes of a file. Raises ConfigError when it is missing, too large, or outside the root."""
        resolved = self._inside(path)
        if resolved is None:
            raise ConfigError(f"{path} leads outside the repository", place=Place(path))
        if resolved in self._edited:
            return self._edited[resolved]
        try:
            if resolved.stat().st_size > MAX_FILE_BYTES:
                raise ConfigError(f"{path} is larger than {MAX_FILE_BYTES >> 20} MiB", place=Place(path))
            return resolved.read_bytes()
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            raise ConfigError(f"there is no file {path}", place=Place(path)) from None
        except OSError as error:
            raise HostError(f"cannot read {path}: {error.strerror}", place=Place(path)) from None

    def read_text(self, path: str) -> str:
        """The text of a file; bytes that are not UTF-8 survive as surrogates."""
        return self.read(path).decode("utf-8-sig", errors="surrogateescape")

    def _inside(self, path: str) -> Path | None:
        joined = self.root / path
        try:
            resolved = joined.resolve()
        except (OSError, RuntimeError, ValueError):
            return None
        return resolved if resolved.is_relative_to(self._real_root) else None

    @cached_property
    def _real_root(self) -> Path:
        return self.root.resolve()


def join(base: str, path: str) -> str:
    """``path`` relative to the directory ``base``, normalised; both relative to the root.

    The result may start with ``..`` when it leads above the root. An absolute path stays absolute.
    """
    return posixpath.normpath(posixpath.join(base or ".", path))


def directory_of(path: str) -> str:
    """The directory that holds ``path``, ``.`` for the root."""
    return posixpath.dirname(path) or "."
