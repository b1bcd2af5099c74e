"""The SQLite database of the embedded registry: its schema, and transactions over a pool of connections.

Write-ahead logging lets readers go on while one writes, among threads and processes. ``synchronous=NORMAL``
loses nothing when a process is killed; after a power cut the last transactions may be missing, never torn.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from shipway.errors import DiskFull, HostError

_VERSION = 2
_BUSY_SECONDS = 60.0
_SCHEMA = """
CREATE TABLE repository (name TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE link (
    repository TEXT NOT NULL REFERENCES repository,
    digest TEXT NOT NULL,
    used REAL NOT NULL,
    PRIMARY KEY (repository, digest)
) WITHOUT ROWID;
CREATE INDEX link_digest ON link (digest);
CREATE TABLE manifest (
    repository TEXT NOT NULL REFERENCES repository,
    digest TEXT NOT NULL,
    media_type TEXT NOT NULL,
    size INTEGER NOT NULL,
    subject TEXT,
    artifact_type TEXT,
    descriptor TEXT NOT NULL,
    used REAL NOT NULL,
    PRIMARY KEY (repository, digest)
) WITHOUT ROWID;
CREATE INDEX manifest_subject ON manifest (repository, subject, digest) WHERE subject IS NOT NULL;
CREATE TABLE tag (
    repository TEXT NOT NULL,
    name TEXT NOT NULL,
    digest TEXT NOT NULL,
    PRIMARY KEY (repository, name),
    FOREIGN KEY (repository, digest) REFERENCES manifest ON DELETE CASCADE
) WITHOUT ROWID;
CREATE INDEX tag_digest ON tag (repository, digest);
CREATE TABLE upload (
    id TEXT PRIMARY KEY,
    repository TEXT NOT NULL
) WITHOUT ROWID;
-- how often the tags changed, and the count that index.json was last written for
CREATE TABLE export (changed INTEGER NOT NULL, written INTEGER NOT NULL);
INSERT INTO export VALUES (0, -1);
CREATE TRIGGER tag_added AFTER INSERT ON tag BEGIN UPDATE export SET changed = changed + 1; END;
CREATE TRIGGER tag_moved AFTER UPDATE ON tag BEGIN UPDATE export SET changed = changed + 1; END;
CREATE TRIGGER tag_removed AFTER DELETE ON tag BEGIN UPDATE export SET changed = changed + 1; END;
"""
# version 1 knew neither when content was used nor what manifests need; the store fills in the latter
_SINCE_2 = """
CREATE INDEX manifest_digest ON manifest (digest);
-- the blobs and manifests that a manifest names, its subject aside
CREATE TABLE need (
    repository TEXT NOT NULL,
    digest TEXT NOT NULL,
    needed TEXT NOT NULL,
    PRIMARY KEY (repository, digest, needed),
    FOREIGN KEY (repository, digest) REFERENCES manifest ON DELETE CASCADE
) WITHOUT ROWID;
"""
_FROM_1 = """
ALTER TABLE link ADD COLUMN used REAL NOT NULL DEFAULT 0;
ALTER TABLE manifest ADD COLUMN used REAL NOT NULL DEFAULT 0;
UPDATE link SET used = strftime('%s');
UPDATE manifest SET used = strftime('%s');
"""
_CAUSES = {
    sqlite3.SQLITE_BUSY: "another process kept it locked for a minute",
    sqlite3.SQLITE_READONLY: "it is read-only",
    sqlite3.SQLITE_IOERR: "the disk failed, or a file size limit was reached",
    sqlite3.SQLITE_CORRUPT: "the file is damaged",
    sqlite3.SQLITE_NOTADB: "the file is no SQLite database",
    sqlite3.SQLITE_CANTOPEN: "the file cannot be opened",
}


class Database:
    """Transactions on the database file ``path``; every thread may use it.

    Each method raises HostError, DiskFull when there is no space left. Whoever opens a new file
    sees to it that nobody else does at the same time: SQLite does not wait for a switch to WAL.
    """

    def __init__(self, path: Path, upgraded: Callable[[sqlite3.Connection], None]) -> None:
        """``upgraded`` completes the rows of a file of version 1, within the same transaction."""
        self._path = path
        self._upgraded = upgraded
        self._idle: list[sqlite3.Connection] = []
        # SQLite's waiting for a lock is a poll; among threads of one process a mutex is fair and quick
        self._writer = threading.Lock()
        with self._reported():
            connection = self._connect()
            try:
                self._prepare(connection)
            except BaseException:
                connection.close()
                raise
            self._idle.append(connection)

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """A transaction that sees one state of the database and never waits for a writer."""
        with self._transaction("BEGIN") as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """A transaction that writes; it is undone when the body raises."""
        with self._writer, self._transaction("BEGIN IMMEDIATE") as connection:
            yield connection

    def close(self) -> None:
        """Close every connection; no transaction may be open."""
        while self._idle:
            self._idle.pop().close()

    @contextmanager
    def _transaction(self, begin: str) -> Iterator[sqlite3.Connection]:
        with self._reported():
            connection = self._idle.pop() if self._idle else self._connect()
            try:
                connection.execute(begin)
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                # a failed COMMIT may or may not have ended the transaction
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise
            finally:
                self._idle.append(connection)

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self._path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False
        )
        try:
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute("PRAGMA foreign_keys = ON")
        except BaseException:
            connection.close()
            raise
        return connection

    def _prepare(self, connection: sqlite3.Connection) -> None:
        connection.execute("PRAGMA journal_mode = WAL")
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version == 0:
            script = f"BEGIN; {_SCHEMA} {_SINCE_2} PRAGMA user_version = {_VERSION}; COMMIT;"
            connection.executescript(script)
        elif version == 1:
            self._upgrade(connection)
        elif version != _VERSION:
            raise HostError(
                f"{self._path} has version {version}, this Shipway knows version {_VERSION}",
                cause="a newer Shipway wrote it",
                help="upgrade Shipway, or name another folder",
            )

    def _upgrade(self, connection: sqlite3.Connection) -> None:
        connection.execute("BEGIN IMMEDIATE")
        # not executescript, which would commit first
        for statement in (_FROM_1 + _SINCE_2).split(";"):
            connection.execute(statement)
        self._upgraded(connection)
        connection.execute(f"PRAGMA user_version = {_VERSION}")
        connection.execute("COMMIT")

    @contextmanager
    def _reported(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.OperationalError, sqlite3.DatabaseError) as error:
            if isinstance(error, sqlite3.IntegrityError):
                raise
            # extended codes carry the primary one in their low byte
            code = getattr(error, "sqlite_errorcode", 0) & 0xFF
            if code == sqlite3.SQLITE_FULL:
                raise DiskFull(
                    f"cannot write {self._path}",
                    cause="no space left on device",
                    help="free some space and repeat; nothing is half written",
                ) from None
            if code not in _CAUSES:
                raise
            raise HostError(f"cannot use {self._path}: {error}", cause=_CAUSES[code]) from None
