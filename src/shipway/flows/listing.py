"""What a registry holds: tags with digests, platforms, sizes and age, and what a fleet lacks there."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal, TypeVar

import msgspec

from shipway.errors import NotFound, RegistryError, ShipwayError
from shipway.fleet.model import Fleet
from shipway.oci.manifest import (
    DOCKER_CONFIG,
    OCI_CONFIG,
    Descriptor,
    ImageConfig,
    Manifest,
    read_config,
)
from shipway.oci.referrers import is_about_another
from shipway.planning.destination import destination
from shipway.ports import Catalogued, Delivery
from shipway.values import Digest, Reference

SCHEMA = "shipway.registry-ls/1"

# what a registry answers that shows no catalog to this account
_NO_CATALOG = frozenset({400, 401, 403, 404, 405})
_AT_ONCE = 16
_T = TypeVar("_T")
_NANOSECONDS = re.compile(r"(\.\d{6})\d+")


@dataclass(frozen=True, slots=True)
class Wanted:
    """An image of the fleet: where it should be, and its digest where it was delivered."""

    image: str
    reference: Reference
    digest: Digest | None = None


class Entry(msgspec.Struct, frozen=True):
    """One tag. ``size`` are the bytes of configs and layers over all platforms, ``created`` is what the
    config says (None where it does not tell); ``image`` is the one of the fleet that has this repository;
    ``problem`` is why it could not be read."""

    repository: str
    tag: str
    digest: str = ""
    platforms: tuple[str, ...] = ()
    size: int = 0
    created: datetime | None = None
    image: str | None = None
    problem: str | None = None


class Lacking(msgspec.Struct, frozen=True):
    """An image of the fleet that is not there as it was delivered. ``why`` is never-delivered, no-such-tag,
    another-digest or unreadable."""

    image: str
    reference: str
    why: str
    digest: str = ""
    there: str = ""


class Listing(msgspec.Struct, frozen=True):
    """All of it. ``source`` tells whether the registry's catalog or the fleet named the repositories."""

    registry: str
    prefix: str
    source: Literal["catalog", "fleet"]
    entries: tuple[Entry, ...]
    missing: tuple[Lacking, ...]
    schema: str = SCHEMA


def wanted_of(deliveries: Iterable[Delivery], fleet: Fleet | None) -> tuple[Wanted, ...]:
    """What was delivered, and the images of ``fleet`` that never were and whose tag is known beforehand."""
    wanted: dict[str, Wanted] = {}
    for delivery in deliveries:
        reference = Reference.parse(delivery.reference)
        tags = (reference.tag, *delivery.tags)
        tag = next((tag for tag in tags if tag), "latest")
        wanted[delivery.image] = Wanted(
            delivery.image, reference.with_tag(tag), Digest.parse(delivery.digest)
        )
    for image in fleet.images if fleet is not None else ():
        known = image.tag if image.tag and "{" not in image.tag else None
        repository = destination(image)
        wanted.setdefault(image.name, Wanted(image.name, repository.with_tag(known) if known else repository))
    return tuple(wanted.values())


async def list_registry(
    registry: Catalogued,
    place: str,
    wanted: Callable[[bool], Sequence[Wanted]],
    *,
    fleet_only: bool,
    real: Callable[[Reference], Reference] = lambda reference: reference,
) -> Listing:
    """List ``place`` (``HOST[/PREFIX]``); with ``fleet_only`` the repositories of the fleet alone.

    ``wanted`` tells what the fleet should have anywhere, with True also what its files declare, which takes
    time; ``real`` where that is. Raises RegistryError when the registry cannot be used at all.
    """
    host, _, prefix = place.strip("/").partition("/")
    found = None if fleet_only else await _catalog(registry, host)
    here = [each for each in wanted(found is None) if _below(real(each.reference), host, prefix)]
    images: dict[str, str | None] = {real(each.reference).name: each.image for each in here}
    below = [Reference(host, name) for name in found or ()]
    names = (
        [each.name for each in below if _below(each, host, prefix)] if found is not None else sorted(images)
    )
    looker = _Looker(registry)
    entries = await looker.repositories([Reference.parse(name) for name in names], images)
    missing = [lacking for each in here if (lacking := _lacking(each, real(each.reference), entries))]
    source: Literal["catalog", "fleet"] = "fleet" if found is None else "catalog"
    return Listing(host, prefix, source, tuple(entries), tuple(missing))


async def _catalog(registry: Catalogued, host: str) -> list[str] | None:
    """The repositories; None where the registry shows none."""
    try:
        return await registry.catalog(host)
    except RegistryError as error:
        if error.status not in _NO_CATALOG:
            raise
    # an answer of this kind may also mean that nothing works there
    await registry.ping(host)
    return None


