"""Files that are written whole or not at all, and what a refusal of the disk means.

A file is written under another name, flushed to the device and renamed, and the rename is flushed too, so
that neither ``kill -9`` nor a power cut leaves half a file under the final name.
"""

from __future__ import annotations

import errno
import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from shipway.errors import DiskFull, HostError

# EFBIG is what a file size limit answers: to whoever writes it is the same as a full disk
_NO_SPACE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


def host_error(error: OSError, action: str) -> HostError:
    """The error for people when the system refused to ``action`` (such as ``write /data/index.json``)."""
    reason = error.strerror or str(error)
    if error.errno in _NO_SPACE:
        return DiskFull(
            f"cannot {action}",
            cause=reason.lower(),
            help="free some space and repeat; nothing is half written",
        )
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return HostError(
            f"cannot {action}", cause=reason.lower(), help="check who owns the folder, and its mode"
        )
    return HostError(f"cannot {action}", cause=reason.lower())


@contextmanager
def reported(action: str) -> Iterator[None]:
    """Turn an OSError of the body into a HostError (DiskFull when there is no space left)."""
    try:
        yield
    except OSError as error:
        raise host_error(error, action) from None


def write_durably(path: Path, data: bytes, scratch: Path | None = None) -> None:
    """Write ``data`` to ``path`` at once. ``scratch`` is a folder on the same file system for the
    unfinished file, by default the one of ``path``. Raises HostError or DiskFull."""
    temporary = (scratch or path.parent) / f".{secrets.token_hex(8)}.tmp"
    with reported(f"write {path}"):
        try:
            # not tempfile: its files are for their owner alone, whatever the umask says
            with temporary.open("xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            rename_durably(temporary, path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise


def rename_durably(source: Path, target: Path) -> None:
    """Rename within one file system, replacing ``target``; raises OSError."""
    source.replace(target)
    folder = os.open(target.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock file ``path`` alone, among threads and processes; it is freed when its holder dies."""
    with reported(f"lock {path}"):
        file = path.open("ab")
    with file:
        fcntl.flock(file, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.flock(file, fcntl.LOCK_UN)


def release(descriptor: int) -> None:
    """Unlock a file that is locked with flock, and close it.

    To close it is not enough: a process that is being started, such as an engine's, has a copy of the
    descriptor until it runs its own program, and the lock with it.
    """
    fcntl.flock(descriptor, fcntl.LOCK_UN)
    os.close(descriptor)
