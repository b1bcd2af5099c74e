"""Where a worker builds: a parcel becomes a request again, an engine builds it, and the image is pushed."""

from __future__ import annotations

import asyncio
import hashlib
import shutil
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from shipway.assemble.tar import EPOCH
from shipway.errors import CannotAssemble, ShipwayError
from shipway.oci.files import reported
from shipway.planning.engines import ASSEMBLE, AUTO
from shipway.ports import Builder, BuildRequest, Built, Registry
from shipway.values import Digest, Reference
from shipway.workers.parcel import Parcel, request_of
from shipway.workers.unpack import unpack


@dataclass(frozen=True, slots=True)
class Access:
    """How registries are reached, as the machine that ships says: hosts over plain HTTP, hosts whose
    certificate is not checked, and for a host the PEM file of its authority."""

    plain: frozenset[str] = frozenset()
    insecure: frozenset[str] = frozenset()
    authorities: tuple[tuple[str, Path], ...] = ()


class Bench(Protocol):
    """The tools of a worker for one way to reach registries."""

    @property
    def registry(self) -> Registry: ...

    def is_plain(self, registry: str) -> bool:
        """Whether a registry is spoken to without TLS."""

    def staged(self, destination: Reference) -> Reference:
        """Where an engine of this machine pushes what is bound for ``destination``."""

    async def builder(self, engine: str) -> Builder:
        """Who builds with ``engine``. Raises EngineMissing where this worker has none of that name."""

    async def close(self) -> None: ...


class Workshop:
    """Builds parcels below ``state``, a directory of its own."""

    def __init__(self, state: Path, bench: Callable[[Access], Bench]) -> None:
        self._state = state
        self._bench = bench
        self._benches: dict[Access, Bench] = {}
        self._locks: dict[Path, asyncio.Lock] = {}

    async def build(self, parcel: Parcel, on_line: Callable[[str], None]) -> Built:
        """Build, and leave the image at its destination by digest. Raises what builder and registry do."""
        access = self._access(parcel)
        if access not in self._benches:
            self._benches[access] = self._bench(access)
        bench = self._benches[access]
        async with self._laid_out(parcel, bench.registry) as directories:
            request = request_of(parcel, directories, dict(access.authorities))
            plain = {base.registry for base in request.bases if bench.is_plain(base.registry)}
            request = replace(request, registries_plain=request.registries_plain | plain)
            built = await self._built(bench, parcel, request, on_line)
        return await _delivered(bench.registry, built, parcel.destination)

    async def close(self) -> None:
        """Nothing more is built here."""
        for bench in self._benches.values():
            await bench.close()
        self._benches.clear()

    async def _built(
        self, bench: Bench, parcel: Parcel, request: BuildRequest, on_line: Callable[[str], None]
    ) -> Built:
        destination = parcel.destination.without_version()

        async def by(engine: str) -> Built:
            builder = await bench.builder(engine)
            staged = bench.staged(destination) if builder.bases_from == "staging" else destination
            return await builder.build(request, staged, destination, on_line)

        try:
            return await by(parcel.engine)
        except CannotAssemble as refusal:
            if parcel.engine != ASSEMBLE or parcel.insists:
                raise
            try:
                await bench.builder(AUTO)
            except ShipwayError:
                raise refusal from None
            on_line(f"{refusal.message}: built by an engine of this worker instead")
            return await by(AUTO)

    # --- files --------------------------------------------------------------------------------

    def _access(self, parcel: Parcel) -> Access:
        request = parcel.request
        authorities = [(host, self._authority(text)) for host, text in sorted(parcel.authorities.items())]
        return Access(request.registries_plain, request.registries_insecure, tuple(authorities))

    def _authority(self, text: bytes) -> Path:
        path = self._state / "authorities" / f"{Digest.of(text).hex}.pem"
        with reported(f"write {path}"):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text)
        return path

    @asynccontextmanager
    async def _laid_out(self, parcel: Parcel, registry: Registry) -> AsyncIterator[Mapping[str, Path]]:
        """The contexts as directories. Those of one image are always at the same place, by which engines know
        what they have built before."""
        identity = "\0".join((parcel.destination.name, parcel.request.name, str(parcel.request.platform)))
        place = self._state / "contexts" / hashlib.sha256(identity.encode()).hexdigest()[:16]
        async with self._locks.setdefault(place, asyncio.Lock()):
            await asyncio.to_thread(shutil.rmtree, place, ignore_errors=True)
            age = EPOCH if parcel.request.epoch is None else parcel.request.epoch
            try:
                directories = {}
                for number, (name, context) in enumerate(sorted(parcel.contexts.items())):
                    directories[name] = place / str(number)
                    await unpack(registry, context, directories[name], age)
                yield directories
            finally:
                await asyncio.to_thread(shutil.rmtree, place, ignore_errors=True)


async def _delivered(registry: Registry, built: Built, destination: Reference) -> Built:
    """What was built, at its destination by digest; what an engine left in staging is copied there."""
    at = destination.with_digest(built.descriptor.parsed_digest)
    if built.at.name != at.name:
        for each in (built.descriptor, *built.attestations):
            there = destination.with_digest(each.parsed_digest)
            await registry.copy(built.at.with_digest(each.parsed_digest), there)
    return replace(built, at=at)
