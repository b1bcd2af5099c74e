"""Time, and what happens in a run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    def now(self) -> datetime:
        """The time in UTC, with its zone."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened in a run.

    ``kind`` is a stable dotted word (``run.started``, ``build.started``, ``push.verified`` …), ``image``
    the image it concerns, ``data`` JSON-like facts: numbers in bytes and seconds, digests as text.
    """

    kind: str
    image: str | None = None
    data: Mapping[str, object] = field(default_factory=dict)


class Events(Protocol):
    def emit(self, event: Event) -> None:
        """Record the event durably, then show it."""

    def output(self, image: str, line: str) -> None:
        """Keep a line of build output in the log of this image, then show it."""
