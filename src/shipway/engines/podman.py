"""podman: builds as buildah does, in the storage that podman runs containers from. Version 4 or later."""

from __future__ import annotations

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


class _Information(msgspec.Struct):
    """``podman info --format json``."""

    host: _PodmanHost
    version: _PodmanVersion


class Podman(StorageEngine):
    """The engine of the program ``podman``."""

    name = "podman"

    async def _ask(self) -> EngineInfo:
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
        return EngineInfo(self.name, told.version.version, Platform.normalised(told.host.os, told.host.arch))
