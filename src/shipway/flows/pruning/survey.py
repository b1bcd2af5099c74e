"""Everything that a repository holds, read before anything is decided; what cannot be read ends the run."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeVar

from shipway.errors import Mismatch, NotFound
from shipway.oci.manifest import Manifest, read_config
from shipway.planning.retention.graph import Graph, Node
from shipway.ports import Shelves
from shipway.values import Digest, Reference

T = TypeVar("T")
R = TypeVar("R")

_AT_ONCE = 16
_CREATED = "org.opencontainers.image.created"
_AGAIN = "run it again when nobody pushes; if it stays, look at the registry"


@dataclass(frozen=True)
class Surveyed:
    """The graph of a repository, and the manifests of its nodes."""

    graph: Graph
    manifests: Mapping[Digest, Manifest]


async def each(items: Iterable[T], work: Callable[[T], Awaitable[R]], at_once: int = _AT_ONCE) -> list[R]:
    """``work`` on every item, some at a time, the results in order; the first error ends it."""
    gate = asyncio.Semaphore(at_once)

    async def one(item: T) -> R:
        async with gate:
            return await work(item)

    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one(item)) for item in items]
    except BaseExceptionGroup as errors:
        raise errors.exceptions[0] from None
    return [task.result() for task in tasks]


async def survey(registry: Shelves, repository: Reference, used: Iterable[str] = ()) -> Surveyed:
    """Read every manifest that a tag or one of the digests in ``used`` leads to.

    Raises RegistryError for what cannot be read, and when the tags changed meanwhile or differ between two
    listings, as a cut list would.
    """
    return await _Survey(registry, repository).read(used)


class _Survey:
    def __init__(self, registry: Shelves, repository: Reference) -> None:
        self._registry = registry
        self._repository = repository
        self._manifests: dict[Digest, Manifest] = {}
        self._referrers: dict[Digest, tuple[Digest, ...]] = {}
        self._lists_referrers: bool | None = None

    async def read(self, used: Iterable[str]) -> Surveyed:
        names = await self._registry.tags(self._repository)
        digests = await each(names, self._tag)
        tags = dict(zip(names, digests, strict=True))
        await self._follow([*digests, *map(Digest.parse, used)])
        again = await self._registry.tags(self._repository)
        if again != names:
            raise Mismatch(
                f"nothing is deleted: the tags of {self._repository.name} changed while they were read",
                cause=f"two listings have {len(names)} and {len(again)} tags",
                help=_AGAIN,
            )
        nodes = {digest: self._node(digest, manifest) for digest, manifest in self._manifests.items()}
        return Surveyed(Graph(tags, nodes), self._manifests)

    async def _tag(self, tag: str) -> Digest:
        try:
            manifest = await self._registry.manifest(self._repository.with_tag(tag))
        except NotFound:
            raise Mismatch(
                f"nothing is deleted: the tag {tag} of {self._repository.name} is listed and has no manifest",
                cause="it was deleted just now, or the registry lost its manifest",
                help=f"{_AGAIN}: push the tag again or delete it there",
            ) from None
        self._manifests[manifest.digest] = manifest
        return manifest.digest

    async def _follow(self, starts: Sequence[Digest]) -> None:
        seen, pending = set(starts), list(dict.fromkeys(starts))
        while pending:
            if self._lists_referrers is None:
                # one answer tells whether there is a referrers API at all
                await self._look(pending[0])
                pending_now = pending[1:]
            else:
                pending_now = pending
            await each(pending_now, self._look)
            found = dict.fromkeys(other for digest in pending for other in self._next(digest))
            pending = [digest for digest in found if digest not in seen]
            seen.update(pending)

    async def _look(self, digest: Digest) -> None:
        """Read a manifest and what refers to it; one that is not there has no node."""
        at = self._repository.with_digest(digest)
        if digest not in self._manifests:
            try:
                self._manifests[digest] = await self._registry.manifest(at)
            except NotFound:
                return
        if self._lists_referrers is not False:
            self._referrers[digest] = await self._list(at)

    async def _list(self, at: Reference) -> tuple[Digest, ...]:
        listed = await self._registry.listed_referrers(at)
        if listed is None and self._lists_referrers:
            raise Mismatch(
                f"nothing is deleted: it is not known what refers to {at}",
                cause="the referrers API of the registry answered for other manifests, not for this one",
                help=_AGAIN,
            )
        self._lists_referrers = listed is not None
        return tuple(entry.parsed_digest for entry in listed or ())

    def _next(self, digest: Digest) -> Iterable[Digest]:
        manifest = self._manifests.get(digest)
        if manifest is None:
            return ()
        node = self._node(digest, manifest)
        return (*node.children, *node.referrers, *((node.subject,) if node.subject else ()))

    def _node(self, digest: Digest, manifest: Manifest) -> Node:
        body, subject = manifest.body, manifest.body.subject
        if (body.manifests if manifest.is_index else body.config) is None:
            raise Mismatch(
                f"nothing is deleted: manifest {digest} of {self._repository.name} cannot be understood",
                cause=f"it says that it is {manifest.media_type} and has nothing of it",
            )
        return Node(
            tuple(child.parsed_digest for child in manifest.children),
            subject.parsed_digest if subject else None,
            self._referrers.get(digest, ()),
        )


# --- creation times -----------------------------------------------------------------------------


async def creation_times(
    registry: Shelves, repository: Reference, surveyed: Surveyed, tags: Iterable[str]
) -> dict[str, datetime | None]:
    """When the image of each tag was created, None where nothing tells.

    From the config of the image (OCI image specification, config.md), of an index the newest one, of an
    artifact without such a config its annotation.
    """
    graph = surveyed.graph
    wanted = list(tags)
    digests = list(dict.fromkeys(graph.tags[tag] for tag in wanted))

    async def one(digest: Digest) -> datetime | None:
        return await _created(registry, repository, surveyed, digest)

    found = dict(zip(digests, await each(digests, one), strict=True))
    return {tag: found[graph.tags[tag]] for tag in wanted}


async def _created(
    registry: Shelves, repository: Reference, surveyed: Surveyed, digest: Digest
) -> datetime | None:
    manifest = surveyed.manifests[digest]
    if manifest.is_index:
        images = [child.parsed_digest for child in manifest.children if child.parsed_platform]
        there = [child for child in images if child in surveyed.manifests]
        times = [await _created(registry, repository, surveyed, child) for child in there]
        known = [time for time in times if time is not None]
        if known and len(known) == len(times):
            return max(known)
    elif manifest.body.config is not None and manifest.body.config.media_type.endswith(
        ("image.config.v1+json", "container.image.v1+json")
    ):
        text = read_config(await registry.blob(repository, manifest.body.config)).created
        return _time(text)
    return _time((manifest.body.annotations or {}).get(_CREATED))


def _time(text: str | None) -> datetime | None:
    """RFC 3339, with any number of digits behind the second."""
    try:
        time = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    return time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)
