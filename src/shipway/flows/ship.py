"""Ship: execute a plan. Build, push, read back, prove; the tag that people pull moves last.

Builders leave images by digest in staging or at their destination; there an image is read back, and only then
gets its tags. An image that fails stops only what builds from it. Whatever was built and verified is in the
ledger at once, so a run that dies is resumed by running it again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeVar

from shipway.errors import CannotAssemble, ShipwayError
from shipway.fleet.model import Image
from shipway.flows.attempts import Attempts
from shipway.flows.attest import attest
from shipway.flows.build import Staged, build
from shipway.flows.builders import Queued
from shipway.flows.conduct import Conduct
from shipway.flows.outcome import Outcome, Shipped
from shipway.flows.prove import Facts
from shipway.flows.readback import Seen, read_back
from shipway.flows.resume import earlier
from shipway.flows.tagging import move_tags, tags_stand
from shipway.flows.yard import Instead, Voyage, Yard
from shipway.planning.engines import ASSEMBLE
from shipway.planning.plan import Step
from shipway.ports import Builder, Delivery
from shipway.values import Digest, Platform, Reference

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Verified:
    """An image that was read back at its destination; ``evidence`` is None for one delivered before."""

    digest: Digest
    evidence: _Evidence | None = None


@dataclass(frozen=True, slots=True)
class _Evidence:
    """What a read-back saw, when, and when the work on the image began."""

    seen: Seen
    verified: datetime
    started: datetime


class Ship:
    """Executes a plan in a yard."""

    def __init__(self, yard: Yard, voyage: Voyage, conduct: Conduct) -> None:
        self._yard = replace(yard, instead=self._instead(yard.instead))
        self._voyage = voyage
        self._conduct = conduct
        self._attempts = Attempts(self._yard, conduct.retries, conduct.pause)
        self._builds = asyncio.Semaphore(conduct.jobs)
        self._assemblies = asyncio.Semaphore(conduct.light_jobs)
        self._proofs = asyncio.Semaphore(conduct.light_jobs)
        self._companions = conduct.companions(voyage.fleet, voyage.plan.steps)
        self._verified: dict[str, asyncio.Future[_Verified | None]] = {}
        self._first_failure: str | None = None

    def _instead(self, chosen: Instead | None) -> Instead | None:
        """Who builds what could not be assembled, one of the builds that go on at a time."""
        if chosen is None:
            return None

        async def queued(image: Image, platform: Platform, refusal: CannotAssemble) -> Builder:
            return Queued(await chosen(image, platform, refusal), self._builds)

        return queued

    async def execute(self) -> Shipped:
        """Carry out every step; errors of single images become outcomes, they are not raised.

        Raises what is no fault of a single image, such as a ledger that cannot be written.
        """
        steps = self._voyage.plan.steps
        loop = asyncio.get_running_loop()
        self._verified = {step.image: loop.create_future() for step in steps}
        try:
            async with asyncio.TaskGroup() as tasks:
                settled = [tasks.create_task(self._settle(step)) for step in steps]
        except BaseExceptionGroup as failed:
            raise failed.exceptions[0] from None
        await self._yard.builders.finish()
        return Shipped(self._voyage.run, tuple(task.result() for task in settled))

    async def _settle(self, step: Step) -> Outcome:
        """Bring one step to an outcome, whatever happens: verify it, then let its tags move."""
        found = await self._guarded(step, lambda: self._verify(step))
        verified = found if isinstance(found, _Verified) else None
        self._verified[step.image].set_result(verified)
        if isinstance(found, Outcome):
            return found
        return await self._guarded(step, lambda: self._publish(step, found))

    async def _guarded(self, step: Step, work: Callable[[], Awaitable[T]]) -> T | Outcome:
        """The result of ``work``; an error of this image is recorded and becomes its outcome."""
        try:
            return await work()
        except ShipwayError as error:
            self._first_failure = self._first_failure or step.image
            facts = {"message": error.message, "cause": error.cause, "help": error.help}
            self._yard.emit("image.failed", step.image, error=type(error).__name__, **facts)
            return Outcome(step.image, "failed", error=error)

    # --- verifying ----------------------------------------------------------------------------

    async def _verify(self, step: Step) -> _Verified | Outcome:
        """See the image of a step at its destination; it is built where no earlier run did so."""
        if step.action == "reuse":
            return _Verified(Digest.parse(step.digest or ""))
        found = {name: await self._verified[name] for name in step.needs if name in self._verified}
        bases = {name: base.digest for name, base in found.items() if base is not None}
        if missing := tuple(name for name in found if name not in bases):
            return self._blocked(step, missing)
        async with self._builds if step.engine != ASSEMBLE else self._assemblies:
            if self._conduct.fail_fast and self._first_failure is not None:
                return self._blocked(step, (self._first_failure,))
            started = self._yard.clock.now()
            staged = await self._try(step, "look for", lambda: earlier(self._yard, step))
            if staged is None:
                staged = await self._build(step, bases)
        # an engine that waits for a registry is one that could build
        async with self._proofs:
            return await self._prove(step, staged, started)

    def _blocked(self, step: Step, waits_for: tuple[str, ...]) -> Outcome:
        self._yard.emit("image.blocked", step.image, waits_for=list(waits_for))
        return Outcome(step.image, "blocked", waits_for=waits_for)

    async def _build(self, step: Step, bases: dict[str, Digest]) -> Staged:
        facts = {"why": list(step.why), "reference": step.reference, "fingerprint": step.fingerprint}
        self._yard.emit("build.started", step.image, **facts)
        staged = await self._try(step, "build", lambda: build(self._yard, self._voyage, step, bases))
        self._yard.emit(
            "image.built",
            step.image,
            digest=str(staged.digest),
            fingerprint=step.fingerprint,
            platforms=[str(platform) for platform in staged.platforms],
            tools=list(staged.tools),
        )
        return staged

    async def _prove(self, step: Step, staged: Staged, started: datetime) -> _Verified:
        """Bring the image to its destination by digest, and read it back there."""
        yard, digest = self._yard, staged.digest
        there = self._destination(step).with_digest(digest)
        if there.name != staged.reference.name:
            await self._try(step, "push", lambda: yard.registry.copy(staged.reference, there))
        yard.emit("push.done", step.image, digest=str(digest), repository=step.repository.name)
        seen = await self._try(
            step, "read back", lambda: read_back(yard.registry, there, staged.platforms, step.fingerprint)
        )
        yard.emit(
            "readback.verified",
            step.image,
            digest=str(digest),
            fingerprint=step.fingerprint,
            size=seen.size,
            platforms=[str(platform) for platform in seen.platforms],
            tools=list(staged.tools),
        )
        evidence = _Evidence(seen, yard.clock.now(), started)
        await self._attest(step, staged, evidence)
        return _Verified(digest, evidence)

    async def _attest(self, step: Step, staged: Staged, evidence: _Evidence) -> None:
        """Leave with the image how it came to be and what was seen of it, before anything names it."""
        prover = self._yard.prover
        if prover is None:
            return
        facts = Facts(
            step=step,
            run=self._voyage.run,
            manifest=evidence.seen.manifest.descriptor,
            platforms=evidence.seen.platforms,
            size=evidence.seen.size,
            started=evidence.started,
            verified=evidence.verified,
            bases=self._bases(step),
            tools=staged.tools,
        )
        there = self._destination(step).with_digest(staged.digest)
        await self._try(step, "attest", lambda: attest(self._yard, prover, facts, there))

    def _bases(self, step: Step) -> dict[str, Reference]:
        """For each base, as the Dockerfile names it, what was built on: what the plan pinned, and of the
        fleet the delivered one."""
        found = self._voyage.inputs[step.image].pins
        for base in self._voyage.image(step.image).bases:
            settled = self._verified.get(base.image or "")
            verified = settled.result() if settled is not None else None
            if base.image is not None and verified is not None:
                repository = self._voyage.step(base.image).repository
                found[base.reference] = repository.with_digest(verified.digest)
        return found

    # --- publishing ---------------------------------------------------------------------------

    async def _publish(self, step: Step, image: _Verified) -> Outcome:
        """Move the tags of a verified image, unless its atomic group lacks another one."""
        repository = self._destination(step)
        lacking = await self._lacking(step)
        if lacking and not (
            image.evidence is None and await tags_stand(self._yard, step, repository, image.digest)
        ):
            self._yard.emit("image.held", step.image, digest=str(image.digest), waits_for=list(lacking))
            return Outcome(step.image, "held", waits_for=lacking)
        if image.evidence is not None or not self._voyage.named.get(step.image, frozenset()).issuperset(
            step.tags
        ):
            manifest = image.evidence.seen.manifest if image.evidence else None
            await self._try(
                step, "tag", lambda: move_tags(self._yard, step, repository, image.digest, manifest)
            )
        if image.evidence is None:
            facts = {"digest": str(image.digest), "reference": step.reference, "stand_in": step.stand_in}
            self._yard.emit("image.reused", step.image, **facts)
            return Outcome(step.image, "reused", image.digest)
        return self._delivered(step, image.digest, image.evidence)

    async def _lacking(self, step: Step) -> tuple[str, ...]:
        """The images of the same atomic group that could not be verified, once all of them were tried."""
        group = self._companions.get(step.image, ())
        return tuple([name for name in group if await self._verified[name] is None])

    def _delivered(self, step: Step, digest: Digest, evidence: _Evidence) -> Outcome:
        yard = self._yard
        seconds = (yard.clock.now() - evidence.started).total_seconds()
        delivery = Delivery(
            image=step.image,
            fingerprint=step.fingerprint,
            reference=step.reference,
            digest=str(digest),
            platforms=tuple(str(platform) for platform in evidence.seen.platforms),
            size=evidence.seen.size,
            seconds=seconds,
            verified=evidence.verified,
            run=self._voyage.run,
            tags=step.tags,
            stand_in=evidence.seen.stand_in,
        )
        yard.ledger.deliver(delivery, self._voyage.inputs[step.image].encode())
        facts = {"digest": str(digest), "reference": step.reference, "seconds": seconds}
        yard.emit("image.delivered", step.image, **facts, stand_in=delivery.stand_in)
        return Outcome(step.image, "delivered", digest)

    # --- both ---------------------------------------------------------------------------------

    def _destination(self, step: Step) -> Reference:
        return self._yard.staging.real(step.repository)

    async def _try(self, step: Step, verb: str, work: Callable[[], Awaitable[T]]) -> T:
        """The result of one part of a step, tried and bounded as the user wants it."""
        limit = self._conduct.limit(self._voyage.fleet, step.image)
        return await self._attempts.make(step.image, f"{verb} {step.image}", limit, work)
