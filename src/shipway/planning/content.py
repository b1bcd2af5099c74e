"""What stands for a file in a fingerprint: what a build puts of it into an image, as far as git keeps it.

Of the mode only what no checkout decides: the owner's executable bit, as git knows it, and setuid, setgid and
sticky bits, which git never sets. The other bits follow the umask of whoever checked out; times, owners and
the modes of directories (which take setgid from the directory above) differ from machine to machine.
"""

from __future__ import annotations

import hashlib
import os
import stat

from shipway.errors import HostError

DIRECTORY = "directory"
_PIECE = 1 << 20
_SPECIAL = stat.S_ISUID | stat.S_ISGID | stat.S_ISVTX


def file_digest(path: str) -> str:
    """Content and mode of a file, the target of a link as it is stored, or the fact of a directory.

    The link itself is read, never what it leads to. Raises HostError.
    """
    try:
        status = os.lstat(path)
        if stat.S_ISLNK(status.st_mode):
            return f"link:{os.readlink(path)}"  # noqa: PTH115 - hot, and text is what is wanted
        if stat.S_ISDIR(status.st_mode):
            return DIRECTORY
        digest = _content(path)
    except OSError as error:
        raise HostError(
            f"cannot read {path}: {error.strerror}", help="make it readable, or exclude it in .dockerignore"
        ) from None
    return f"{_mode(status.st_mode)}{digest}"


def _content(path: str) -> str:
    hasher = hashlib.sha256()
    with open(path, "rb", buffering=0) as file:  # noqa: PTH123 - hot
        while piece := file.read(_PIECE):
            hasher.update(piece)
    return hasher.hexdigest()


def _mode(mode: int) -> str:
    executable = "x" if mode & stat.S_IXUSR else "-"
    special = mode & _SPECIAL
    return f"{executable}{special:o}:" if special else executable
