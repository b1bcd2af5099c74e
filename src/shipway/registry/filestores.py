"""Image layouts and docker archives as places to copy from and to."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncGenerator, Iterable, Iterator, Sequence
from contextlib import aclosing
from pathlib import Path

from shipway.errors import InvalidValue, Mismatch, NotFound
from shipway.oci.archive import PIECE, ArchiveWriter, DockerArchive, SavedImage
from shipway.oci.files import reported
from shipway.oci.layout import REF_NAME, Layout
from shipway.oci.manifest import MANIFEST_TYPES, Descriptor, Manifest
from shipway.oci.referrers import cosign_tags, fallback_tag, listing, with_referrer
from shipway.registry.download import Checked
from shipway.registry.shipment import Taken
from shipway.registry.stores import At, Store, nothing_at
from shipway.values import Digest, Platform, Reference

# what engines that know no platforms load of an image that has several
_USUAL = Platform("linux", "amd64")


class LayoutStore:
    """An OCI image layout; satisfies ``Target``.

    What refers to a manifest is listed as registries without the API do it, at a fallback tag; entries
    without a name that have a subject, as oras writes them, are found too. With ``may_lack`` a directory
    that is not there is an empty layout.
    """

    keeps_referrers = True

    def __init__(self, directory: Path, *, may_lack: bool = False) -> None:
        self._layout = Layout(directory)
        self._may_lack = may_lack
        self._locks: dict[str, asyncio.Lock] = {}

    @property
    def name(self) -> str:
        return f"the layout {self._layout.directory}"

    def create(self) -> None:
        """Make the directory a layout unless it is one. Raises HostError."""
        self._layout.create()

    async def head(self, at: At) -> Descriptor | None:
        entry = self._entry(at)
        if entry is not None or isinstance(at, str):
            return None if entry is None else Descriptor(entry.media_type, entry.digest, entry.size)
        data = self._layout.read(at)
        return _manifest(data, self.name, "").descriptor if data is not None else None

    async def manifest(self, at: At) -> Manifest:
        entry = self._entry(at)
        digest = entry.parsed_digest if entry is not None else at
        data = self._layout.read(digest) if isinstance(digest, Digest) else None
        if data is None:
            raise nothing_at(self, at)
        return _manifest(data, self.name, entry.media_type if entry is not None else "")

    async def names(self) -> list[str]:
        return sorted({name for entry in self._entries() if (name := _ref_name(entry))})

    def unnamed(self) -> list[Descriptor]:
        """The entries that have no name."""
        return [entry for entry in self._entries() if not _ref_name(entry)]

    async def referrers(self, digest: Digest) -> list[Descriptor]:
        listed = self._entry(fallback_tag(digest))
        found = listing(await self.manifest(fallback_tag(digest))) if listed is not None else []
        for entry in self.unnamed():
            data = self._layout.read(entry.parsed_digest)
            if data is not None and _manifest(data, self.name, entry.media_type).subject == digest:
                found.append(entry)
        return list({entry.digest: entry for entry in found}.values())

    async def about(self, digest: Digest) -> list[str]:
        names = set(await self.names())
        return [tag for tag in cosign_tags(digest) if tag in names]

    async def has_blob(self, descriptor: Descriptor) -> bool:
        path = self._layout.blob_path(descriptor.parsed_digest)
        with reported(f"look at {path}"):
            return path.is_file() and path.stat().st_size == descriptor.size

    def stream(self, descriptor: Descriptor) -> AsyncGenerator[bytes, None]:
        path = self._layout.blob_path(descriptor.parsed_digest)
        return _checked(_file_pieces(path), descriptor, self)

    async def take(self, source: Store, descriptor: Descriptor) -> Taken:
        async with self._locks.setdefault(descriptor.digest, asyncio.Lock()):
            if await self.has_blob(descriptor):
                return "there"
            part = self._layout.directory / f".{secrets.token_hex(8)}.tmp"
            try:
                with reported(f"write {part}"):
                    with part.open("xb") as file:
                        async with aclosing(source.stream(descriptor)) as pieces:
                            async for piece in pieces:
                                await asyncio.to_thread(file.write, piece)
                    await asyncio.to_thread(self._layout.adopt, descriptor.parsed_digest, part)
            finally:
                part.unlink(missing_ok=True)
            return "moved"

    async def put(self, manifest: Manifest, name: str | None, *, root: bool = False) -> None:
        if self._layout.read(manifest.digest) is None:
            self._layout.write(manifest.digest, manifest.data)
        if name is not None:
            self._layout.put_entry(name, manifest.descriptor)
        elif root:
            self._layout.add_entry(manifest.descriptor)
        if manifest.subject is not None:
            await self._list(manifest, fallback_tag(manifest.subject))

    async def _list(self, manifest: Manifest, tag: str) -> None:
        async with self._locks.setdefault(tag, asyncio.Lock()):
            before = await self.manifest(tag) if self._entry(tag) is not None else None
            index = with_referrer(before, manifest)
            self._layout.write(index.digest, index.data)
            self._layout.put_entry(tag, index.descriptor)

    def forget(self) -> None:
        """Nothing is remembered: the files are looked at every time."""

    def _entry(self, at: At) -> Descriptor | None:
        key = str(at)
        by_name = isinstance(at, str)
        entries = self._entries()
        return next((e for e in entries if (_ref_name(e) if by_name else e.digest) == key), None)

    def _entries(self) -> Sequence[Descriptor]:
        if self._may_lack and not self._layout.index_path.exists():
            return ()
        return self._layout.entries()


class ArchiveStore:
    """A docker archive that is read; satisfies ``Store``."""

    def __init__(self, path: Path) -> None:
        self._archive = DockerArchive(path)

    @property
    def name(self) -> str:
        return f"the archive {self._archive.path}"

    async def head(self, at: At) -> Descriptor | None:
        try:
            return (await self.manifest(at)).descriptor
        except NotFound:
            return None

    async def manifest(self, at: At) -> Manifest:
        entry = self._entry(at)
        digest = entry.parsed_digest if entry is not None else at
        data = self._archive.read(digest) if isinstance(digest, Digest) else None
        if data is None:
            raise nothing_at(self, at)
        return _manifest(data, self.name, entry.media_type if entry is not None else "")

    def _entry(self, at: At) -> Descriptor | None:
        """By digest; by its name however it is spelled; or by a tag that only one image has."""
        if isinstance(at, Digest):
            return next((entry for _, entry in self._archive.entries if entry.digest == str(at)), None)
        for name, entry in self._archive.entries:
            if name is not None and (name == at or _canonical(name) == _canonical(at)):
                return entry
        tagged = [entry for name, entry in self._archive.entries if name and name.rpartition(":")[2] == at]
        return tagged[0] if len({entry.digest for entry in tagged}) == 1 else None

    async def names(self) -> list[str]:
        return sorted({name for name, _ in self._archive.entries if name is not None})

    def unnamed(self) -> list[Descriptor]:
        """The images that have no name."""
        return [entry for name, entry in self._archive.entries if name is None]

    async def referrers(self, digest: Digest) -> list[Descriptor]:  # noqa: ARG002 - the format has none
        return []

    async def about(self, digest: Digest) -> list[str]:  # noqa: ARG002
        return []

    async def has_blob(self, descriptor: Descriptor) -> bool:
        extent = self._archive.extent(descriptor.parsed_digest)
        return extent is not None and extent.size == descriptor.size

    def stream(self, descriptor: Descriptor) -> AsyncGenerator[bytes, None]:
        extent = self._archive.extent(descriptor.parsed_digest)
        return _checked(self._archive.pieces(extent) if extent else None, descriptor, self)


class ArchiveTarget:
    """A docker archive that is written; satisfies ``Target``. It is there when ``finish`` was called."""

    keeps_referrers = False

    def __init__(self, path: Path) -> None:
        self._writer = ArchiveWriter(path)
        self._manifests: dict[str, Manifest] = {}
        self._named: dict[str | None, Manifest] = {}
        # a tar is written from its start to its end
        self._lock = asyncio.Lock()

    @property
    def name(self) -> str:
        return f"the archive {self._writer.path}"

    async def head(self, at: At) -> Descriptor | None:
        found = self._find(at)
        return found.descriptor if found is not None else None

    async def manifest(self, at: At) -> Manifest:
        found = self._find(at)
        if found is None:
            raise nothing_at(self, at)
        return found

    def _find(self, at: At) -> Manifest | None:
        return self._named.get(at) if isinstance(at, str) else self._manifests.get(str(at))

    async def names(self) -> list[str]:
        return sorted(name for name in self._named if name is not None)

    async def referrers(self, digest: Digest) -> list[Descriptor]:  # noqa: ARG002 - the format has none
        return []

    async def about(self, digest: Digest) -> list[str]:  # noqa: ARG002
        return []

    async def has_blob(self, descriptor: Descriptor) -> bool:
        return self._writer.sizes.get(descriptor.digest) == descriptor.size

    def stream(self, descriptor: Descriptor) -> AsyncGenerator[bytes, None]:
        return _checked(None, descriptor, self)

    async def take(self, source: Store, descriptor: Descriptor) -> Taken:
        async with self._lock:
            if await self.has_blob(descriptor):
                return "there"
            before = self._writer.begin(descriptor)
            try:
                async with aclosing(source.stream(descriptor)) as pieces:
                    async for piece in pieces:
                        await asyncio.to_thread(self._writer.add, piece)
                self._writer.end(descriptor)
            except BaseException:
                self._writer.undo(before)
                raise
            return "moved"

    async def put(self, manifest: Manifest, name: str | None, *, root: bool = False) -> None:
        async with self._lock:
            self._writer.put(manifest.descriptor, manifest.data)
        self._manifests[str(manifest.digest)] = manifest
        if name is not None or root:
            self._named[name] = manifest

    def forget(self) -> None:
        """What was written stays."""

    def finish(self) -> None:
        """Write the indexes, or leave nothing where no image came whole. Raises HostError, Mismatch."""
        if not self._named:
            self.abandon()
            return
        named = [(name, manifest.descriptor) for name, manifest in self._named.items()]
        self._writer.finish(named, list(self._saved()))
        written = DockerArchive(self._writer.path)
        for manifest in self._manifests.values():
            if written.read(manifest.digest) != manifest.data:
                raise Mismatch(f"{self.name} was written and does not hold {manifest.digest}")

    def abandon(self) -> None:
        """Leave nothing behind."""
        self._writer.abandon()

    def _saved(self) -> Iterator[SavedImage]:
        """Each image once with all its names; of several platforms the usual one, else the first."""
        names: dict[str, list[str]] = {}
        for name, manifest in self._named.items():
            image = self._image(manifest)
            if image is not None:
                names.setdefault(str(image.digest), []).extend([name] if name else [])
        for digest, its in names.items():
            yield SavedImage(self._manifests[digest], tuple(Reference.parse(name).familiar for name in its))

    def _image(self, manifest: Manifest) -> Manifest | None:
        if not manifest.is_index:
            return manifest
        children = [child for child in manifest.children if child.parsed_platform is not None]
        usual = next((child for child in children if child.parsed_platform == _USUAL), None)
        chosen = usual or next(iter(children), None)
        return self._manifests.get(chosen.digest) if chosen is not None else None


async def _checked(
    pieces: Iterable[bytes] | None, descriptor: Descriptor, store: Store
) -> AsyncGenerator[bytes, None]:
    """The pieces of a file, the last one held back until size and digest are known to be right."""
    if pieces is None:
        raise NotFound(f"{store.name} lacks the blob {descriptor.digest}", cause="it was not written whole")
    checked, held = Checked(descriptor.parsed_digest), b""
    iterator = iter(pieces)
    while piece := await asyncio.to_thread(next, iterator, b""):
        await checked.update(piece)
        if held:
            yield held
        held = piece
    if checked.size != descriptor.size or await checked.digest() != descriptor.parsed_digest:
        raise Mismatch(
            f"{store.name} holds something else as {descriptor.digest}",
            cause="the file was damaged, cut or edited",
            help="write it again from where it came",
        )
    if held:
        yield held


def _file_pieces(path: Path) -> Iterator[bytes] | None:
    if not path.is_file():
        return None

    def pieces() -> Iterator[bytes]:
        with reported(f"read {path}"), path.open("rb") as file:
            while piece := file.read(PIECE):
                yield piece

    return pieces()


def _manifest(data: bytes, store: str, media_type: str) -> Manifest:
    """A manifest as it says it is, else as its index says. Raises Mismatch when that is no manifest."""
    manifest = Manifest(media_type, data)
    found = manifest.body.media_type or media_type
    if found not in MANIFEST_TYPES:
        raise Mismatch(
            f"{store} holds {manifest.digest} as {found or 'something without a media type'}",
            cause="it is no manifest of an image",
        )
    return Manifest(found, data)


def _ref_name(entry: Descriptor) -> str | None:
    return (entry.annotations or {}).get(REF_NAME)


def _canonical(name: str) -> str:
    try:
        return str(Reference.parse(name))
    except InvalidValue:
        return name
