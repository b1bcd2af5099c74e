"""Ship: execute a plan. Build, push, read back, prove; the tag that people pull moves last.

Engines push to a staging registry on loopback; from there the image goes to its destination by digest, is
read back, and only then gets its tags. An image that fails stops only what builds from it. Whatever was
verified is in the ledger at once, so a run that dies is resumed by running it again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from shipway.errors import Mismatch, PartlyDelivered, ShipwayError
from shipway.flows.build import Staged, build
from shipway.flows.readback import Seen, read_back
from shipway.flows.yard import Voyage, Yard
from shipway.planning.plan import Step
from shipway.ports import Delivery
from shipway.values import Digest, Reference

State = Literal["delivered", "reused", "failed", "blocked"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """How the step of one image ended. ``digest`` is what its tags now name; ``waits_for`` are the images
    that stopped it."""

    image: str
    state: State
    digest: Digest | None = None
    error: ShipwayError | None = None
    waits_for: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Shipped:
    """The outcomes of a run in the order of the plan."""

    run: int
    outcomes: tuple[Outcome, ...]

    @property
    def undelivered(self) -> tuple[Outcome, ...]:
        return tuple(outcome for outcome in self.outcomes if outcome.digest is None)

    def error(self) -> ShipwayError | None:
        """What to tell the user: nothing, PartlyDelivered when some images made it, else the first error."""
        failed = [(outcome.image, outcome.error) for outcome in self.outcomes if outcome.error is not None]
        if not failed:
            return None
        if len(self.undelivered) == len(self.outcomes):
            return failed[0][1]
        more = len(failed) - 1
        return PartlyDelivered(
            f"{len(self.undelivered)} of {len(self.outcomes)} images are not delivered",
            cause=f"{failed[0][0]}: {failed[0][1].message}" + (f" (and {more} more)" if more else ""),
            help="mend the cause and run the same command again: what is delivered is not built again",
        )


class Ship:
    """Executes a plan in a yard, at most ``jobs`` deliveries at a time."""

    def __init__(self, yard: Yard, voyage: Voyage, *, jobs: int) -> None:
        self._yard = yard
        self._voyage = voyage
        self._slots = asyncio.Semaphore(jobs)
        self._done: dict[str, asyncio.Future[Outcome]] = {}

    async def execute(self) -> Shipped:
        """Carry out every step; errors of single images become outcomes, they are not raised."""
        steps = self._voyage.plan.steps
        loop = asyncio.get_running_loop()
        self._done = {step.image: loop.create_future() for step in steps}
        async with asyncio.TaskGroup() as tasks:
            for step in steps:
                tasks.create_task(self._settle(step))
        await self._yard.builders.finish()
        return Shipped(self._voyage.run, tuple(self._done[step.image].result() for step in steps))

    async def _settle(self, step: Step) -> None:
        """Bring one step to an outcome, whatever happens."""
        needed = [await self._done[name] for name in step.needs if name in self._done]
        missing = tuple(outcome.image for outcome in needed if outcome.digest is None)
        if missing and step.action == "build":
            self._yard.emit("image.blocked", step.image, waits_for=list(missing))
            outcome = Outcome(step.image, "blocked", waits_for=missing)
        else:
            outcome = await self._attempt(step, {o.image: o.digest for o in needed if o.digest})
        self._done[step.image].set_result(outcome)

    async def _attempt(self, step: Step, bases: Mapping[str, Digest]) -> Outcome:
        try:
            if step.action == "reuse":
                return await self._reuse(step)
            async with self._slots:
                return await self._deliver(step, bases)
        except ShipwayError as error:
            facts = {"message": error.message, "cause": error.cause, "help": error.help}
            self._yard.emit("image.failed", step.image, error=type(error).__name__, **facts)
            return Outcome(step.image, "failed", error=error)

    async def _reuse(self, step: Step) -> Outcome:
        digest = Digest.parse(step.digest or "")
        await self._move_tags(step, self._yard.staging.real(step.repository), digest)
        self._yard.emit("image.reused", step.image, digest=str(digest), reference=step.reference)
        return Outcome(step.image, "reused", digest)

    async def _deliver(self, step: Step, bases: Mapping[str, Digest]) -> Outcome:
        yard = self._yard
        started = yard.clock.now()
        yard.emit("build.started", step.image, why=list(step.why), reference=step.reference)
        staged = await build(yard, self._voyage, step, bases)
        yard.emit("image.built", step.image, digest=str(staged.digest))
        destination = yard.staging.real(step.repository)
        if destination.name != staged.reference.name:
            await yard.registry.copy(staged.reference, destination.with_digest(staged.digest))
        yard.emit("push.done", step.image, digest=str(staged.digest), repository=step.repository.name)
        seen = await read_back(yard.registry, destination.with_digest(staged.digest), staged.platforms)
        platforms = [str(platform) for platform in seen.platforms]
        yard.emit(
            "readback.verified", step.image, digest=str(staged.digest), size=seen.size, platforms=platforms
        )
        await self._move_tags(step, destination, staged.digest)
        seconds = (yard.clock.now() - started).total_seconds()
        yard.ledger.deliver(
            self._delivery(step, staged, seen, seconds), self._voyage.inputs[step.image].encode()
        )
        yard.emit(
            "image.delivered",
            step.image,
            digest=str(staged.digest),
            reference=step.reference,
            seconds=seconds,
        )
        return Outcome(step.image, "delivered", staged.digest)

    def _delivery(self, step: Step, staged: Staged, seen: Seen, seconds: float) -> Delivery:
        return Delivery(
            image=step.image,
            fingerprint=step.fingerprint,
            reference=step.reference,
            digest=str(staged.digest),
            platforms=tuple(str(platform) for platform in seen.platforms),
            size=seen.size,
            seconds=seconds,
            verified=self._yard.clock.now(),
            run=self._voyage.run,
            tags=step.tags,
        )

    async def _move_tags(self, step: Step, repository: Reference, digest: Digest) -> None:
        """Point every tag of the step at the digest, the first one last, and see that it does."""
        registry = self._yard.registry
        for tag in reversed(step.tags):
            tagged = repository.with_tag(tag)
            before = await registry.head(tagged)
            if before is not None and before.digest == str(digest):
                continue
            manifest = await registry.manifest(repository.with_digest(digest))
            await registry.put_manifest(tagged, manifest)
            after = await registry.head(tagged)
            if after is None or after.digest != str(digest):
                raise Mismatch(
                    f"the tag {tag} of {step.repository.name} does not name {digest} after it was put",
                    cause="another writer moved it, or the registry refuses to move tags",
                    help="run the same command again",
                )
            self._yard.emit("tag.moved", step.image, tag=tag, digest=str(digest))
