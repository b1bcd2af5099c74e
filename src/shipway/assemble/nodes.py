"""What stands at a path of an image, and where the bytes of a file come from."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TypeAlias

from shipway.dockerfile.tree import Kind
from shipway.errors import HostError
from shipway.place import Place

DIRECTORY_MODE = 0o755
PIECE = 1 << 20


@dataclass(frozen=True, slots=True)
class Local:
    """The content of a file on this machine: ``size`` bytes, last written at ``written`` (nanoseconds)."""

    path: str
    size: int
    written: int = 0

    def pieces(self) -> Iterator[bytes]:
        """Raises HostError when the file cannot be read, or changed while it was."""
        left = self.size
        try:
            with open(self.path, "rb") as file:  # noqa: PTH123 - hot
                while piece := file.read(PIECE):
                    left -= len(piece)
                    if left < 0:
                        break
                    yield piece
        except OSError as error:
            raise HostError(f"cannot read {self.path}: {error.strerror}", place=Place(self.path)) from None
        if left:
            raise HostError(
                f"{self.path} changed while it was read",
                place=Place(self.path),
                help="run the same command again when nothing writes to it",
            )


@dataclass(frozen=True, slots=True)
class Inline:
    """Content that is held: a here-document, or a small file of a base."""

    data: bytes

    @property
    def size(self) -> int:
        return len(self.data)

    def pieces(self) -> Iterator[bytes]:
        yield self.data


Content: TypeAlias = Local | Inline


@dataclass(frozen=True, slots=True)
class Node:
    """``mode`` are the permission bits with setuid, setgid and sticky; ``target`` is that of a link.
    ``content`` of a file is None where only the layers of a base have it."""

    kind: Kind
    mode: int
    uid: int = 0
    gid: int = 0
    target: str = ""
    content: Content | None = None

    def owned(self, owner: tuple[int, int] | None) -> Node:
        """The same, owned by ``owner``; None leaves the owner."""
        if owner is None or owner == (self.uid, self.gid):
            return self
        return replace(self, uid=owner[0], gid=owner[1])

    def with_mode(self, mode: int | None) -> Node:
        """The same with another mode, which links do not have; None leaves the mode."""
        return self if mode is None or self.kind == "link" or mode == self.mode else replace(self, mode=mode)


def directory(owner: tuple[int, int] | None = None) -> Node:
    """A directory as BuildKit makes those that a destination needs."""
    uid, gid = owner or (0, 0)
    return Node("dir", DIRECTORY_MODE, uid, gid)


@dataclass(frozen=True, slots=True)
class Modes:
    """The modes of a working copy, as if it had been made with the umask 022.

    Git keeps the executable bit alone, so that the rest depends on who checked out: a mode that the
    ``umask`` of the working copy explains becomes 644 or 755. Any other one was set on purpose, and stays.
    """

    umask: int = 0o022

    @classmethod
    def like(cls, mode: int) -> Modes:
        """The umask that gave an ordinary file this ``mode``; directories lack the search bit where they
        lack the right to read."""
        lacking = 0o666 & ~mode
        return cls(lacking | (lacking & 0o444) >> 2)

    def normal(self, mode: int) -> int:
        """``mode``, or what it would be with the umask 022."""
        for usual in (0o666, 0o777):
            if mode == usual & ~self.umask:
                return usual & ~0o022
        return mode


def local_node(path: str, modes: Modes) -> Node | None:
    """What stands at ``path`` on this machine, owned by root as every context is; None for nothing.

    Devices, pipes and sockets are ``other``. Raises HostError when it cannot be looked at.
    """
    try:
        status = os.lstat(path)
        target = os.readlink(path) if stat.S_ISLNK(status.st_mode) else ""  # noqa: PTH115 - text is wanted
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise HostError(f"cannot look at {path}: {error.strerror}", place=Place(path)) from None
    mode = status.st_mode
    if stat.S_ISLNK(mode):
        return Node("link", 0o777, target=target)
    permissions = modes.normal(stat.S_IMODE(mode))
    if stat.S_ISDIR(mode):
        return Node("dir", permissions)
    if stat.S_ISREG(mode):
        return Node("file", permissions, content=Local(path, status.st_size, status.st_mtime_ns))
    return Node("other", permissions)
