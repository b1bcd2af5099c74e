"""What runs inside a Dask worker: a desk takes parcels, has them built, and says all the while how it goes.

Dask carries the functions of this module by name, so scheduler and workers need Shipway too.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any
from weakref import WeakKeyDictionary

from distributed import get_worker

from shipway.errors import Interrupted, ShipwayError
from shipway.workers.parcel import Answer, Parcel, decode, encode, failure_of
from shipway.workers.workshop import Workshop

# lines of output are sent in bundles
_BUNDLE_SECONDS = 0.1
_BUNDLE_LINES = 200

Message = Mapping[str, Any]


class Desk:
    """Takes the parcels of one Dask worker. ``name`` is what people call it, ``post`` sends a message on a
    topic to whoever listens."""

    def __init__(self, name: str, workshop: Workshop, post: Callable[[str, Message], None]) -> None:
        self._name = name
        self._workshop = workshop
        self._post = post
        self._running: dict[str, asyncio.Task[Answer]] = {}

    async def carry_out(self, data: bytes, topic: str, key: str, attempt: str) -> bytes:
        """The answer to a parcel; errors that Shipway knows are answers too."""
        voice = _Voice(self._post, topic, {"key": key, "attempt": attempt})
        voice.say({"began": self._name})
        task = asyncio.ensure_future(self._answer(data, voice))
        self._running[key] = task
        try:
            await asyncio.wait({task})
            if task.cancelled():
                gone = Interrupted("the build was ended by whoever asked for it")
                return encode(Answer(voice.lines, failure=failure_of(gone)))
            return encode(task.result())
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError, Exception):
                await task
            self._running.pop(key, None)
            voice.flush()

    async def _answer(self, data: bytes, voice: _Voice) -> Answer:
        try:
            parcel = decode(data, Parcel)
            built = await self._workshop.build(parcel, voice.line)
        except ShipwayError as error:
            return Answer(voice.lines, failure=failure_of(error))
        return Answer(voice.lines, built=built)

    def abandon(self, key: str) -> None:
        """End a build that nobody wants any more."""
        if task := self._running.get(key):
            task.cancel()


class _Voice:
    """Sends lines of output in bundles, each with its number."""

    def __init__(self, post: Callable[[str, Message], None], topic: str, about: Message) -> None:
        self._post = post
        self._topic = topic
        self._about = about
        self._held: list[str] = []
        self._timer: asyncio.TimerHandle | None = None
        self.lines = 0

    def say(self, message: Message) -> None:
        self._post(self._topic, {**self._about, **message})

    def line(self, text: str) -> None:
        self.lines += 1
        self._held.append(text)
        if len(self._held) >= _BUNDLE_LINES:
            self.flush()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(_BUNDLE_SECONDS, self.flush)

    def flush(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._held:
            self.say({"lines": self._held})
            self._held = []


# --- by name ----------------------------------------------------------------------------------

DESKS: WeakKeyDictionary[Any, Desk] = WeakKeyDictionary()
"""The desk of each Dask worker of this process."""


async def carry_out(data: bytes, topic: str, key: str) -> bytes:
    """Have a parcel built by the worker that this runs on."""
    worker = get_worker()
    return await DESKS[worker].carry_out(data, topic, key, f"{worker.address} {id(asyncio.current_task())}")


async def abandon(key: str, dask_worker: Any) -> None:
    """End a build, should it go on at this worker; Dask gives every worker that it is sent to."""
    if desk := DESKS.get(dask_worker):
        desk.abandon(key)
