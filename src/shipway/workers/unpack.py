"""A context becomes a directory again, on the machine that builds."""

from __future__ import annotations

import asyncio
import os
import shutil
import tarfile
import tempfile
from pathlib import Path
from typing import IO

from shipway.errors import Mismatch
from shipway.oci.compression import decompressed
from shipway.oci.files import reported
from shipway.ports import Registry
from shipway.workers.parcel import Context


async def unpack(registry: Registry, context: Context, directory: Path, mtime: int) -> None:
    """Fetch a context and lay it out in ``directory``, which is made. Everything is as old as ``mtime``
    (seconds), since times are no part of what travels.

    Raises NotFound where the context is gone, Mismatch for content that is none, HostError or DiskFull.
    """
    with reported(f"write a context to {directory.parent}"):
        directory.parent.mkdir(parents=True, exist_ok=True)
        file = tempfile.TemporaryFile(dir=directory.parent)  # noqa: SIM115
    with file:
        blob = registry.stream_blob(context.held_by, context.descriptor)
        async for piece in decompressed(blob):
            with reported(f"write a context to {directory.parent}"):
                file.write(piece)
        file.seek(0)
        await asyncio.to_thread(_lay_out, file, directory, mtime)


def _lay_out(archive: IO[bytes], directory: Path, mtime: int) -> None:
    directories: list[tuple[Path, int]] = [(directory, 0o755)]
    with reported(f"write a context to {directory}"):
        directory.mkdir()
        try:
            with tarfile.open(fileobj=archive, mode="r:") as members:
                for member in members:
                    path = _inside(directory, member.name)
                    if member.isdir():
                        path.mkdir()
                        directories.append((path, member.mode))
                    else:
                        _write(members, member, path)
                        os.utime(path, (mtime, mtime), follow_symlinks=False)
        except tarfile.TarError as error:
            raise Mismatch(f"a context cannot be read as a tar archive: {error}") from None
        # innermost first: what is written into a directory changes its time, and may need its rights
        for path, mode in reversed(directories):
            path.chmod(mode)
            os.utime(path, (mtime, mtime))


def _write(members: tarfile.TarFile, member: tarfile.TarInfo, path: Path) -> None:
    if member.issym():
        path.symlink_to(member.linkname)
        return
    content = members.extractfile(member) if member.isreg() else None
    if content is None:
        raise Mismatch(f"a context has {member.name!r}, which is no file, link or directory")
    with content, path.open("xb") as file:
        shutil.copyfileobj(content, file)
    path.chmod(member.mode)


def _inside(directory: Path, name: str) -> Path:
    """The path of an entry. Raises Mismatch for one that leads out of the directory: every directory on the
    way must be one that the archive made."""
    parts = name.strip("/").split("/")
    path = directory.joinpath(*parts)
    above = path.parent
    is_plain = not any(part in ("", ".", "..") for part in parts)
    if not is_plain or above.is_symlink() or not above.is_dir() or above.resolve() != above.absolute():
        raise Mismatch(f"a context has the path {name!r}, which leads out of it")
    return path
