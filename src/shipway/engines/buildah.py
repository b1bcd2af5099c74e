"""buildah: builds without a daemon, as root or not. Version 1.28 (Debian 12) or later."""

from __future__ import annotations

from pathlib import Path

import msgspec

from shipway.engines.storage import StorageEngine
from shipway.errors import EngineMissing
from shipway.ports import EngineInfo
from shipway.values import Platform


class _Version(msgspec.Struct):
    """``buildah version --json``."""

    version: str


class _BuildahHost(msgspec.Struct):
    os: str
    arch: str


class _Store(msgspec.Struct, frozen=True):
    root: str = msgspec.field(default="", name="GraphRoot")


class _Information(msgspec.Struct):
    """``buildah info``."""

    host: _BuildahHost
    store: _Store = _Store()


class Buildah(StorageEngine):
    """The engine of the program ``buildah``."""

    name = "buildah"
    epoch_since = (1, 41)

    async def _ask(self) -> tuple[EngineInfo, Path | None]:
        version = await self._run("version", "--json")
        information = await self._run("info")
        if information.code != 0 and "STORAGE_DRIVER" not in self._host.environ:
            # overlay does not work on every file system, on overlay itself least of all: vfs always does
            self._environment["STORAGE_DRIVER"] = "vfs"
            information = await self._run("info")
        try:
            told = msgspec.json.decode(information.stdout, type=_Information)
            known = msgspec.json.decode(version.stdout, type=_Version)
        except msgspec.MsgspecError:
            said = (information.stderr or version.stderr).strip().splitlines()
            raise EngineMissing(
                "buildah is installed but does not work",
                cause=said[-1] if said else None,
                help="buildah info shows what it misses",
            ) from None
        info = EngineInfo(self.name, known.version, Platform.normalised(told.host.os, told.host.arch))
        return info, Path(told.store.root) if told.store.root else None
