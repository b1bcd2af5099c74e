"""A pool of workers behind a Dask scheduler.

Dask queues builds, gives each one to a worker that has the resources it needs, and starts it again elsewhere
when its worker is lost, at most ``allowed-failures`` times (configuration of the scheduler, 3 by default).
"""

from __future__ import annotations

import asyncio
import logging
import time
import uuid
from collections.abc import AsyncIterator
from concurrent.futures import CancelledError as FutureGone
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from distributed import Client, KilledWorker, Security
from distributed.comm import CommClosedError

from shipway.errors import EngineError, EngineMissing
from shipway.workers import desk
from shipway.workers.address import Address, Tls
from shipway.workers.parcel import Answer, decode
from shipway.workers.pool import Job, Listener, Station, nobody

_LOOK_SECONDS = 1.0
_CONNECT_SECONDS = 10
# output travels beside the answer, and may come after it
_LAST_WORDS_SECONDS = 5.0
_NEXT_STEPS = "dask scheduler, in an environment with shipway[distributed]"


@asynccontextmanager
async def connected(address: Address, tls: Tls, patience: float) -> AsyncIterator[DaskPool]:
    """The pool of the scheduler at ``address``. ``patience`` is how long a build waits for a worker that can
    carry it out, in seconds. Raises EngineMissing when the scheduler does not answer."""
    # what matters is told as an error; Dask's own log is for whoever runs the cluster
    logging.getLogger("distributed").setLevel(logging.CRITICAL)
    url = address.under(tls)
    try:
        client = await Client(
            url,
            asynchronous=True,
            set_as_default=False,
            security=security_of(tls),
            timeout=_CONNECT_SECONDS,
            name="shipway",
        )
    except (OSError, TimeoutError, CommClosedError) as error:
        raise EngineMissing(
            f"no Dask scheduler answers at {url}",
            cause=str(error) or type(error).__name__,
            help=f"start one: {_NEXT_STEPS}; or check the address, and --executor-tls-ca for one with TLS",
        ) from None
    pool = DaskPool(client, url, patience)
    try:
        yield pool
    finally:
        await pool.finish()
        with suppress(Exception):
            await client.close()


def security_of(tls: Tls) -> Security:
    """Dask's security options for either side; without files of ours those of its own configuration."""
    if not tls:
        return Security()
    names = ("client", "worker")
    files = {f"tls_{name}_cert": str(tls.certificate) for name in names}
    files |= {f"tls_{name}_key": str(tls.key) for name in names}
    return Security(require_encryption=True, tls_ca_file=str(tls.authority), **files)


@dataclass(slots=True)
class _Hearing:
    """What was heard of one job: the attempt that counts, and how many of its lines."""

    listener: Listener
    attempt: str = ""
    attempts: int = 0
    lines: int = 0
    news: asyncio.Event = field(default_factory=asyncio.Event)

    def hear(self, message: dict[str, Any]) -> None:
        if worker := message.get("began"):
            self.attempt, self.lines = message["attempt"], 0
            self.attempts += 1
            self.listener.began(worker, self.attempts)
        elif message["attempt"] == self.attempt:  # a lost worker that is not dead may go on for a while
            for line in message["lines"]:
                self.lines += 1
                self.listener.line(line)
        self.news.set()


