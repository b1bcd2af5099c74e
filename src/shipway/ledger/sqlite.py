"""The SQLite ledger of one fleet."""

from __future__ import annotations

import fcntl
import json
import os
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from shipway.errors import DiskFull, LedgerError, Locked
from shipway.ledger.schema import MIGRATIONS
from shipway.oci.files import release
from shipway.ports import Delivery, Event, RunRecord

_DELIVERY_COLUMNS = (
    "image, fingerprint, reference, digest, platforms, tags, size, seconds, verified, run, stand_in"
)


class SqliteLedger:
    """The ledger in ``directory``/ledger.db, in WAL mode; only ever appended to.

    With ``directory`` None, or ``create`` False where there is none yet, it is empty and lives in memory.
    A run holds ``directory``, and ``root``, the fleet's own directory, so that no other run of the fleet goes
    on meanwhile that has its state elsewhere.
    """

    def __init__(self, directory: Path | None, *, create: bool = True, root: Path | None = None) -> None:
        self._directory = directory
        self._root = root
        self._locks: list[int] = []
        path = ":memory:"
        if directory is not None and (create or (directory / "ledger.db").exists()):
            _make_directory(directory)
            path = str(directory / "ledger.db")
        with _explained(path):
            self._db = sqlite3.connect(path, isolation_level=None, timeout=10, check_same_thread=False)
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = NORMAL")
            self._migrate()

    def _migrate(self) -> None:
        (done,) = self._db.execute("PRAGMA user_version").fetchone()
        if done > len(MIGRATIONS):
            raise LedgerError(
                "the ledger was written by a newer Shipway",
                help="upgrade Shipway, or use another state directory",
            )
        for version, script in enumerate(MIGRATIONS[done:], start=done + 1):
            self._db.executescript(f"BEGIN; {script}; PRAGMA user_version = {version}; COMMIT;")

    # --- runs ---------------------------------------------------------------------------------

    def begin(self, command: str, plan: Mapping[str, object], at: datetime, kind: str = "ship") -> int:
        """Open a run. Runs that a killed process left open are closed as interrupted first."""
        self._acquire()
        with _explained():
            self._db.execute(
                "UPDATE runs SET state = 'interrupted', finished = ? WHERE state = 'running'",
                (at.isoformat(),),
            )
            cursor = self._db.execute(
                "INSERT INTO runs (command, started, state, plan, kind) VALUES (?, ?, 'running', ?, ?)",
                (command, at.isoformat(), _encode(plan), kind),
            )
        return int(cursor.lastrowid or 0)

    def finish(self, run: int, state: str, at: datetime) -> None:
        with _explained():
            self._db.execute(
                "UPDATE runs SET state = ?, finished = ? WHERE id = ?", (state, at.isoformat(), run)
            )
        self._release()

    def runs(self, limit: int = 20, kind: str | None = None) -> list[RunRecord]:
        query = (
            "SELECT id, command, started, finished, state, plan, kind FROM runs"
            " WHERE kind = coalesce(?, kind) ORDER BY id DESC LIMIT ?"
        )
        with _explained():
            rows = self._db.execute(query, (kind, limit)).fetchall()
        return [
            RunRecord(
                run,
                command,
                datetime.fromisoformat(started),
                datetime.fromisoformat(finished) if finished else None,
                state,
                json.loads(plan),
                kind,
            )
            for run, command, started, finished, state, plan, kind in rows
        ]

    # --- events -------------------------------------------------------------------------------

    def append(self, run: int, event: Event, at: datetime) -> None:
        with _explained():
            self._db.execute(
                "INSERT INTO events (run, at, kind, image, data) VALUES (?, ?, ?, ?, ?)",
                (run, at.isoformat(), event.kind, event.image, _encode(event.data)),
            )

    def events(self, run: int) -> list[tuple[datetime, Event]]:
        query = "SELECT at, kind, image, data FROM events WHERE run = ? ORDER BY seq"
        with _explained():
            rows = self._db.execute(query, (run,)).fetchall()
        return [
            (datetime.fromisoformat(at), Event(kind, image, json.loads(data)))
            for at, kind, image, data in rows
        ]

    def last(self, kind: str, image: str, fingerprint: str) -> tuple[int, Event] | None:
        query = (
            "SELECT run, data FROM events WHERE image = ? AND kind = ?"
            " AND json_extract(data, '$.fingerprint') = ? ORDER BY seq DESC LIMIT 1"
        )
        with _explained():
            row = self._db.execute(query, (image, kind, fingerprint)).fetchone()
        return (row[0], Event(kind, image, json.loads(row[1]))) if row else None

    # --- deliveries ---------------------------------------------------------------------------

    def deliver(self, delivery: Delivery, inputs: bytes) -> None:
        values = (
            delivery.image,
            delivery.fingerprint,
            delivery.reference,
            delivery.digest,
            _encode(delivery.platforms),
            _encode(delivery.tags),
            delivery.size,
            delivery.seconds,
            delivery.verified.isoformat(),
            delivery.run,
            delivery.stand_in,
        )
        marks = ", ".join("?" * len(values))
        with _explained(), self._db:
            self._db.execute("BEGIN")
            self._db.execute(
                "INSERT OR REPLACE INTO inputs (fingerprint, data) VALUES (?, ?)",
                (delivery.fingerprint, inputs),
            )
            self._db.execute(f"INSERT INTO deliveries ({_DELIVERY_COLUMNS}) VALUES ({marks})", values)  # noqa: S608

    def deliveries(self, run: int | None = None) -> list[Delivery]:
        if run is None:
            return self._deliveries("id IN (SELECT max(id) FROM deliveries GROUP BY image) ORDER BY id", ())
        return self._deliveries("run = ? ORDER BY id", (run,))

    def delivered(self, image: str, fingerprint: str) -> Delivery | None:
        found = self._deliveries(
            "image = ? AND fingerprint = ? ORDER BY id DESC LIMIT 1", (image, fingerprint)
        )
        return found[0] if found else None

    def delivery(self, image: str, digest: str, run: int) -> Delivery | None:
        wanted = "image = ? AND digest = ? AND run <= ? ORDER BY id DESC LIMIT 1"
        found = self._deliveries(wanted, (image, digest, run))
        return found[0] if found else None

    def inputs(self, fingerprint: str) -> bytes | None:
        with _explained():
            row = self._db.execute("SELECT data FROM inputs WHERE fingerprint = ?", (fingerprint,)).fetchone()
        return row[0] if row else None

    def _deliveries(self, where: str, values: tuple[object, ...]) -> list[Delivery]:
        query = f"SELECT {_DELIVERY_COLUMNS} FROM deliveries WHERE {where}"  # noqa: S608
        with _explained():
            return [_delivery(row) for row in self._db.execute(query, values).fetchall()]

    # --- locking ------------------------------------------------------------------------------

    def close(self) -> None:
        self._release()
        self._db.close()

    def _acquire(self) -> None:
        if self._directory is None:
            return
        self._hold(self._directory / "lock", os.O_RDWR | os.O_CREAT)
        if self._root is not None:
            # some network file systems lock no directory; then the state directory alone is held
            with suppress(OSError):
                self._hold(self._root, os.O_RDONLY | os.O_DIRECTORY)

    def _hold(self, path: Path, flags: int) -> None:
        lock = os.open(path, flags | os.O_CLOEXEC, 0o644)
        self._locks.append(lock)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._release()
            raise Locked(
                "another run of Shipway is delivering this fleet",
                cause=f"{path} is held by a running process",
                help="wait for it to end, then run this command again",
            ) from None

    def _release(self) -> None:
        while self._locks:
            release(self._locks.pop())


