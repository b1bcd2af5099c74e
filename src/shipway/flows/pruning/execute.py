"""Deleting what a plan says, with a look before every step and one at the end."""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TypeVar

from shipway.errors import Mismatch, NotFound
from shipway.flows.pruning.survey import Surveyed, each
from shipway.oci.manifest import Manifest
from shipway.planning.retention.graph import waves
from shipway.planning.retention.plan import Removal, Retention, Untag
from shipway.ports import Deleter, Event, Shelves
from shipway.values import Digest, Reference

T = TypeVar("T")

_BATCH = 100
_AT_ONCE = 8


class Rehearsal:
    """Satisfies ``ports.Deleter`` and deletes nothing: a dry run is a run with this one."""

    async def untag(self, reference: Reference, digest: Digest) -> None:
        pass

    async def remove(self, reference: Reference, tags: Sequence[str]) -> None:
        pass


@dataclass
class Pruner:
    """Carries out the plan of one repository. ``emit`` writes the journal: before each batch what it will
    delete, with the bytes of every manifest, then what was deleted. ``repository`` is where it can be
    reached, ``name`` what it is called. ``done`` counts the steps taken."""

    registry: Shelves
    deleter: Deleter
    name: Reference
    repository: Reference
    surveyed: Surveyed
    retention: Retention
    emit: Callable[[Event], None]
    done: int = 0
    _gone: set[str] = field(default_factory=set)

    @property
    def rehearses(self) -> bool:
        return isinstance(self.deleter, Rehearsal)

    async def run(self) -> None:
        """Raises Mismatch when the repository is no longer what the plan was made for."""
        await self._guard()
        for batch in _batches(self.retention.untags):
            self._journal([(step.digest, (step.tag,)) for step in batch])
            # one after the other: placeholders and re-checks of one tag must not overlap with its neighbours
            for step in batch:
                await self._untag(step)
            await self._guard()
        for wave in self.retention.waves:
            for removals in _batches(wave):
                self._journal([(removal.digest, removal.tags) for removal in removals])
                await each(removals, self._remove, _AT_ONCE)
                await self._guard()
        await self._verify()

    async def _untag(self, step: Untag) -> None:
        at = self.repository.with_tag(step.tag)
        if not await self._still(step.tag, step.digest):
            return
        with suppress(NotFound):
            await self.deleter.untag(at, step.digest)
        if not self.rehearses:
            await self._restore_lost((step.digest,))
        self._finished("prune.untagged", tag=step.tag, digest=str(step.digest))
        self._gone.add(step.tag)

    async def _remove(self, removal: Removal) -> None:
        there = [tag for tag in removal.tags if await self._still(tag, removal.digest)]
        # Harbor takes the children of an index along, so one may be gone
        with suppress(NotFound):
            await self.deleter.remove(self.repository.with_digest(removal.digest), there)
        self._gone.update(removal.tags)
        self._finished("prune.deleted", digest=str(removal.digest), tags=removal.tags)

    def _finished(self, kind: str, **data: object) -> None:
        self.done += 1
        self._tell(kind, **data)

    def _tell(self, kind: str, **data: object) -> None:
        self.emit(Event(kind, data={"repository": self.name.name, **data}))

    def _journal(self, entries: Sequence[tuple[Digest, Sequence[str]]]) -> None:
        for digest, tags in entries:
            manifest = self.surveyed.manifests[digest]
            self._tell(
                "prune.journal",
                digest=str(digest),
                tags=tags,
                media_type=manifest.media_type,
                data=base64.b64encode(manifest.data).decode(),
            )

    # --- looks --------------------------------------------------------------------------------

    async def _still(self, tag: str, digest: Digest) -> bool:
        """Whether a tag is still there. Raises Mismatch when it names something else by now."""
        found = await self.registry.head(self.repository.with_tag(tag))
        if found is not None and found.digest != str(digest):
            raise self._changed(f"the tag {tag} moved to {found.digest}")
        return found is not None

    async def _guard(self) -> None:
        """See that every tag that stays names what it did, and that no new one has come."""
        kept = self.retention.keep
        names = set(await self.registry.tags(self.repository))
        new = names - set(self.retention.graph.tags)
        lost = set(kept) - names
        if new or lost:
            if not self.rehearses:
                await self._restore_lost([self.retention.graph.tags[tag] for tag in sorted(lost)])
            raise self._changed(f"tags came or went: {', '.join(sorted(new or lost)[:3])}")
        tags = self.retention.graph.tags
        await each(kept, lambda tag: self._still(tag, tags[tag]))
        steps = len(self.retention.untags) + sum(map(len, self.retention.waves))
        self._tell("prune.progress", done=self.done, of=steps)

    def _changed(self, what: str) -> Mismatch:
        return Mismatch(
            f"{self.repository.name} changed while it was being cleaned up: {what}",
            cause="somebody pushes, or deletes, at the same time",
            help="run it again: the plan is made anew",
        )

    async def _verify(self) -> None:
        """See that everything that was to stay is there, and that what was to go is gone."""
        if self.rehearses:
            return
        going = {removal.digest for removal in self.retention.removals}
        staying = [digest for digest in self.surveyed.manifests if digest not in going]
        await self._restore_lost(staying)
        left = self._gone & set(await self.registry.tags(self.repository))
        if left:
            raise Mismatch(
                f"{self.repository.name} still lists {len(left)} tags that it took for deletion:"
                f" {', '.join(sorted(left)[:3])}",
                cause="a cache in the registry, or one that keeps tags of manifests that are gone",
                help="run it again in a moment",
            )

    async def _restore_lost(self, digests: Sequence[Digest]) -> None:
        """Put back what should have stayed; then say so, since this registry deletes more than it is told."""

        async def missing(digest: Digest) -> bool:
            return await self.registry.head(self.repository.with_digest(digest)) is None

        flags = await each(digests, missing)
        lost = [digest for digest, flag in zip(digests, flags, strict=True) if flag]
        if not lost:
            return
        graph = self.retention.graph
        for wave in reversed(waves(graph, lost)):
            for digest in wave:
                await self._put(self.repository.with_digest(digest), self.surveyed.manifests[digest])
        for tag in self.retention.keep:
            if graph.tags[tag] in lost:
                at = self.repository.with_tag(tag)
                await self._put(at, self.surveyed.manifests[graph.tags[tag]])
        raise Mismatch(
            f"{self.repository.name} deleted more than it was told; what was lost is put back",
            cause="this registry takes manifests along that are still in use",
            help="tell --backend what the registry is, or clean up with its own means",
        )

    async def _put(self, at: Reference, manifest: Manifest) -> None:
        await self.registry.put_manifest(at, manifest)
        self._tell("prune.restored", reference=str(at))


def _batches(items: Sequence[T]) -> list[Sequence[T]]:
    return [items[start : start + _BATCH] for start in range(0, len(items), _BATCH)]
