"""Build secrets, SSH agents and caches in the comma-separated form of buildx (``util/buildflags``)."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from shipway.errors import InvalidValue

_SOURCES = {"src": "src", "source": "src", "env": "env"}
_KINDS = ("file", "env")


@dataclass(frozen=True, slots=True)
class Secret:
    """A build secret: the content of the file ``source``, or of the variable ``source``.

    ``kind`` is None where the text leaves it open: then BuildKit takes the variable called like the
    secret, if there is one, else a file of that name.
    """

    id: str
    kind: Literal["file", "env"] | None
    source: str

    def settled(self, environ: Mapping[str, str]) -> Secret:
        """The same secret with its kind."""
        return self if self.kind else Secret(self.id, "env" if self.id in environ else "file", self.source)

    def below(self, root: Path) -> Secret:
        """The same secret with an absolute path."""
        return self if self.kind == "env" else Secret(self.id, self.kind, str(root / self.source))

    def __str__(self) -> str:
        if self.kind is None:
            return joined({"id": self.id, "src": self.source})
        return joined({"type": self.kind, "id": self.id, "env" if self.kind == "env" else "src": self.source})


def read_secret(text: str) -> Secret:
    """``id=NAME`` with ``src=PATH``, ``env=VARIABLE`` or neither. Raises InvalidValue."""
    found = fields(text)
    kind, id = found.get("type"), found.get("id", "")
    sources = {_SOURCES[key]: value for key, value in found.items() if key in _SOURCES}
    unknown = found.keys() - {"type", "id", *_SOURCES}
    if not id or unknown or (kind is not None and kind not in _KINDS):
        raise InvalidValue(
            f"{text!r} is no build secret",
            cause="it has no id" if not id else f"it has {', '.join(sorted(unknown)) or f'the type {kind}'}",
            help="write id=NAME,src=PATH or id=NAME,env=VARIABLE",
        )
    if "env" in sources or kind == "env":
        return Secret(id, "env", sources.get("env") or sources.get("src") or id)
    return Secret(id, "file" if "src" in sources or kind else None, sources.get("src", id))


def ssh_below(text: str, root: Path) -> str:
    """``ID`` or ``ID=PATH[,PATH]`` with absolute paths."""
    id, equals, paths = text.partition("=")
    return f"{id}={','.join(str(root / path) for path in paths.split(','))}" if equals else text


def read_cache(text: str) -> dict[str, str]:
    """The attributes of a cache, ``type`` first; a lone reference is a registry's. Raises InvalidValue."""
    if "=" not in text:
        return {"type": "registry", "ref": text}
    found = fields(text)
    if not found.get("type"):
        raise InvalidValue(
            f"{text!r} is no build cache", cause="it has no type", help="write type=registry,ref=REFERENCE"
        )
    return {"type": found.pop("type"), **found}


def fields(text: str) -> dict[str, str]:
    """The keys, in lower case, and values of a line. Raises InvalidValue."""
    try:
        entries = next(csv.reader([text], strict=True), [])
    except csv.Error:
        entries = [""]
    if not all("=" in entry for entry in entries):
        raise InvalidValue(f"{text!r} is no line of comma-separated key=value pairs")
    pairs = (entry.partition("=") for entry in entries)
    return {key.strip().lower(): value for key, _, value in pairs}


def joined(values: Mapping[str, str]) -> str:
    """The line that ``fields`` reads as these values."""
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow([f"{key}={value}" for key, value in values.items()])
    return line.getvalue()
