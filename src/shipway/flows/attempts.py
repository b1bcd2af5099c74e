"""One step of an image, tried until it succeeds, its failure is one that stays, or patience ends.

What passes by itself: an engine that said so (see ``engines.failures``), a registry that cannot be reached,
answers that it is busy or broken, or lets bytes arrive changed. The registry client has tried single requests
several times by then; here whole steps are, so that a registry may restart in the middle of a run.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from shipway.errors import EngineError, Mismatch, RateLimited, ShipwayError, TimedOut, Unreachable
from shipway.flows.readback import OTHER_IMAGE
from shipway.flows.yard import Yard
from shipway.values import Duration

T = TypeVar("T")

_LONGEST_PAUSE = 30.0


def passes(error: ShipwayError) -> bool:
    """Whether the same step may succeed when it is tried again."""
    match error:
        case EngineError():
            return error.transient
        case Unreachable():
            return error.reason == "unreachable"
        case Mismatch():
            return error.reason != OTHER_IMAGE
        case _:
            return isinstance(error, RateLimited)


@dataclass(frozen=True, slots=True)
class Attempts:
    """Tries steps, each at most ``1 + retries`` times; pauses double from ``pause`` to thirty seconds."""

    yard: Yard
    retries: int
    pause: float

    async def make(
        self, image: str, what: str, limit: Duration | None, work: Callable[[], Awaitable[T]]
    ) -> T:
        """The result of ``work``, called anew for every try and cancelled after ``limit``.

        ``what`` says what is done, such as ``build api``. Raises what the last try raised, TimedOut when it
        took too long: who waited that long once does not want to wait as long again.
        """
        pause, attempt = self.pause, 1
        while True:
            try:
                return await _within(limit, what, work)
            except ShipwayError as error:
                if attempt > self.retries or not passes(error):
                    raise
                self.yard.emit(
                    "step.retried",
                    image,
                    step=what,
                    attempt=attempt,
                    retries=self.retries,
                    error=type(error).__name__,
                    message=error.message,
                    seconds=pause,
                )
            await asyncio.sleep(pause)
            pause, attempt = min(pause * 2, _LONGEST_PAUSE), attempt + 1


async def _within(limit: Duration | None, what: str, work: Callable[[], Awaitable[T]]) -> T:
    try:
        async with asyncio.timeout(limit.seconds or None if limit else None) as timer:
            return await work()
    except TimeoutError:
        if not timer.expired():
            raise
        raise TimedOut(
            f"could not {what} within {limit}: it was stopped, with every process it had started",
            cause="it hangs, or needs more time than it was given",
            help="give it more with --timeout or timeout: in shipway.yaml; the log shows where it stood",
        ) from None
