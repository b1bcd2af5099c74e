"""What the embedded registry holds: blobs and manifests by digest, and which repository has what.

The folder is an OCI image layout whose ``index.json`` lists every tag as ``repository:tag``; SQLite is the
truth for repositories, tags, manifests, links to blobs, referrers and uploads. Content reaches its final
name before the row that makes it visible, so that no reader ever sees a part of it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from pathlib import Path

import msgspec

from shipway.errors import HostError
from shipway.oci.files import locked
from shipway.oci.layout import Layout, named
from shipway.oci.manifest import Descriptor, Manifest
from shipway.registry.server.checked import Checked
from shipway.registry.server.database import Database
from shipway.registry.server.refusal import Refusal, blob_unknown, manifest_unknown
from shipway.registry.server.uploads import Upload, Uploads
from shipway.values import Digest

_NO_LIMIT = -1


class Store:
    """The registry's content in ``directory``, shared by threads and processes.

    Methods raise Refusal for what the protocol answers, HostError or DiskFull when the machine fails.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.layout = Layout(directory)
        self.layout.create()
        with locked(directory / ".registry.lock"):
            self._database = self._open(directory / "registry.sqlite3")
        self.uploads = Uploads(directory / "uploads", self._database)
        # a process that was killed between a tag and its export left the index behind
        self._export()

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
        if not self._change("DELETE FROM tag WHERE repository = ? AND name = ?", repository, tag):
            raise manifest_unknown(tag)
        self._export()

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
            _link(connection, repository, digest)
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
        self.layout.adopt(digest, upload.path)
        with self._database.writing() as connection:
            _link(connection, repository, digest)
        self.uploads.forget(upload.id)

    def delete_blob(self, repository: str, digest: Digest) -> None:
        """Take the blob from this repository; its bytes may serve others. Refuses with BLOB_UNKNOWN."""
        if not self._change("DELETE FROM link WHERE repository = ? AND digest = ?", repository, str(digest)):
            raise blob_unknown(digest)

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
        digest = str(checked.digest)
        self.layout.write(checked.digest, checked.manifest.data)
        with self._database.writing() as connection:
            _require_content(connection, repository, checked)
            connection.execute("INSERT OR IGNORE INTO repository VALUES (?)", (repository,))
            connection.execute(
                "INSERT INTO manifest VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (repository, digest) DO UPDATE"
                " SET media_type = excluded.media_type, artifact_type = excluded.artifact_type,"
                " descriptor = excluded.descriptor",
                _row(repository, checked),
            )
            connection.executemany(
                "INSERT INTO tag VALUES (?, ?, ?) ON CONFLICT (repository, name) DO UPDATE"
                " SET digest = excluded.digest WHERE digest != excluded.digest",
                [(repository, tag, digest) for tag in tags],
            )
        if tags:
            self._export()

    def delete_manifest(self, repository: str, digest: Digest) -> None:
        """Remove a manifest and every tag on it. Refuses with MANIFEST_UNKNOWN."""
        query = "DELETE FROM manifest WHERE repository = ? AND digest = ?"
        if not self._change(query, repository, str(digest)):
            raise manifest_unknown(str(digest))
        self._export()

    def referrers(
        self, repository: str, subject: Digest, artifact_type: str | None, last: str = ""
    ) -> list[Descriptor]:
        """Manifests of the repository whose subject is ``subject``, by digest, after the digest ``last``."""
        rows = self._column(
            "SELECT descriptor FROM manifest WHERE repository = ? AND subject = ? AND digest > ?"
            " AND coalesce(artifact_type, '') = coalesce(?, artifact_type, '') ORDER BY digest",
            repository, str(subject), last, artifact_type,
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
        return Database(path)

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


def _link(connection: sqlite3.Connection, repository: str, digest: Digest) -> None:
    connection.execute("INSERT OR IGNORE INTO repository VALUES (?)", (repository,))
    connection.execute("INSERT OR IGNORE INTO link VALUES (?, ?)", (repository, str(digest)))


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
