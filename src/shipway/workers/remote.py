"""A builder whose builds are carried out by workers: satisfies ``ports.Builder``."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

from shipway.dockerfile.resolved import BaseInput
from shipway.errors import BuildFailed, InvalidValue, NotFound, RegistryError
from shipway.fleet.options import read_cache
from shipway.ports import BuildRequest, Built, Event, Events, Registry
from shipway.values import Platform, Reference
from shipway.workers.gather import Contents, contents
from shipway.workers.parcel import Answer, Context, Parcel, decode, encode, error_of, parcel
from shipway.workers.pool import Job, Needs, Pool
from shipway.workers.shelf import Shelf

ASSIGNED = "build.assigned"
# caches that mean the same on every machine
_SHARED_CACHES = frozenset({"registry", "inline", "gha", "s3", "azblob"})
_TRIES = 2


class Handover:
    """What all builds that travel share: the pool, the contexts, and what is known of base images."""

    def __init__(self, pool: Pool, shelf: Shelf, registry: Registry, events: Events) -> None:
        self.pool = pool
        self.shelf = shelf
        self.events = events
        self._registry = registry
        self._deferring: dict[tuple[str, Platform], asyncio.Task[bool]] = {}

    async def contexts(self, request: BuildRequest, destination: Reference) -> dict[str, Context]:
        """Put what the build reads where workers find it."""
        found = await asyncio.to_thread(contents, request)
        if not found.contexts:
            return {}
        whole = await self._defers(found)
        entries = await asyncio.to_thread(lambda: dict(found.entries(whole=whole)))
        return {name: await self.shelf.put(each, destination) for name, each in entries.items()}

    async def _defers(self, found: Contents) -> bool:
        """Whether a base may have instructions for this build, which read what nobody sees from here."""
        asked = [self._deferring_base(base, found.build.platform) for base in found.bases]
        return any(await asyncio.gather(*asked))

    async def _deferring_base(self, base: BaseInput, platform: Platform) -> bool:
        wanted = Platform.parse(base.platform) if base.platform else platform
        key = (base.reference, wanted)
        if key not in self._deferring:
            self._deferring[key] = asyncio.ensure_future(has_triggers(self._registry, *key))
        return await asyncio.shield(self._deferring[key])


async def has_triggers(registry: Registry, reference: str, platform: Platform) -> bool:
    """Whether an image defers instructions to its children (ONBUILD); so it may, where nobody can tell."""
    try:
        at = Reference.parse(reference)
        at = at if at.tag or at.digest else at.with_tag("latest")
        manifest = await registry.manifest(at)
        child = next((each for each in manifest.children if each.parsed_platform == platform), None)
        if child is not None:
            manifest = await registry.manifest(at.with_digest(child.parsed_digest))
        if manifest.body.config is None:
            return True
        config = json.loads(await registry.blob(at, manifest.body.config))
    except (RegistryError, InvalidValue, ValueError):
        return True
    return bool((config.get("config") or {}).get("OnBuild"))


class RemoteBuilder:
    """Has ``engine`` of whatever worker there is build; with ``insists`` no other engine steps in."""

    bases_from: Literal["staging", "destination"] = "destination"

    def __init__(self, handover: Handover, engine: str, *, insists: bool = False) -> None:
        self.name = f"a worker of {handover.pool.address}"
        self._handover = handover
        self._engine = engine
        self._insists = insists

    async def platforms(self) -> tuple[Platform, ...]:
        """See ``ports.Builder``, like every method here."""
        stations = await self._handover.pool.stations()
        return tuple(map(Platform.parse, sorted({each for one in stations for each in one.platforms})))

    async def build(
        self,
        request: BuildRequest,
        staged: Reference,  # noqa: ARG002 - nothing passes through the staging of this machine
        destination: Reference,
        on_line: Callable[[str], None],
    ) -> Built:
        """Raises BuildFailed for a build with secrets, which stay where they are."""
        request = _portable(request, on_line)
        for last in (False, True):
            contexts = await self._handover.contexts(request, destination)
            wrapped = parcel(request, destination, contexts, self._engine, insists=self._insists)
            try:
                return await self._built(wrapped, on_line)
            except NotFound:
                if last or not contexts:
                    raise
                # another ship that had the same context has ended, and taken it away
                for context in contexts.values():
                    self._handover.shelf.forget(context)
        raise AssertionError  # pragma: no cover

    async def _built(self, wrapped: Parcel, on_line: Callable[[str], None]) -> Built:
        request = wrapped.request
        job = Job(
            f"{request.name} {request.platform}", encode(wrapped), Needs(request.platform, self._engine)
        )
        listener = _Listener(request, self._handover.events, on_line)
        answer = decode(await self._handover.pool.run(job, listener), Answer)
        if answer.built is not None:
            return answer.built
        if answer.failure is None:
            raise BuildFailed(f"{request.name} was neither built nor refused: its worker gave no answer")
        raise error_of(answer.failure)

    async def finish(self) -> None:
        """What all share is finished by whoever opened it."""


@dataclass(frozen=True, slots=True)
class _Listener:
    """Keeps what a worker says among the events and logs of the run."""

    request: BuildRequest
    events: Events
    on_line: Callable[[str], None]

    def began(self, worker: str, attempt: int) -> None:
        facts = {"worker": worker, "platform": str(self.request.platform), "attempt": attempt}
        self.events.emit(Event(ASSIGNED, self.request.name, facts))

    def line(self, text: str) -> None:
        self.on_line(text)


def _portable(request: BuildRequest, on_line: Callable[[str], None]) -> BuildRequest:
    """The request without what means something on this machine only."""
    if request.secrets or request.ssh or request.secret_args & request.args.keys():
        raise BuildFailed(
            f"{request.name} cannot be built by a worker: it has secrets",
            cause="they do not leave the machine that ships",
        )

    def shared(texts: tuple[str, ...]) -> tuple[str, ...]:
        local = [text for text in texts if read_cache(text)["type"] not in _SHARED_CACHES]
        for text in local:
            on_line(f"the cache {text} is left out: a worker does not have it")
        return tuple(text for text in texts if text not in local)

    return replace(
        request,
        cache_from=shared(request.cache_from),
        cache_to=shared(request.cache_to),
        # what travels has the modes of an ordinary checkout
        dockerfile_mode=0o644,
    )
