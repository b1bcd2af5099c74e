"""The files of an image, put together from its layers (OCI image specification, layer.md)."""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import IO, Literal, TypeAlias

from shipway.errors import Mismatch

Kind: TypeAlias = Literal["file", "dir", "link", "other"]
_WHITEOUT = ".wh."
_OPAQUE = ".wh..wh..opq"


@dataclass(frozen=True, slots=True)
class Entry:
    """What stands at a path; ``target`` is that of a symbolic link."""

    kind: Kind
    target: str = ""


@dataclass(slots=True)
class LayerFiles:
    """Paths without a leading slash, as all layers added so far leave them."""

    entries: dict[str, Entry] = field(default_factory=dict)

    def add(self, layer: IO[bytes]) -> None:
        """Apply one layer: a tar archive, plain or compressed with gzip, bzip2 or xz.

        Raises Mismatch for anything else (zstd needs Python 3.14).
        """
        try:
            with tarfile.open(fileobj=layer, mode="r:*") as archive:
                found = list(_members(archive))
        except (tarfile.TarError, EOFError, OSError) as error:
            raise Mismatch(f"a layer cannot be read as a tar archive: {error}") from None
        for path, _ in found:
            self._hide(path)
        for path, entry in found:
            if not _name(path).startswith(_WHITEOUT):
                self.entries[path] = entry

    def _hide(self, path: str) -> None:
        """Whiteouts hide what lower layers have, never what stands in the same layer."""
        directory, name = path.rpartition("/")[0], _name(path)
        if name == _OPAQUE:
            self._remove_below(directory)
        elif name.startswith(_WHITEOUT):
            hidden = f"{directory}/{name.removeprefix(_WHITEOUT)}".lstrip("/")
            self.entries.pop(hidden, None)
            self._remove_below(hidden)

    def _remove_below(self, directory: str) -> None:
        prefix = f"{directory}/" if directory else ""
        for path in [path for path in self.entries if path.startswith(prefix)]:
            del self.entries[path]


def _members(archive: tarfile.TarFile) -> Iterator[tuple[str, Entry]]:
    for member in archive:
        path = member.name.removeprefix("./").strip("/")
        if path and path != ".":
            yield path, _entry(member)


def _entry(member: tarfile.TarInfo) -> Entry:
    if member.isdir():
        return Entry("dir")
    if member.issym():
        return Entry("link", member.linkname)
    return Entry("file" if member.isreg() or member.islnk() else "other")


def _name(path: str) -> str:
    return path.rpartition("/")[2]