class DaskPool:
    """Satisfies ``workers.pool.Pool``."""

    def __init__(self, client: Client, address: str, patience: float) -> None:
        self.address = address
        self._client = client
        self._patience = patience
        self._topic = f"shipway-{uuid.uuid4().hex}"
        self._hearings: dict[str, _Hearing] = {}
        self._looked: asyncio.Task[tuple[Station, ...]] | None = None
        self._looked_at = 0.0
        client.subscribe_topic(self._topic, self._hear)

    async def stations(self) -> tuple[Station, ...]:
        """See ``workers.pool.Pool``, like every method here. There is a look a second, whoever asks."""
        now = time.monotonic()
        if self._looked is None or now - self._looked_at >= _LOOK_SECONDS:
            self._looked, self._looked_at = asyncio.ensure_future(self._look()), now
        return await asyncio.shield(self._looked)

    async def _look(self) -> tuple[Station, ...]:
        try:
            async with asyncio.timeout(_CONNECT_SECONDS):
                told = await self._client.scheduler.identity(n_workers=-1)
        except (OSError, TimeoutError, CommClosedError) as error:
            raise self._lost(error) from None
        return tuple(
            Station(str(worker["name"]), worker["resources"])
            for worker in told["workers"].values()
            if worker["status"] == "running"
        )

    async def run(self, job: Job, listener: Listener) -> bytes:
        key = f"{job.name} {uuid.uuid4().hex[:12]}"
        hearing = self._hearings[key] = _Hearing(listener)
        future = self._client.submit(
            desk.carry_out, job.parcel, self._topic, key, key=key, resources=job.needs.resources, pure=False
        )
        result = asyncio.ensure_future(future.result())
        try:
            await self._watch(result, job)
            answer = await self._outcome(result, job)
            await self._last_words(hearing, answer)
            return answer
        except BaseException:
            result.cancel()
            await self._abandon(key, future)
            raise
        finally:
            del self._hearings[key]
            future.release()

    async def finish(self) -> None:
        """Listen no more."""
        with suppress(ValueError):
            self._client.unsubscribe_topic(self._topic)

    # --- while it goes on ---------------------------------------------------------------------

    async def _watch(self, result: asyncio.Task[bytes], job: Job) -> None:
        """Wait for the result, as long as there is a worker for it, or one may come."""
        alone_since: float | None = None
        while True:
            stations = await self.stations()
            if any(station.has(job.needs) for station in stations):
                alone_since = None
            else:
                now = time.monotonic()
                alone_since = now if alone_since is None else alone_since
                if now - alone_since >= self._patience:
                    raise nobody(self.address, stations, job.needs)
            if (await asyncio.wait({result}, timeout=_LOOK_SECONDS))[0]:
                return

    async def _outcome(self, result: asyncio.Task[bytes], job: Job) -> bytes:
        try:
            return await result
        except KilledWorker as error:
            raise EngineError(
                f"{job.name} was given up: {error.allowed_failures + 1} workers died while they built it",
                cause="it may need more memory than a worker has; the logs of the workers tell",
            ) from None
        except FutureGone as error:
            raise self._lost(error) from None
        except Exception as error:
            raise EngineError(
                f"{self.address} could not have {job.name} built: {error}".splitlines()[0],
                cause=f"{type(error).__name__}: scheduler, workers and this machine need the same Shipway",
                help=f"start them from equal environments: {_NEXT_STEPS}",
            ) from None

    async def _last_words(self, hearing: _Hearing, answer: bytes) -> None:
        """Wait for the lines of output that are still on their way."""
        expected = decode(answer, Answer).lines
        with suppress(TimeoutError):
            async with asyncio.timeout(_LAST_WORDS_SECONDS):
                while hearing.lines < expected:
                    hearing.news.clear()
                    await hearing.news.wait()

    async def _abandon(self, key: str, future: Any) -> None:
        """End the build wherever it goes on; who cannot be told ends it for nobody."""
        with suppress(Exception):
            async with asyncio.timeout(_LOOK_SECONDS):
                await future.cancel()
                await self._client.run(desk.abandon, key, on_error="ignore")

    def _hear(self, event: tuple[float, dict[str, Any]]) -> None:
        hearing = self._hearings.get(event[1].get("key", ""))
        if hearing is not None:
            hearing.hear(event[1])

    def _lost(self, error: BaseException) -> EngineError:
        return EngineError(
            f"the connection to {self.address} was lost",
            cause=str(error) or type(error).__name__,
            help="run the same command again when the scheduler is back: it goes on where it stopped",
            transient=True,
        )
