"""A pool of workers: what they offer, what a build needs of them, and what is missing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from shipway.errors import EngineMissing
from shipway.planning.engines import ASSEMBLE, AUTO
from shipway.values import Platform

SLOTS = "shipway-slots"
_PLATFORM = "platform:"
_ENGINE = "engine:"


@dataclass(frozen=True, slots=True)
class Needs:
    """What a worker must have for one build: a slot; and an engine that has ``platform``, and is called
    ``engine`` where that is not ``auto``. Whatever can be assembled needs only the slot."""

    platform: Platform
    engine: str

    @property
    def resources(self) -> dict[str, float]:
        """The same in the words of the scheduler: how much of each resource the build takes."""
        wanted = [SLOTS]
        if self.engine != ASSEMBLE:
            wanted.append(f"{_PLATFORM}{self.platform}")
        if self.engine not in (ASSEMBLE, AUTO):
            wanted.append(f"{_ENGINE}{self.engine}")
        return dict.fromkeys(wanted, 1.0)


def offered(slots: int, engine: str | None, platforms: Sequence[Platform]) -> dict[str, float]:
    """The resources of a worker with so many slots; ``engine`` is None for one that only assembles."""
    names = [SLOTS]
    if engine is not None:
        names += [f"{_ENGINE}{engine}", *(f"{_PLATFORM}{platform}" for platform in platforms)]
    return dict.fromkeys(names, float(slots))


@dataclass(frozen=True, slots=True)
class Station:
    """A worker as the scheduler knows it."""

    name: str
    resources: Mapping[str, float] = field(default_factory=dict)

    @property
    def slots(self) -> int:
        return int(self.resources.get(SLOTS, 0))

    @property
    def platforms(self) -> tuple[str, ...]:
        """The platforms that its engine builds, none where it has no engine."""
        return tuple(
            name.removeprefix(_PLATFORM) for name in sorted(self.resources) if name.startswith(_PLATFORM)
        )

    def has(self, needs: Needs) -> bool:
        """Whether it can carry out such a build, when it has nothing else to do."""
        return all(self.resources.get(name, 0) >= much for name, much in needs.resources.items())


def nobody(address: str, stations: Sequence[Station], needs: Needs) -> EngineMissing:
    """The error for a build that no worker can carry out: it names what is missing."""
    able = [station for station in stations if station.slots]
    start = f"shipway worker --scheduler {address}"
    if not able:
        return EngineMissing(
            f"no worker of Shipway is connected to {address}",
            cause=f"the scheduler has {len(stations)} other workers" if stations else None,
            help=f"on each machine that shall build: {start}",
        )
    offers = sorted({platform for station in able for platform in station.platforms})
    engine = "" if needs.engine == AUTO else f" with {needs.engine}"
    many = "one worker is" if len(able) == 1 else f"{len(able)} workers are"
    return EngineMissing(
        f"no worker builds {needs.platform}{engine}",
        cause=f"{many} connected to {address}; "
        + (
            f"their engines build {', '.join(offers)}"
            if offers
            else "they have no engine, they only assemble"
        ),
        help=f"on a machine that can: {start} --platform {needs.platform}"
        + (f" --engine {needs.engine}" if engine else ""),
    )


@dataclass(frozen=True, slots=True)
class Job:
    """One parcel for a worker. ``name`` is for people who look at the scheduler."""

    name: str
    parcel: bytes
    needs: Needs


class Listener(Protocol):
    """Who hears how a job goes, while it goes."""

    def began(self, worker: str, attempt: int) -> None:
        """A worker has taken it up; it is not the first one when another was lost."""

    def line(self, text: str) -> None:
        """A line of build output."""


class Pool(Protocol):
    """Workers, wherever they are."""

    address: str

    async def stations(self) -> tuple[Station, ...]:
        """The workers that are there now. Raises EngineError when the scheduler does not answer."""

    async def run(self, job: Job, listener: Listener) -> bytes:
        """The answer to a parcel, from a worker that has what it needs; from another one when that is lost.

        Raises EngineMissing, naming what is missing, when there is no such worker for a while, and
        EngineError when the scheduler is lost or the job ended workers again and again. Cancelled, it ends
        the build.
        """

    async def finish(self) -> None:
        """No more jobs come from here."""
