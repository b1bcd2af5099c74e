"""Garbage collection: what nothing needs and nobody used for a while goes, while others push and pull.

Kept is, by repository: what has a tag, what was used since (pushed, mounted, asked for by digest, or left by
its last tag), what these need, all the way down, what refers to a kept manifest, and the subject of a kept
one. One transaction decides and takes the rest out of the database; only then files go whose digest is in
no row. SQLite lets one writer in at a time, so a claim comes before the decision or finds nothing; and since
a push moves its file in under the same lock that this takes to remove one, no fresh file is removed.
Killed at any moment, it leaves at most files that no row names, which the next run removes.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from shipway.errors import InvalidValue
from shipway.oci.files import locked, reported
from shipway.oci.layout import Layout
from shipway.registry.server.database import Database
from shipway.registry.server.uploads import Uploads, is_older
from shipway.values import Digest

_KEPT = """
WITH RECURSIVE kept (repository, digest) AS (
    SELECT repository, digest FROM tag
    UNION SELECT repository, digest FROM manifest WHERE used >= :since
    UNION SELECT need.repository, needed FROM kept JOIN need USING (repository, digest)
    UNION SELECT manifest.repository, manifest.digest FROM kept JOIN manifest
        ON manifest.repository = kept.repository AND manifest.subject = kept.digest
    UNION SELECT manifest.repository, subject FROM kept JOIN manifest USING (repository, digest)
        WHERE subject IS NOT NULL
)
"""
_UNKEPT_MANIFESTS = "SELECT repository, digest FROM manifest EXCEPT SELECT * FROM kept"
_UNKEPT_LINKS = "SELECT repository, digest FROM link WHERE used < :since EXCEPT SELECT * FROM kept"
_NAMED = "SELECT 1 FROM link WHERE digest = ?1 UNION ALL SELECT 1 FROM manifest WHERE digest = ?1 LIMIT 1"
_Pairs = list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Collected:
    """What went: manifests as ``repository@digest``, links of blobs to repositories in the same form, files
    of blobs and manifests, uploads that were given up, and ``size``, the bytes of all files removed."""

    manifests: tuple[str, ...] = ()
    links: tuple[str, ...] = ()
    files: int = 0
    uploads: int = 0
    size: int = 0


@dataclass(slots=True)
class _Sweep:
    """Files as they go; with ``dry_run`` they are only counted."""

    dry_run: bool
    size: int = 0
    removed: int = 0

    def remove(self, path: Path) -> None:
        try:
            size = path.stat().st_size
            if not self.dry_run:
                path.unlink()
        except FileNotFoundError:
            return  # another process collects too
        self.size += size
        self.removed += 1


class Collection:
    """Collects the garbage of one store."""

    def __init__(self, layout: Layout, database: Database, uploads: Uploads) -> None:
        self._layout = layout
        self._database = database
        self._uploads = uploads
        self._locks = layout.directory / "locks"
        with reported(f"create {self._locks}"):
            self._locks.mkdir(exist_ok=True)

    def excluded(self, digest: Digest) -> AbstractContextManager[None]:
        """Hold while a file becomes the content of ``digest`` and gets its row: no collection removes it
        in between, in this process or another."""
        # few files, many locks: others of the same two letters wait, which is rare
        return locked(self._locks / digest.hex[:2])

    def drop(self, digest: Digest) -> None:
        """Remove the file of ``digest`` at once, unless a row names it."""
        with self.excluded(digest):
            for unnamed in self._still_unnamed([digest]):
                _Sweep(dry_run=False).remove(self._layout.blob_path(unnamed))

    def run(self, since: float, *, dry_run: bool) -> Collected:
        """Remove what was not used since ``since``, in seconds since the epoch, and is not kept."""
        manifests, links, named = self._decide(since, dry_run=dry_run)
        files, rest = _Sweep(dry_run), _Sweep(dry_run)
        self._remove_files(files, named)
        for path in self._uploads.abandoned(since, dry_run=dry_run):
            rest.remove(path)
        uploads = rest.removed
        for path in self._layout.directory.glob(".*.tmp"):
            # a writer that was killed left it
            if is_older(path, since):
                rest.remove(path)
        size = files.size + rest.size
        return Collected(_shown(manifests), _shown(links), files.removed, uploads, size)

    def _decide(self, since: float, *, dry_run: bool) -> tuple[_Pairs, _Pairs, frozenset[str]]:
        """Manifests and links that go, and the digests that stay named by a row."""
        opened = self._database.reading() if dry_run else self._database.writing()
        with opened as connection:
            manifests = connection.execute(_KEPT + _UNKEPT_MANIFESTS, {"since": since}).fetchall()
            links = connection.execute(_KEPT + _UNKEPT_LINKS, {"since": since}).fetchall()
            named = _rest(connection, "manifest", manifests) | _rest(connection, "link", links)
            if not dry_run:
                for table, gone in (("manifest", manifests), ("link", links)):
                    query = f"DELETE FROM {table} WHERE repository = ? AND digest = ?"  # noqa: S608
                    connection.executemany(query, gone)
        return manifests, links, named

    def _remove_files(self, sweep: _Sweep, named: frozenset[str]) -> None:
        """Remove the files of digests that were not among ``named`` and still are in no row."""
        for _, group in groupby(sorted(self._unnamed(named), key=_bucket), key=_bucket):
            digests = list(group)
            # a dry run takes no lock, and its rows are all there still
            with nullcontext() if sweep.dry_run else self.excluded(digests[0]):
                for digest in digests if sweep.dry_run else self._still_unnamed(digests):
                    sweep.remove(self._layout.blob_path(digest))

    def _unnamed(self, named: frozenset[str]) -> Iterable[Digest]:
        for algorithm in ("sha256", "sha512"):
            for path in (self._layout.directory / "blobs" / algorithm).iterdir():
                try:
                    digest = Digest.parse(f"{algorithm}:{path.name}")
                except InvalidValue:
                    continue  # not ours
                if str(digest) not in named:
                    yield digest

    def _still_unnamed(self, digests: list[Digest]) -> list[Digest]:
        with self._database.reading() as connection:
            return [digest for digest in digests if not connection.execute(_NAMED, (str(digest),)).fetchone()]


def _rest(connection: sqlite3.Connection, table: str, gone: _Pairs) -> frozenset[str]:
    rows = connection.execute(f"SELECT repository, digest FROM {table}").fetchall()  # noqa: S608
    return frozenset(digest for _, digest in set(rows).difference(gone))


def _bucket(digest: Digest) -> str:
    return digest.hex[:2]


def _shown(pairs: _Pairs) -> tuple[str, ...]:
    return tuple(sorted(f"{repository}@{digest}" for repository, digest in pairs))
