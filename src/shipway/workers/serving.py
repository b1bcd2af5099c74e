"""A worker as a process: it connects to a scheduler, and builds until it is told to end."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from distributed import Worker

from shipway.errors import EngineError, EngineMissing
from shipway.workers.address import Address, Tls
from shipway.workers.cluster import security_of
from shipway.workers.desk import DESKS, Desk
from shipway.workers.workshop import Workshop

_CONNECT_SECONDS = 60
_CLOSE_SECONDS = 10


@dataclass(frozen=True, slots=True)
class Post:
    """A worker that is wanted: where, under which name, with how many builds at a time and which resources;
    ``scratch`` is a directory for Dask."""

    address: Address
    tls: Tls
    name: str
    slots: int
    resources: Mapping[str, float]
    scratch: Path


async def serve(post: Post, workshop: Workshop, announce: Callable[[str], None]) -> None:
    """Build until SIGINT or SIGTERM; builds under way are ended then, and go on at another worker.

    ``announce`` gets the address of the scheduler when the worker is connected. Raises EngineMissing when the
    scheduler does not answer, EngineError when it is lost.
    """
    logging.getLogger("distributed").setLevel(logging.CRITICAL)
    url = post.address.under(post.tls)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    worker = Worker(
        url,
        name=post.name,
        nthreads=post.slots,
        resources=dict(post.resources),
        security=security_of(post.tls),
        local_directory=str(post.scratch),
        memory_limit=0,
        dashboard=False,
        death_timeout=_CONNECT_SECONDS,
    )
    DESKS[worker] = Desk(post.name, workshop, worker.log_event)
    try:
        await _started(worker, url, stop)
        if stop.is_set():
            return
        announce(url)
        await _until(stop, worker)
        if not stop.is_set():
            raise EngineError(
                f"the scheduler at {url} is gone", help="start it, then start this worker again"
            )
    finally:
        with suppress(Exception):
            await worker.close(timeout=_CLOSE_SECONDS)
        await workshop.close()


async def _started(worker: Worker, url: str, stop: asyncio.Event) -> None:
    async def start() -> None:
        await worker

    starting, stopping = asyncio.ensure_future(start()), asyncio.ensure_future(stop.wait())
    await asyncio.wait({starting, stopping}, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if stop.is_set():
        starting.cancel()
        return
    try:
        await starting
    except Exception as error:
        raise EngineMissing(
            f"no Dask scheduler answers at {url}",
            cause=str(error) or type(error).__name__,
            help="start one: dask scheduler, in an environment with shipway[distributed]",
        ) from None


async def _until(stop: asyncio.Event, worker: Worker) -> None:
    stopping, ended = asyncio.ensure_future(stop.wait()), asyncio.ensure_future(worker.finished())
    await asyncio.wait({stopping, ended}, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    ended.cancel()
