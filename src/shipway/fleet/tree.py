"""The files of a repository, read through one door that never leads outside it."""

from __future__ import annotations

import os
import posixpath
import stat
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from types import MappingProxyType

from shipway.dockerfile.tree import Listings, listing
from shipway.errors import ConfigError, HostError
from shipway.place import Place

SKIPPED_DIRECTORIES = frozenset(
    {".git", ".hg", ".svn", ".shipway", ".venv", "venv", "node_modules", "__pycache__"}
)
MAX_FILE_BYTES = 8 * 1024 * 1024
_DOTS = frozenset({"", ".", ".."})
NOTHING_EDITED: Mapping[Path, bytes] = MappingProxyType({})


class FileTree:
    """The files under ``root``; paths are POSIX and relative to it.

    ``edited`` maps resolved paths to bytes that are read in place of those on disk: edits that nobody has
    written yet. ``listings`` are directories that were read already, shared with build contexts.
    """

    def __init__(
        self,
        root: Path,
        edited: Mapping[Path, bytes] = NOTHING_EDITED,
        listings: Listings | None = None,
    ) -> None:
        self.root = root
        self.listings: Listings = {} if listings is None else listings
        self._edited = edited
        self._real: dict[str, str | None] = {}

    @cached_property
    def files(self) -> tuple[str, ...]:
        """Every regular file and symlink below the root, sorted, without version control and caches."""
        base = os.fspath(self.root)
        found: list[str] = []
        pending = [""]
        while pending:
            prefix = pending.pop()
            try:
                entries = listing(f"{base}/{prefix[:-1]}" if prefix else base, self.listings)
            except OSError:
                continue
            for name, kind in entries.items():
                if kind != "dir":
                    found.append(prefix + name)
                elif name not in SKIPPED_DIRECTORIES:
                    pending.append(f"{prefix}{name}/")
        found.sort()
        return tuple(found)

    def mentioning(self, *parts: str) -> list[str]:
        """The files with one of ``parts`` (ASCII, in lower case) anywhere in their paths, in any case.

        A first sieve for readers that look for names: one search through the text of all paths, where
        asking each file of a large repository would take longer than everything else.
        """
        starts: set[int] = set()
        for part in parts:
            at = self._folded.find(part.encode())
            while at >= 0:
                starts.add(self._folded.rfind(b"\0", 0, at) + 1)
                at = self._folded.find(part.encode(), self._folded.index(b"\0", at))
        lines = (self._joined[start : self._joined.index(b"\0", start)] for start in sorted(starts))
        return [os.fsdecode(line) for line in lines]

    @cached_property
    def _joined(self) -> bytes:
        """Every path with a NUL, which no path holds, after it."""
        return os.fsencode("".join([f"{path}\0" for path in self.files]))

    @cached_property
    def _folded(self) -> bytes:
        return self._joined.lower()

    def holds(self, path: str) -> bool:
        """Whether ``path``, its links followed, stays inside the root, be anything there or not."""
        return self._inside(path) is not None

    def is_file(self, path: str) -> bool:
        return (real := self._inside(path)) is not None and os.path.isfile(real)  # noqa: PTH113 - hot

    def is_dir(self, path: str) -> bool:
        return (real := self._inside(path)) is not None and os.path.isdir(real)  # noqa: PTH112 - hot

    def read(self, path: str) -> bytes:
        """The bytes of a file. Raises ConfigError when it is missing, too large, or outside the root."""
        real = self._inside(path)
        if real is None:
            raise ConfigError(f"{path} leads outside the repository", place=Place(path))
        if self._edited and (edited := self._edited.get(Path(real))) is not None:
            return edited
        try:
            with open(real, "rb") as file:  # noqa: PTH123 - hot
                if os.fstat(file.fileno()).st_size > MAX_FILE_BYTES:
                    raise ConfigError(f"{path} is larger than {MAX_FILE_BYTES >> 20} MiB", place=Place(path))
                return file.read()
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            raise ConfigError(f"there is no file {path}", place=Place(path)) from None
        except OSError as error:
            raise HostError(f"cannot read {path}: {error.strerror}", place=Place(path)) from None

    def read_text(self, path: str) -> str:
        """The text of a file; bytes that are not UTF-8 survive as surrogates."""
        return self.read(path).decode("utf-8-sig", errors="surrogateescape")

    def _inside(self, path: str) -> str | None:
        """The real path of ``path``, None when that is outside the root. Directories are resolved once."""
        directory, _, name = path.rpartition("/")
        if name in _DOTS or path.startswith("/"):
            return self._resolved(path)
        above = self._real_directory(directory)
        if above is None:
            return self._resolved(path)
        real = f"{above}/{name}"
        try:
            is_link = stat.S_ISLNK(os.lstat(real).st_mode)
        except OSError:
            is_link = False  # nothing is there, which whoever reads it finds out
        except ValueError:
            return None
        return self._resolved(path) if is_link else real

    def _real_directory(self, directory: str) -> str | None:
        if directory not in self._real:
            self._real[directory] = self._resolved(directory)
        return self._real[directory]

    def _resolved(self, path: str) -> str | None:
        try:
            resolved = (self.root / path).resolve()
        except (OSError, RuntimeError, ValueError):
            return None
        return str(resolved) if resolved.is_relative_to(self._real_root) else None

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