def _below(reference: Reference, host: str, prefix: str) -> bool:
    inside = reference.repository == prefix or reference.repository.startswith(f"{prefix}/")
    return reference.registry == host and (not prefix or inside)


def _lacking(wanted: Wanted, at: Reference, entries: Sequence[Entry]) -> Lacking | None:
    reference, digest = str(at), str(wanted.digest or "")
    same = [entry for entry in entries if entry.repository == at.name and at.tag in (None, entry.tag)]
    if wanted.digest is None and not same:
        return Lacking(wanted.image, reference, "never-delivered")
    if not same:
        return Lacking(wanted.image, reference, "no-such-tag", digest)
    if same[0].problem is not None:
        return Lacking(wanted.image, reference, "unreadable", digest)
    if wanted.digest is not None and all(entry.digest != digest for entry in same):
        return Lacking(wanted.image, reference, "another-digest", digest, same[0].digest)
    return None


class _Looker:
    """Looks at many tags at once; what several share is read once."""

    def __init__(self, registry: Catalogued) -> None:
        self._registry = registry
        self._slots = asyncio.Semaphore(_AT_ONCE)
        self._configs: dict[str, asyncio.Task[ImageConfig]] = {}
        self._manifests: dict[str, asyncio.Task[Manifest]] = {}

    async def repositories(
        self, repositories: Sequence[Reference], images: dict[str, str | None]
    ) -> list[Entry]:
        """Every tag of them, repositories in their order, tags sorted."""
        found = await asyncio.gather(*(self._tags(each, images.get(each.name)) for each in repositories))
        return [entry for entries in found for entry in entries]

    async def _tags(self, repository: Reference, image: str | None) -> list[Entry]:
        async with self._slots:
            tags = await self._registry.tags(repository)
        wanted = [tag for tag in tags if not is_about_another(tag)]
        return await asyncio.gather(*(self._entry(repository.with_tag(tag), image) for tag in wanted))

    async def _entry(self, tagged: Reference, image: str | None) -> Entry:
        tag = tagged.tag or ""
        try:
            async with self._slots:
                manifest = await self._registry.manifest(tagged)
                return await self._described(tagged, manifest, image)
        except NotFound:
            return Entry(tagged.name, tag, image=image, problem="it vanished while it was looked at")
        except ShipwayError as error:
            return Entry(tagged.name, tag, image=image, problem=error.message)

    async def _described(self, tagged: Reference, manifest: Manifest, image: str | None) -> Entry:
        platforms, size, created = await self._content(tagged, manifest)
        return Entry(
            repository=tagged.name,
            tag=tagged.tag or "",
            digest=str(manifest.digest),
            platforms=platforms,
            size=size,
            created=created,
            image=image,
        )

    async def _content(
        self, reference: Reference, manifest: Manifest
    ) -> tuple[tuple[str, ...], int, datetime | None]:
        """Platforms, bytes, and the newest time of creation."""
        if not manifest.is_index:
            size = sum(blob.size for blob in manifest.blobs)
            config = manifest.body.config
            if config is None or not _is_image(config):
                return (), size, None
            parsed = await self._config(reference, config)
            platform = (str(parsed.platform),) if parsed.os else ()
            return platform, size, _moment(parsed.created)
        children = [child for child in manifest.children if child.parsed_platform is not None]
        manifests = await asyncio.gather(*(self._child(reference, child) for child in children))
        parts = await asyncio.gather(*(self._content(reference, child) for child in manifests))
        names = tuple(dict.fromkeys(str(child.parsed_platform) for child in children))
        return (
            names,
            sum(size for _, size, _ in parts),
            max(filter(None, (at for *_, at in parts)), default=None),
        )

    async def _child(self, reference: Reference, child: Descriptor) -> Manifest:
        at = reference.with_digest(child.parsed_digest)
        return await _once(self._manifests, child.digest, lambda: self._registry.manifest(at))

    async def _config(self, reference: Reference, config: Descriptor) -> ImageConfig:
        async def read() -> ImageConfig:
            return read_config(await self._registry.blob(reference, config))

        return await _once(self._configs, config.digest, read)


async def _once(
    known: dict[str, asyncio.Task[_T]], key: str, make: Callable[[], Coroutine[object, object, _T]]
) -> _T:
    """The result for ``key``, made by the first that asks."""
    if key not in known:
        known[key] = asyncio.create_task(make())
    return await known[key]


def _is_image(config: Descriptor) -> bool:
    return config.media_type in (OCI_CONFIG, DOCKER_CONFIG)


def _moment(text: str | None) -> datetime | None:
    """The time of creation; None where it is not told, or before there were containers (reproducible builds
    say 1970)."""
    try:
        moment = datetime.fromisoformat(_NANOSECONDS.sub(r"\1", text or ""))
    except ValueError:
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return moment if moment.year > 1980 else None
