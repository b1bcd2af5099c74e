"""The record of runs and deliveries."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from shipway.ports.events import Event


@dataclass(frozen=True, slots=True)
class Delivery:
    """Evidence that an image was delivered: what was asked for, what the registry then showed.

    ``size`` is the sum of config and layers in bytes over all platforms, ``seconds`` the time from the start
    of the build to the moved tag, ``verified`` the time of the read-back. ``stand_in`` tells that the image
    marks itself as running in place of a service without code.
    """

    image: str
    fingerprint: str
    reference: str
    digest: str
    platforms: tuple[str, ...]
    size: int
    seconds: float
    verified: datetime
    run: int
    tags: tuple[str, ...] = ()
    stand_in: bool = False


@dataclass(frozen=True, slots=True)
class RunRecord:
    """One run as the ledger knows it. ``state`` is running, done, partly, failed or interrupted; ``kind`` is
    what it did: ship, prune, undo (of a prune), promote or rollback."""

    id: int
    command: str
    started: datetime
    finished: datetime | None
    state: str
    plan: Mapping[str, object]
    kind: str = "ship"


class Ledger(Protocol):
    """The append-only record of runs, events and evidence of one fleet."""

    def begin(self, command: str, plan: Mapping[str, object], at: datetime, kind: str = "ship") -> int:
        """Open a run and return its number. Raises Locked when another process holds this fleet."""

    def finish(self, run: int, state: str, at: datetime) -> None: ...

    def append(self, run: int, event: Event, at: datetime) -> None: ...

    def deliver(self, delivery: Delivery, inputs: bytes) -> None:
        """Record a delivery; ``inputs`` is what its fingerprint covers, kept to explain later changes."""

    def delivered(self, image: str, fingerprint: str) -> Delivery | None:
        """The last delivery of an image with exactly these inputs."""

    def delivery(self, image: str, digest: str, run: int) -> Delivery | None:
        """The last delivery of this very digest by ``run`` or one before it."""

    def inputs(self, fingerprint: str) -> bytes | None:
        """What ``deliver`` was given for this fingerprint."""

    def runs(self, limit: int = 20, kind: str | None = None) -> list[RunRecord]:
        """Runs, newest first; those of one kind where it is given."""

    def events(self, run: int) -> list[tuple[datetime, Event]]:
        """Events of a run in order."""

    def last(self, kind: str, image: str, fingerprint: str) -> tuple[int, Event] | None:
        """The last event of a kind about an image whose data name this fingerprint, and its run."""

    def deliveries(self, run: int | None = None) -> list[Delivery]:
        """Deliveries of a run, or the last delivery of every image."""

    def close(self) -> None: ...