def _make_directory(directory: Path) -> None:
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise LedgerError(
            f"cannot create the state directory {directory}: {error.strerror}",
            help="name another one with --state DIR or SHIPWAY_STATE_DIR",
        ) from None


def _encode(value: object) -> str:
    """JSON in ASCII, so that names that are no UTF-8 can be kept."""
    return json.dumps(msgspec.to_builtins(value))


def _delivery(row: tuple[Any, ...]) -> Delivery:
    image, fingerprint, reference, digest, platforms, tags, size, seconds, verified, run, stand_in = row
    return Delivery(
        image=image,
        fingerprint=fingerprint,
        reference=reference,
        digest=digest,
        platforms=tuple(json.loads(platforms)),
        tags=tuple(json.loads(tags)),
        size=size,
        seconds=seconds,
        verified=datetime.fromisoformat(verified),
        run=run,
        stand_in=bool(stand_in),
    )


@contextmanager
def _explained(path: str = "") -> Iterator[None]:
    """Turn SQLite's errors into ours."""
    try:
        yield
    except sqlite3.Error as error:
        text = str(error)
        if "disk is full" in text or "disk I/O error" in text:
            raise DiskFull(
                "the ledger cannot be written",
                cause="no space left on the device that holds the state directory",
                help="free some space and run the same command again: it resumes",
            ) from None
        where = f" {path}" if path else ""
        raise LedgerError(
            f"the ledger{where} cannot be used: {text}", help="name another state directory with --state DIR"
        ) from None
