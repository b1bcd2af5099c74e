"""What the embedded registry holds: blobs and manifests by digest, and which repository has what.

The folder is an OCI image layout whose ``index.json`` lists every tag as ``repository:tag``; SQLite is the
truth for repositories, tags, manifests, links to blobs, referrers and uploads. Content reaches its final
name before the row that makes it visible, so that no reader ever sees a part of it.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Self

import msgspec

from shipway.errors import HostError, Mismatch
from shipway.oci.files import locked, reported
from shipway.oci.layout import Layout, named
from shipway.oci.manifest import Descriptor, Manifest
from shipway.registry.server.checked import Checked
from shipway.registry.server.collection import Collected, Collection
from shipway.registry.server.database import Database
from shipway.registry.server.refusal import Refusal, blob_unknown, manifest_unknown
from shipway.registry.server.uploads import Upload, Uploads, is_older
from shipway.values import Digest

_DATABASE = "registry.sqlite3"
_NO_LIMIT = -1
# a use is written down once an hour at most: readers must not become writers
_FRESH_SECONDS = 3600.0
LEAST_GRACE_SECONDS = 2 * _FRESH_SECONDS


class Store:
    """The registry's content in ``directory``, shared by threads and processes.

    Methods raise Refusal for what the protocol answers, HostError or DiskFull when the machine fails.
    """

    def __init__(self, directory: Path, now: Callable[[], float] = time.time) -> None:
        """``now`` gives the time in seconds since the epoch."""
        self.directory = directory
        self._now = now
        self.layout = Layout(directory)
        self.layout.create()
        with locked(directory / ".registry.lock"):
            self._database = self._open(directory / _DATABASE)
        self.uploads = Uploads(directory / "uploads", self._database)
        self._collected = directory / ".registry.collected"
        self._collection = Collection(self.layout, self._database, self.uploads)
        # a process that was killed between a tag and its export left the index behind
        self._export()

    @classmethod
    def existing(cls, directory: Path) -> Self:
        """The store in ``directory``, which must be one: HostError otherwise, and nothing is made."""
        if not (directory / _DATABASE).is_file():
            raise HostError(
                f"{directory} holds no embedded registry",
                cause="nothing was ever pushed to it, or it is another folder",
            )
        return cls(directory)

    def close(self) -> None:
        """Close the database; nothing else may be under way."""
        self._database.close()

    # --- repositories and tags ------------------------------------------------------------------

    def repositories(self, last: str = "", limit: int = _NO_LIMIT) -> list[str]:
        """Names after ``last`` in ASCII order, at most ``limit``."""
        return self._column("SELECT name FROM repository WHERE name > ? ORDER BY name LIMIT ?", last, limit)

    def has_repository(self, repository: str) -> bool:
        """Whether anything was ever pushed to it."""
        return bool(self._column("SELECT 1 FROM repository WHERE name = ?", repository))

    def tags(self, repository: str, last: str = "", limit: int = _NO_LIMIT) -> list[str]:
        """Tags after ``last`` in ASCII order, at most ``limit``."""
        return self._column(
            "SELECT name FROM tag WHERE repository = ? AND name > ? ORDER BY name LIMIT ?",
            repository, last, limit,
        )  # fmt: skip

    def delete_tag(self, repository: str, tag: str) -> None:
        """Refuses with MANIFEST_UNKNOWN when there is no such tag."""
        with self._database.writing() as connection:
            _left_by(connection, repository, [tag], self._now())
            query = "DELETE FROM tag WHERE repository = ? AND name = ?"
            if not connection.execute(query, (repository, tag)).rowcount:
                raise manifest_unknown(tag)
        self._export()

    # --- use ------------------------------------------------------------------------------------

    def is_stale(self, repository: str, digest: Digest) -> bool:
        """Whether a use of the blob or manifest has to be written down; see ``claim``."""
        query = "SELECT used FROM {} WHERE repository = ? AND digest = ? AND used < ?"
        since = self._now() - _FRESH_SECONDS
        with self._database.reading() as connection:
            return any(
                connection.execute(query.format(table), (repository, str(digest), since)).fetchone()
                for table in _USED
            )

    def claim(self, repository: str, digest: Digest) -> None:
        """Keep a blob or manifest, if it is there, from being collected for the grace period from now on.

        Claim first, then look whether it is there: who saw it after its claim can count on it.
        """
        query = "UPDATE {} SET used = ? WHERE repository = ? AND digest = ?"
        with self._database.writing() as connection:
            for table in _USED:
                connection.execute(query.format(table), (self._now(), repository, str(digest)))

    def collect(self, grace: float, *, dry_run: bool = False) -> Collected:
        """Remove what nothing needs and nobody used for ``grace`` seconds (two hours at least), while
        others push and pull: see ``collection``. ``dry_run`` finds the same and writes nothing."""
        collected = self._collection.run(self._now() - max(grace, LEAST_GRACE_SECONDS), dry_run=dry_run)
        if not dry_run:
            with reported("note the collection"):
                self._collected.touch()
        return collected

    def is_due(self, every: float) -> bool:
        """Whether the last collection was more than ``every`` seconds ago; never counts."""
        return not self._collected.exists() or is_older(self._collected, self._now() - every)

    # --- blobs ----------------------------------------------------------------------------------

    def blob_size(self, repository: str, digest: Digest) -> int:
        """The size in bytes of a blob of the repository. Refuses with BLOB_UNKNOWN."""
        if self._column("SELECT 1 FROM link WHERE repository = ? AND digest = ?", repository, str(digest)):
            try:
                return self.layout.blob_path(digest).stat().st_size
            except FileNotFoundError:
                pass  # lost with the disk below us: the client shall push it again
        raise blob_unknown(digest)

    def mount(self, repository: str, digest: Digest, source: str | None) -> bool:
        """Let the repository have a blob that ``source``, or any repository when None, has."""
        query = "SELECT 1 FROM link WHERE digest = ? AND repository = coalesce(?, repository) LIMIT 1"
        with self._database.writing() as connection:
            if not connection.execute(query, (str(digest), source)).fetchone():
                return False
            if not self.layout.blob_path(digest).exists():
                return False
            _link(connection, repository, digest, self._now())
        return True

    def commit(self, repository: str, upload: Upload, digest: Digest) -> None:
        """Make a finished upload a blob of the repository. Refuses with DIGEST_INVALID."""
        actual = upload.digest(digest.algorithm)
        if actual != digest:
            raise Refusal(
                400,
                "DIGEST_INVALID",
                f"the {upload.size} bytes that arrived have digest {actual}",
                detail={"digest": str(digest), "actual": str(actual), "size": upload.size},
            )
        with self._collection.excluded(digest):
            self.layout.adopt(digest, upload.path)
            with self._database.writing() as connection:
                _link(connection, repository, digest, self._now())
        self.uploads.forget(upload.id)

    def delete_blob(self, repository: str, digest: Digest) -> None:
        """Take the blob from this repository; its bytes stay when they serve others. Refuses with
        BLOB_UNKNOWN."""
        if not self._change("DELETE FROM link WHERE repository = ? AND digest = ?", repository, str(digest)):
            raise blob_unknown(digest)
        self._collection.drop(digest)

    # --- manifests ------------------------------------------------------------------------------

    def manifest(self, repository: str, reference: str | Digest) -> tuple[Digest, Manifest]:
        """A manifest by tag or digest, with the digest it is known by. Refuses with MANIFEST_UNKNOWN."""
        with self._database.reading() as connection:
            row = connection.execute(*_find(repository, reference)).fetchone()
        data = self.layout.read(Digest.parse(row[0])) if row else None
        if data is None:
            raise manifest_unknown(str(reference))
        return Digest.parse(row[0]), Manifest(row[1], data)

    def put_manifest(self, repository: str, checked: Checked, tags: Sequence[str]) -> None:
        """Store a manifest and let ``tags`` point to it, all at once.

        Refuses with MANIFEST_BLOB_UNKNOWN unless the repository has all it needs; a ``subject`` may come
        later.
        """
        with self._collection.excluded(checked.digest):
            self.layout.write(checked.digest, checked.manifest.data)
            with self._database.writing() as connection:
                _require_content(connection, repository, checked)
                connection.execute("INSERT OR IGNORE INTO repository VALUES (?)", (repository,))
                connection.execute(_PUT_MANIFEST, (*_row(repository, checked), self._now()))
                _need(connection, repository, checked.digest, [*checked.blobs, *checked.children])
                _left_by(connection, repository, tags, self._now())
                connection.executemany(_PUT_TAG, [(repository, tag, str(checked.digest)) for tag in tags])
        if tags:
            self._export()

    def delete_manifest(self, repository: str, digest: Digest) -> None:
        """Remove a manifest and every tag on it. Refuses with MANIFEST_UNKNOWN."""
        with self._database.writing() as connection:
            # who deleted it by mistake can put it again as long as its parts are here
            connection.execute(_USE_BLOBS, (self._now(), repository, str(digest)))
            connection.execute(_USE_MANIFESTS, (self._now(), repository, str(digest)))
            query = "DELETE FROM manifest WHERE repository = ? AND digest = ?"
            if not connection.execute(query, (repository, str(digest))).rowcount:
                raise manifest_unknown(str(digest))
        self._export()

    def referrers(
        self,
        repository: str,
        subject: Digest,
        artifact_type: str | None = None,
        last: str = "",
        limit: int = _NO_LIMIT,
    ) -> list[Descriptor]:
        """Manifests of the repository whose subject is ``subject``, by digest, after the digest ``last``,
        at most ``limit``."""
        rows = self._column(
            "SELECT descriptor FROM manifest WHERE repository = ? AND subject = ? AND digest > ?"
            " AND coalesce(artifact_type, '') = coalesce(?, artifact_type, '') ORDER BY digest LIMIT ?",
            repository, str(subject), last, artifact_type, limit,
        )  # fmt: skip
        return [msgspec.json.decode(row, type=Descriptor) for row in rows]

    # --- inside ---------------------------------------------------------------------------------

    def _open(self, path: Path) -> Database:
        if not path.exists() and self.layout.entries():
            # our export would wipe the entries of whoever made this layout
            raise HostError(
                f"{self.directory} is an image layout with content of its own",
                cause="the embedded registry did not write it",
                help="name an empty folder, and copy the images there",
            )
        return Database(path, self._upgraded)

    def _upgraded(self, connection: sqlite3.Connection) -> None:
        """Fill in what the manifests of a database of version 1 need."""
        for repository, digest in connection.execute("SELECT repository, digest FROM manifest").fetchall():
            try:
                data = self.layout.read(Digest.parse(digest))
            except Mismatch:
                data = None
            if data is None:
                # nobody can tell what a damaged one needed, so nothing of its repository is collected
                connection.execute(
                    "INSERT INTO need SELECT repository, ?1, digest FROM link WHERE repository = ?2"
                    " UNION SELECT repository, ?1, digest FROM manifest WHERE repository = ?2",
                    (digest, repository),
                )
                continue
            manifest = Manifest("", data)
            parts = [part.parsed_digest for part in (*manifest.blobs, *manifest.children)]
            _need(connection, repository, Digest.parse(digest), parts)

    def _column(self, query: str, *parameters: str | int | None) -> list[str]:
        with self._database.reading() as connection:
            return [row[0] for row in connection.execute(query, parameters)]

    def _change(self, query: str, *parameters: str) -> bool:
        with self._database.writing() as connection:
            return connection.execute(query, parameters).rowcount > 0

    def _export(self) -> None:
        """Bring ``index.json`` up to date. Many writers that wait for each other share one writing."""
        with self.layout.locked():
            with self._database.reading() as connection:
                changed, written = connection.execute("SELECT changed, written FROM export").fetchone()
                if changed == written:
                    return
                rows = connection.execute(
                    "SELECT tag.repository, tag.name, media_type, manifest.digest, size"
                    " FROM tag JOIN manifest USING (repository, digest) ORDER BY tag.repository, tag.name"
                ).fetchall()
            self.layout.replace_entries(
                named(Descriptor(media_type, digest, size), f"{repository}:{tag}")
                for repository, tag, media_type, digest, size in rows
            )
            self._change("UPDATE export SET written = ?", changed)


_USED = ("link", "manifest")
_USE_BLOBS = (
    "UPDATE link SET used = ?1 WHERE repository = ?2 AND digest IN"
    " (SELECT needed FROM need WHERE repository = ?2 AND digest = ?3)"
)
_USE_MANIFESTS = (
    "UPDATE manifest SET used = ?1 WHERE repository = ?2 AND (subject = ?3 OR digest IN"
    " (SELECT needed FROM need WHERE repository = ?2 AND digest = ?3))"
)
_PUT_MANIFEST = (
    "INSERT INTO manifest VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (repository, digest) DO UPDATE"
    " SET media_type = excluded.media_type, artifact_type = excluded.artifact_type,"
    " descriptor = excluded.descriptor, used = excluded.used"
)
_PUT_TAG = (
    "INSERT INTO tag VALUES (?, ?, ?) ON CONFLICT (repository, name) DO UPDATE"
    " SET digest = excluded.digest WHERE digest != excluded.digest"
)


def _link(connection: sqlite3.Connection, repository: str, digest: Digest, now: float) -> None:
    connection.execute("INSERT OR IGNORE INTO repository VALUES (?)", (repository,))
    connection.execute(
        "INSERT INTO link VALUES (?, ?, ?) ON CONFLICT (repository, digest) DO UPDATE"
        " SET used = excluded.used",
        (repository, str(digest), now),
    )


def _need(connection: sqlite3.Connection, repository: str, digest: Digest, parts: Sequence[Digest]) -> None:
    connection.execute("DELETE FROM need WHERE repository = ? AND digest = ?", (repository, str(digest)))
    rows = [(repository, str(digest), str(part)) for part in parts]
    connection.executemany("INSERT OR IGNORE INTO need VALUES (?, ?, ?)", rows)


def _left_by(connection: sqlite3.Connection, repository: str, tags: Sequence[str], now: float) -> None:
    """Let the grace period of what the tags point to begin: they are about to leave it."""
    connection.executemany(
        "UPDATE manifest SET used = ?1 WHERE repository = ?2 AND digest IN"
        " (SELECT digest FROM tag WHERE repository = ?2 AND name = ?3)",
        [(now, repository, tag) for tag in tags],
    )


def _find(repository: str, reference: str | Digest) -> tuple[str, tuple[str, str]]:
    if isinstance(reference, Digest):
        query = "SELECT digest, media_type FROM manifest WHERE repository = ? AND digest = ?"
    else:
        query = (
            "SELECT digest, media_type FROM tag JOIN manifest USING (repository, digest)"
            " WHERE repository = ? AND name = ?"
        )
    return query, (repository, str(reference))


def _row(repository: str, checked: Checked) -> tuple[str | int | None, ...]:
    descriptor = checked.descriptor
    return (
        repository,
        descriptor.digest,
        descriptor.media_type,
        descriptor.size,
        str(checked.subject) if checked.subject else None,
        descriptor.artifact_type,
        msgspec.json.encode(descriptor).decode(),
    )


_HAS_BLOB = "SELECT 1 FROM link WHERE repository = ?1 AND digest = ?2"
# BuildKit's cache is an index over blobs, so a child may be either
_HAS_CHILD = (
    "SELECT 1 FROM manifest WHERE repository = ?1 AND digest = ?2"
    " UNION ALL SELECT 1 FROM link WHERE repository = ?1 AND digest = ?2"
)


def _require_content(connection: sqlite3.Connection, repository: str, checked: Checked) -> None:
    wanted = [(_HAS_BLOB, digest) for digest in checked.blobs]
    wanted += [(_HAS_CHILD, digest) for digest in checked.children]
    missing = [
        str(digest)
        for query, digest in wanted
        if not connection.execute(query, (repository, str(digest))).fetchone()
    ]
    if missing:
        raise Refusal(
            400,
            "MANIFEST_BLOB_UNKNOWN",
            f"the manifest needs content that the repository lacks: {', '.join(missing)}",
            detail={"digests": missing},
        )
