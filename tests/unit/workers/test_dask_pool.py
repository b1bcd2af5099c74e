"""The pool of a Dask scheduler: a scheduler and workers in this process, with scripted workshops."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import trustme
from distributed import Scheduler, Security, Worker

from shipway.errors import BuildFailed, EngineError, EngineMissing, InvalidValue, UsageError
from shipway.oci.manifest import OCI_MANIFEST, Descriptor
from shipway.ports import BuildRequest, Built
from shipway.values import Digest, Platform, Reference
from shipway.workers.address import NO_TLS, Address, Tls
from shipway.workers.cluster import DaskPool, connected, security_of
from shipway.workers.desk import DESKS, Desk
from shipway.workers.parcel import Answer, Parcel, decode, encode, parcel
from shipway.workers.pool import Job, Needs, offered

AMD64, ARM64 = Platform.parse("linux/amd64"), Platform.parse("linux/arm64")
DESTINATION = Reference.parse("registry.example/shop/api")
DIGEST = Digest.of(b"image")
BUILT = Built(Descriptor(OCI_MANIFEST, str(DIGEST), 5), DESTINATION.with_digest(DIGEST), "scripted 1")
REQUEST = BuildRequest("api", b"FROM scratch\n", None, AMD64)


@dataclass(eq=False)
class ScriptedWorkshop:
    """Says ``lines``, waits for ``gate`` where there is one, and has built; ``ended`` when cancelled."""

    lines: int = 3
    gate: asyncio.Event | None = None
    failure: BuildFailed | None = None
    began: asyncio.Event = field(default_factory=asyncio.Event)
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    async def build(self, parcel: Parcel, on_line: Callable[[str], None]) -> Built:
        self.began.set()
        try:
            for number in range(self.lines):
                on_line(f"line {number}")
            if self.gate is not None:
                await self.gate.wait()
        except asyncio.CancelledError:
            self.ended.set()
            raise
        if self.failure is not None:
            raise self.failure
        return BUILT


@dataclass
class Heard:
    workers: list[tuple[str, int]] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)

    def began(self, worker: str, attempt: int) -> None:
        self.workers.append((worker, attempt))

    def line(self, text: str) -> None:
        self.lines.append(text)


def job(engine: str = "assemble", platform: Platform = AMD64) -> Job:
    return Job("api", encode(parcel(REQUEST, DESTINATION, {}, engine)), Needs(platform, engine))


@asynccontextmanager
async def worker(
    scheduler: Any, name: str, workshop: ScriptedWorkshop, engine: str | None = None
) -> AsyncIterator[Any]:
    resources = offered(1, engine, (AMD64,))
    options = {"dashboard": False, "memory_limit": 0, "resources": resources}
    async with Worker(scheduler.address, name=name, nthreads=1, **options) as made:
        DESKS[made] = Desk(name, workshop, made.log_event)  # type: ignore[arg-type]
        yield made


@pytest.fixture
async def scheduler() -> AsyncIterator[Any]:
    async with Scheduler(host="127.0.0.1", port=0, dashboard_address="127.0.0.1:0") as made:
        yield made


@asynccontextmanager
async def pool(scheduler: Any, patience: float = 30.0) -> AsyncIterator[DaskPool]:
    address = Address(scheduler.address.partition("://")[2])
    async with connected(address, NO_TLS, patience) as made:
        yield made


async def test_the_answer_comes_after_every_line_of_output(scheduler: Any) -> None:
    heard = Heard()
    async with worker(scheduler, "w1", ScriptedWorkshop(lines=450)), pool(scheduler) as workers:
        answer = decode(await workers.run(job(), heard), Answer)
    assert answer.built == BUILT
    assert heard.lines == [f"line {number}" for number in range(450)]
    assert heard.workers == [("w1", 1)]


async def test_lines_that_come_later_than_the_answer_are_waited_for(scheduler: Any) -> None:
    heard, loop = Heard(), asyncio.get_running_loop()
    async with worker(scheduler, "w1", ScriptedWorkshop()) as made, pool(scheduler) as workers:

        def post(topic: str, message: Any) -> None:
            loop.call_later(0.2 if "lines" in message else 0, made.log_event, topic, message)

        DESKS[made] = Desk("w1", ScriptedWorkshop(), post)  # type: ignore[arg-type]
        await workers.run(job(), heard)
        assert len(heard.lines) == 3


async def test_errors_of_a_build_are_answers(scheduler: Any) -> None:
    refusing = ScriptedWorkshop(failure=BuildFailed("it failed", cause="why", transient=True))
    async with worker(scheduler, "w1", refusing), pool(scheduler) as workers:
        answer = decode(await workers.run(job(), Heard()), Answer)
    assert answer.failure is not None
    assert (answer.failure.kind, answer.failure.cause, answer.failure.transient) == (
        "BuildFailed",
        "why",
        True,
    )


async def test_a_build_whose_worker_is_lost_goes_on_at_another(scheduler: Any) -> None:
    heard, stuck, well = Heard(), ScriptedWorkshop(gate=asyncio.Event()), ScriptedWorkshop(lines=2)
    async with pool(scheduler) as workers, worker(scheduler, "w1", stuck) as lost:
        running = asyncio.create_task(workers.run(job(), heard))
        await stuck.began.wait()
        async with worker(scheduler, "w2", well):
            lost.batched_stream.abort()  # as when its machine dies
            answer = decode(await running, Answer)
    assert answer.built == BUILT
    assert heard.workers == [("w1", 1), ("w2", 2)]
    assert heard.lines[-2:] == ["line 0", "line 1"]


async def test_a_build_that_is_cancelled_ends_at_its_worker(scheduler: Any) -> None:
    stuck = ScriptedWorkshop(gate=asyncio.Event())
    async with worker(scheduler, "w1", stuck), pool(scheduler) as workers:
        running = asyncio.create_task(workers.run(job(), Heard()))
        await stuck.began.wait()
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        await stuck.ended.wait()


async def test_a_build_waits_for_a_worker_that_can_carry_it_out(scheduler: Any) -> None:
    only, able = ScriptedWorkshop(), ScriptedWorkshop()
    async with worker(scheduler, "w1", only), pool(scheduler) as workers:
        running = asyncio.create_task(workers.run(job("buildah"), Heard()))
        async with worker(scheduler, "w2", able, "buildah"):
            await running
    assert not only.began.is_set()


@pytest.mark.parametrize(
    ("engine", "platform", "said"),
    [
        ("assemble", AMD64, "no worker of Shipway is connected"),
        ("buildah", AMD64, "no worker builds linux/amd64 with buildah"),
        ("auto", ARM64, "no worker builds linux/arm64"),
    ],
    ids=["none", "engine", "platform"],
)
async def test_without_a_worker_that_can_it_says_what_is_missing(
    scheduler: Any, engine: str, platform: Platform, said: str
) -> None:
    async with pool(scheduler, patience=0) as workers:
        if engine == "assemble":
            with pytest.raises(EngineMissing, match=said):
                await workers.run(job(engine, platform), Heard())
            return
        async with worker(
            scheduler, "w1", ScriptedWorkshop(), "podman" if engine == "buildah" else "buildah"
        ):
            with pytest.raises(EngineMissing, match=said):
                await workers.run(job(engine, platform), Heard())


async def test_builds_that_end_their_workers_are_given_up(scheduler: Any) -> None:
    scheduler.allowed_failures = 0
    stuck = ScriptedWorkshop(gate=asyncio.Event())
    async with pool(scheduler) as workers, worker(scheduler, "w1", stuck) as lost:
        running = asyncio.create_task(workers.run(job(), Heard()))
        await stuck.began.wait()
        lost.batched_stream.abort()  # as when its machine dies
        with pytest.raises(EngineError, match="was given up"):
            await running


async def test_a_scheduler_that_goes_away_is_an_error_that_may_pass(scheduler: Any) -> None:
    stuck = ScriptedWorkshop(gate=asyncio.Event())
    async with pool(scheduler) as workers, worker(scheduler, "w1", stuck):
        running = asyncio.create_task(workers.run(job(), Heard()))
        await stuck.began.wait()
        await scheduler.close()
        with pytest.raises(EngineError, match="was lost") as caught:
            await running
    assert caught.value.transient


async def test_with_tls_each_side_shows_its_certificate(tmp_path: Path) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    issued = authority.issue_cert("127.0.0.1", "localhost")
    issued.cert_chain_pems[0].write_to_path(tmp_path / "cert.pem")
    issued.private_key_pem.write_to_path(tmp_path / "key.pem")
    tls = Tls(tmp_path / "ca.pem", tmp_path / "cert.pem", tmp_path / "key.pem").require_whole()
    files = {"tls_scheduler_cert": str(tls.certificate), "tls_scheduler_key": str(tls.key)}
    security = Security(require_encryption=True, tls_ca_file=str(tls.authority), **files)
    own = {"host": "127.0.0.1", "port": 0, "dashboard_address": "127.0.0.1:0", "protocol": "tls"}
    async with Scheduler(security=security, **own) as scheduler:
        address = Address(scheduler.address.partition("://")[2])
        assert address.under(tls) == scheduler.address
        options = {"dashboard": False, "memory_limit": 0, "resources": offered(1, None, ())}
        async with Worker(address.under(tls), security=security_of(tls), **options) as made:
            DESKS[made] = Desk("w1", ScriptedWorkshop(), made.log_event)  # type: ignore[arg-type]
            async with connected(address, tls, 30.0) as workers:
                answer = decode(await workers.run(job(), Heard()), Answer)
    assert answer.built == BUILT


@pytest.mark.parametrize(
    "text", ["127.0.0.1:8786", "http://host:1", "dask://host", "dask://", "dask://a b:1"]
)
def test_what_is_no_address_of_a_scheduler_is_refused(text: str) -> None:
    with pytest.raises(InvalidValue, match="no address of a scheduler"):
        Address.parse(text)


def test_half_of_the_files_for_tls_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="go together"):
        Tls(tmp_path / "ca.pem").require_whole()


async def test_without_a_scheduler_it_says_how_to_start_one(
    unused_tcp_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shipway.workers.cluster._CONNECT_SECONDS", 0.1)
    with pytest.raises(EngineMissing, match="no Dask scheduler answers") as caught:
        async with connected(Address(f"127.0.0.1:{unused_tcp_port}"), NO_TLS, 1.0):
            pass
    assert "dask scheduler" in (caught.value.help or "")
