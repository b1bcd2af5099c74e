"""Uploads in progress: one file each, that outlives the process and has one writer at a time."""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from shipway.oci.files import release, reported
from shipway.registry.server.database import Database
from shipway.registry.server.refusal import Refusal, upload_unknown
from shipway.values import Digest

if TYPE_CHECKING:
    from hashlib import _Hash

_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z")
_READ_BYTES = 1 << 20


class Upload:
    """An upload that this request alone may write. ``size`` is in bytes."""

    def __init__(self, id: str, path: Path, descriptor: int, hasher: _Hash | None) -> None:
        self.id = id
        self.path = path
        self.size = os.fstat(descriptor).st_size
        self._descriptor = descriptor
        self.hasher = hasher

    @property
    def in_place(self) -> bool:
        """Whether the file is still the upload: neither cancelled nor moved in as a blob."""
        return _same_file(self._descriptor, self.path)

    def append(self, pieces: Sequence[bytes]) -> None:
        """Write at the end, hashing on the way. Raises OSError."""
        for piece in pieces:
            view = memoryview(piece)
            while view:
                written = os.pwrite(self._descriptor, view, self.size)
                if self.hasher:
                    self.hasher.update(view[:written])
                self.size += written
                view = view[written:]

    def truncate(self, size: int) -> None:
        """Forget everything after the first ``size`` bytes."""
        os.ftruncate(self._descriptor, size)
        self.size = size
        self.hasher = None

    def digest(self, algorithm: str) -> Digest:
        """The digest of all bytes: the one kept while writing, else by reading the file."""
        if self.hasher and self.hasher.name == algorithm:
            return Digest(algorithm, self.hasher.hexdigest())
        hasher = hashlib.new(algorithm)
        offset = 0
        while piece := os.pread(self._descriptor, _READ_BYTES, offset):
            hasher.update(piece)
            offset += len(piece)
        return Digest(algorithm, hasher.hexdigest())


class Uploads:
    """The uploads in ``directory``. Hashes are kept in memory from request to request."""

    def __init__(self, directory: Path, database: Database) -> None:
        self._directory = directory
        self._database = database
        self._hashes: dict[str, tuple[int, _Hash]] = {}
        with reported(f"create {directory}"):
            directory.mkdir(exist_ok=True)

    def begin(self, repository: str, algorithm: str = "sha256") -> str:
        """Open an upload and return its id. ``algorithm`` is the digest that the client announces."""
        id = str(uuid.uuid4())
        with reported("open an upload"):
            self._path(id).touch(exist_ok=False)
        with self._database.writing() as connection:
            connection.execute("INSERT INTO upload VALUES (?, ?)", (id, repository))
        self._hashes[id] = (0, hashlib.new(algorithm))
        return id

    def size(self, repository: str, id: str) -> int:
        """How many bytes have arrived. Refuses with BLOB_UPLOAD_UNKNOWN."""
        self._require(repository, id)
        try:
            return self._path(id).stat().st_size
        except FileNotFoundError:
            raise upload_unknown(id) from None

    @contextmanager
    def writing(self, repository: str, id: str) -> Iterator[Upload]:
        """The upload for one writer; when the body raises, it is left as it was before.

        Refuses with BLOB_UPLOAD_UNKNOWN, and with BLOB_UPLOAD_INVALID while another request writes.
        """
        self._require(repository, id)
        descriptor = self._lock(id)
        try:
            upload = Upload(id, self._path(id), descriptor, None)
            before = upload.size
            upload.hasher = self._hash_at(id, before)
            try:
                yield upload
            except BaseException:
                # what has become a blob is no longer ours to cut
                if upload.in_place:
                    upload.truncate(before)
                raise
            if upload.hasher and upload.in_place:
                self._hashes[id] = (upload.size, upload.hasher)
        finally:
            release(descriptor)

    def forget(self, id: str) -> None:
        """Drop what is known of an upload whose file is gone or has become a blob."""
        self._hashes.pop(id, None)
        with self._database.writing() as connection:
            connection.execute("DELETE FROM upload WHERE id = ?", (id,))

    def cancel(self, repository: str, id: str) -> None:
        """Give the upload up. Refuses as ``writing`` does."""
        with self.writing(repository, id) as upload:
            upload.path.unlink()
        self.forget(id)

    def abandoned(self, since: float, *, dry_run: bool) -> Iterator[Path]:
        """The files of uploads that nobody wrote to since ``since`` (seconds since the epoch).

        Each is held until the next is asked for, and then forgotten: remove it before. ``dry_run`` forgets
        nothing.
        """
        with self._database.reading() as connection:
            ids = {row[0] for row in connection.execute("SELECT id FROM upload")}
        for path in sorted(self._directory.iterdir()):
            ids.discard(path.name)
            # a lock is taken on old ones only: its writer would be told that somebody else writes
            if not is_older(path, since):
                continue
            try:
                descriptor = self._lock(path.name)
            except Refusal:
                continue  # somebody writes to it, or ended it just now
            try:
                if not is_older(path, since):
                    continue
                yield path
            finally:
                release(descriptor)
            if not dry_run:
                self.forget(path.name)
        # a process that was killed between a blob and its upload's end left the row
        for id in () if dry_run else ids:
            self.forget(id)

    def _path(self, id: str) -> Path:
        return self._directory / id

    def _require(self, repository: str, id: str) -> None:
        if not _ID.match(id):
            raise upload_unknown(id)
        with self._database.reading() as connection:
            row = connection.execute("SELECT repository FROM upload WHERE id = ?", (id,)).fetchone()
        if row is None or row[0] != repository:
            raise upload_unknown(id)

    def _lock(self, id: str) -> int:
        try:
            descriptor = os.open(self._path(id), os.O_RDWR)
        except FileNotFoundError:
            raise upload_unknown(id) from None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # between open and lock, another request may have made this very file a blob
            if not _same_file(descriptor, self._path(id)):
                raise upload_unknown(id)
        except BlockingIOError:
            os.close(descriptor)
            raise Refusal(409, "BLOB_UPLOAD_INVALID", "another request writes to this upload") from None
        except BaseException:
            release(descriptor)
            raise
        return descriptor

    def _hash_at(self, id: str, size: int) -> _Hash | None:
        known = self._hashes.get(id)
        if known is None:
            return hashlib.new("sha256") if size == 0 else None
        return known[1].copy() if known[0] == size else None


def is_older(path: Path, since: float) -> bool:
    """Whether the file is there and was last written before ``since`` (seconds since the epoch)."""
    try:
        return path.stat().st_mtime < since
    except FileNotFoundError:
        return False


def _same_file(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False
