"""Copy: images from registries, layouts and archives to others, many at once, each of them on its own.

An image that fails stops no other one. Whatever arrived is not moved again, so a copy that was killed goes on
when the same command is run again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import msgspec

from shipway.errors import InvalidValue, PartlyDelivered, ShipwayError, UsageError
from shipway.fleet.model import Fleet
from shipway.oci.locator import Locator
from shipway.planning.destination import destination
from shipway.ports import Carrier, Copied, Delivery, Event
from shipway.values import Digest, Platform, Reference

SCHEMA = "shipway.copy/1"

OnEvent = Callable[[Event], None]
OnLine = Callable[[str, str], None]


@dataclass(frozen=True, slots=True)
class CopyRequest:
    """What to copy where. ``destination`` is a locator, or the prefix of several repositories
    (``REGISTRY[/PATH]/``), which a place without a slash at its end is too when there are several sources,
    or with ``below``. ``jobs`` images are copied at a time."""

    sources: tuple[Locator, ...]
    destination: str
    platforms: tuple[Platform, ...] = ()
    all_tags: bool = False
    jobs: int = 8
    below: bool = False


@dataclass(frozen=True, slots=True)
class Job:
    """One image and where it goes."""

    source: Locator
    destination: Locator


class Row(msgspec.Struct, frozen=True):
    """One image. ``state`` is copied, present (nothing had to be put) or failed; in a dry run ``copied``
    means that it would be. ``bytes`` moved over the network; blobs were there, mounted or moved."""

    source: str
    destination: str
    state: str
    digest: str = ""
    source_digest: str = ""
    manifests: int = 0
    blobs_there: int = 0
    blobs_mounted: int = 0
    blobs_moved: int = 0
    bytes: int = 0
    referrers: int = 0
    message: str = ""
    cause: str | None = None
    help: str | None = None

    @property
    def is_rewritten(self) -> bool:
        """Whether some platforms only were taken, which makes another index with another digest."""
        return self.digest != self.source_digest


@dataclass(frozen=True, slots=True)
class CopyResult:
    """What became of every image, in the order asked for."""

    rows: tuple[Row, ...]
    errors: tuple[ShipwayError, ...]
    dry_run: bool = False

    def error(self) -> ShipwayError | None:
        """What to tell the user: nothing, PartlyDelivered when some images made it, else the first error."""
        if not self.errors:
            return None
        first = self.errors[0]
        if len(self.errors) == len(self.rows):
            return first
        return PartlyDelivered(
            f"{len(self.errors)} of {len(self.rows)} images are not copied",
            cause=first.message,
            help="mend the cause and run the same command again: what arrived is not moved again",
        )


async def copy(
    request: CopyRequest, carrier: Carrier, on_event: OnEvent, on_line: OnLine, *, dry_run: bool = False
) -> CopyResult:
    """Copy everything. Errors of single images become rows; UsageError is raised before anything moves."""
    jobs = await plan_copy(request, carrier)
    slots = asyncio.Semaphore(request.jobs)
    errors: dict[Job, ShipwayError] = {}

    async def carry(job: Job) -> Row:
        async with slots:
            image = str(job.source)
            on_event(Event("copy.started", image, {"destination": str(job.destination)}))
            try:
                copied = await carrier.copy(
                    job.source, job.destination, request.platforms, lambda line: on_line(image, line)
                )
            except ShipwayError as error:
                errors[job] = error
                on_event(Event("copy.failed", image, {"message": error.message}))
                return _failed(job, error)
            row = _row(job, copied)
            on_event(Event("copy.done", image, _facts(row)))
            return row

    rows = await asyncio.gather(*map(carry, jobs))
    await carrier.finish()
    return CopyResult(tuple(rows), tuple(errors[job] for job in jobs if job in errors), dry_run)


def _facts(row: Row) -> dict[str, object]:
    facts: dict[str, object] = msgspec.to_builtins(row)
    return {name: facts[name] for name in ("state", "digest", "destination", "blobs_moved", "bytes")}


def _row(job: Job, copied: Copied) -> Row:
    return Row(
        source=str(job.source),
        destination=str(job.destination),
        state="copied" if copied.manifests else "present",
        digest=str(copied.digest),
        source_digest=str(copied.source_digest),
        manifests=copied.manifests,
        blobs_there=copied.there,
        blobs_mounted=copied.mounted,
        blobs_moved=copied.moved,
        bytes=copied.bytes,
        referrers=copied.referrers,
    )


def _failed(job: Job, error: ShipwayError) -> Row:
    source, destination = str(job.source), str(job.destination)
    return Row(source, destination, "failed", message=error.message, cause=error.cause, help=error.help)


# --- what goes where --------------------------------------------------------------------------


async def plan_copy(request: CopyRequest, carrier: Carrier) -> tuple[Job, ...]:
    """One job an image. Raises UsageError when two of them would end up in the same place."""
    several = request.below or len({(source.kind, source.place) for source in request.sources}) > 1
    sources = list(dict.fromkeys(request.sources))
    named = await asyncio.gather(*(_named(source, carrier, request.all_tags) for source in sources))
    sources = [source for several_of_one in named for source in several_of_one]
    goal = Destination.parse(request.destination, several=several)
    jobs = tuple(Job(source, goal.of(source, many=len(sources) > 1)) for source in sources)
    taken: dict[Locator, Locator] = {}
    for job in jobs:
        other = taken.setdefault(job.destination, job.source)
        if other != job.source:
            raise UsageError(
                f"{other} and {job.source} would both be copied to {job.destination}",
                help="copy them one by one, each to a name of its own",
            )
    return jobs


async def _named(source: Locator, carrier: Carrier, all_tags: bool) -> list[Locator]:
    """All images of a place; or the one that is meant, by its name where it is the only one of a file."""
    if all_tags:
        return [source.at(name) for name in await carrier.names(source)]
    if source.kind == "registry" or source.name or source.digest:
        return [source]
    names = await carrier.names(source)
    return [source.at(names[0]) if len(names) == 1 else source]


def fleet_sources(
    deliveries: Sequence[Delivery], fleet: Fleet, real: Callable[[Reference], Reference]
) -> tuple[Locator, ...]:
    """What the ledger says is delivered, by digest and at every tag; for images that it does not know the
    tag of the fleet file. ``real`` tells where a repository is. Raises UsageError when that is nothing."""
    found: list[Locator] = []
    for delivery in deliveries:
        reference, digest = Reference.parse(delivery.reference), Digest.parse(delivery.digest)
        tags = dict.fromkeys(tag for tag in (reference.tag, *delivery.tags) if tag)
        found += [Locator.of(replace(real(reference), tag=tag, digest=digest)) for tag in tags]
    delivered = {delivery.image for delivery in deliveries}
    for image in fleet.images:
        if image.name not in delivered and image.repository and image.tag and "{" not in image.tag:
            found.append(Locator.of(real(destination(image)).with_tag(image.tag)))
    if not found:
        raise UsageError("the fleet has nothing to copy", help="shipway ship delivers it first")
    return tuple(dict.fromkeys(found))


@dataclass(frozen=True, slots=True)
class Destination:
    """Where images go: ``locator`` for an exact place, or ``prefix`` for repositories below it."""

    locator: Locator | None
    prefix: str = ""
    several: bool = False

    @classmethod
    def parse(cls, text: str, *, several: bool) -> Destination:
        """``several`` sources need several repositories. Raises InvalidValue."""
        if text.startswith(("oci:", "docker-archive:")):
            return cls(_without_digest(Locator.parse(text)), several=several)
        bare = text.removeprefix("docker://")
        if several or bare.endswith("/") or _is_host(bare):
            return cls(None, bare.rstrip("/"))
        return cls(_without_digest(Locator.parse(bare)))

    def of(self, source: Locator, *, many: bool) -> Locator:
        """Where ``source`` goes; it keeps its tag unless one is given and it is alone."""
        if self.locator is None:
            repository = Reference.parse(f"{self.prefix}/{source.title}").without_version()
            return Locator("registry", repository.name, source.tag or _default_tag(source))
        if self.locator.name is not None:
            if many:
                raise UsageError(
                    f"{self.locator} is one image, and there are several to copy",
                    help="leave its tag out, so that each keeps its own",
                )
            return self.locator
        return self.locator.at(self._name(source, self.locator))

    def _name(self, source: Locator, locator: Locator) -> str | None:
        tag = source.tag or _default_tag(source)
        if locator.kind == "registry" or tag is None:
            return tag
        if locator.kind == "docker-archive":
            return str(Reference.parse(f"{_repository(source)}:{tag}"))
        return f"{source.title}:{tag}" if self.several else tag


def _repository(source: Locator) -> str:
    """What docker would call the image."""
    if source.kind == "registry":
        return source.place
    if source.name is not None and {"/", ":"} & set(source.name):
        return Reference.parse(source.name).name
    return source.title.lower()


def _default_tag(source: Locator) -> str | None:
    return "latest" if source.kind == "registry" and source.digest is None else None


def _without_digest(locator: Locator) -> Locator:
    if locator.digest is not None:
        raise InvalidValue(
            f"{locator} has a digest, which a destination cannot choose",
            help="leave it out: the digest stays what it is",
        )
    return locator


def _is_host(text: str) -> bool:
    """Whether a place without a slash is a registry: a repository of Docker Hub has neither dot nor port."""
    host, _, port = text.partition(":")
    return "/" not in text and ("." in host or host == "localhost" or (text.count(":") > 1 and bool(port)))
