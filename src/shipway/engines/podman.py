"""podman: builds as buildah does, in the storage that podman runs containers from. Version 4 or later."""

from __future__ import annotations

from pathlib import Path

import msgspec

from shipway.engines.storage import StorageEngine
from shipway.errors import EngineMissing
from shipway.ports import EngineInfo
from shipway.values import Platform


class _PodmanHost(msgspec.Struct):
    os: str
    arch: str


class _PodmanVersion(msgspec.Struct, rename="pascal"):
    version: str


class _Store(msgspec.Struct, frozen=True):
    root: str = msgspec.field(default="", name="graphRoot")


class _Information(msgspec.Struct):
    """``podman info --format json``."""

    host: _PodmanHost
    version: _PodmanVersion
    store: _Store = _Store()


class Podman(StorageEngine):
    """The engine of the program ``podman``."""

    name = "podman"
    epoch_since = (5, 6)

    async def _ask(self) -> tuple[EngineInfo, Path | None]:
        completed = await self._run("info", "--format", "json")
        try:
            told = msgspec.json.decode(completed.stdout, type=_Information)
        except msgspec.MsgspecError:
            said = completed.stderr.strip().splitlines()
            raise EngineMissing(
                "podman is installed but does not work",
                cause=said[-1] if said else None,
                help="podman info shows what it misses",
            ) from None
        info = EngineInfo(self.name, told.version.version, Platform.normalised(told.host.os, told.host.arch))
        return info, Path(told.store.root) if told.store.root else None
