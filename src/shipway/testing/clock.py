"""A clock for tests."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

START = datetime(2026, 1, 1, tzinfo=UTC)


class FixedClock:
    """Shows ``start``, later by ``step`` each time it is looked at; ``advance`` moves it by hand."""

    def __init__(self, start: datetime = START, step: timedelta = timedelta(0)) -> None:
        self._next = start
        self._step = step

    def now(self) -> datetime:
        shown = self._next
        self._next += self._step
        return shown

    def advance(self, by: timedelta) -> None:
        self._next += by
