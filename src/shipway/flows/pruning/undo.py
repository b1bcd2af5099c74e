"""Bringing back what a run deleted, from the manifests in its journal."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from shipway.errors import LedgerError, Mismatch, RegistryError
from shipway.oci.manifest import Manifest
from shipway.planning.retention.graph import is_list_of_referrers
from shipway.planning.retention.placeholder import is_placeholder
from shipway.ports import Event, Shelves
from shipway.values import Digest, Reference


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the journal: a manifest with the tags that were taken from it."""

    repository: Reference
    digest: Digest
    tags: tuple[str, ...]
    manifest: Manifest


@dataclass(frozen=True, slots=True)
class Undone:
    """What is back, and what is not with the reason, each as a reference."""

    run: int
    restored: tuple[str, ...]
    failed: Mapping[str, str]


def journal(events: Sequence[Event]) -> list[Entry]:
    """The entries of a run, in the order in which they were deleted. Raises LedgerError for a broken one."""
    return [_entry(event.data) for event in events if event.kind == "prune.journal"]


def _entry(data: Mapping[str, object]) -> Entry:
    try:
        raw = base64.b64decode(str(data["data"]), validate=True)
        digest = Digest.parse(str(data["digest"]))
        tags = data["tags"] if isinstance(data["tags"], list | tuple) else ()
        entry = Entry(
            Reference.parse(str(data["repository"])),
            digest,
            tuple(map(str, tags)),
            Manifest(str(data["media_type"]), raw),
        )
    except (KeyError, ValueError, binascii.Error):
        raise LedgerError("the journal of this run cannot be read") from None
    if Digest.of(raw, digest.algorithm) != digest:
        raise LedgerError(f"the journal of this run is damaged: {digest} has other bytes")
    return entry


async def undo(
    registry: Shelves, run: int, entries: Sequence[Entry], emit: Callable[[Event], None]
) -> Undone:
    """Put back manifests, children before parents, then their tags. A tag that names something else by now
    is left alone. What the registry no longer takes, since its blobs are collected, is told."""
    restored: list[str] = []
    failed: dict[str, str] = {}
    for entry in reversed(entries):
        for at in _places(entry):
            try:
                is_new = await _put(registry, at, entry)
            except RegistryError as error:
                failed[str(at)] = error.message
                continue
            if is_new:
                restored.append(str(at))
                emit(Event("prune.restored", data={"reference": str(at)}))
    return Undone(run, tuple(restored), failed)


def _places(entry: Entry) -> tuple[Reference, ...]:
    tags = tuple(entry.repository.with_tag(tag) for tag in entry.tags)
    return (entry.repository.with_digest(entry.digest), *tags)


async def _put(registry: Shelves, at: Reference, entry: Entry) -> bool:
    """Whether it had to be put back. Raises Mismatch for a tag in other use."""
    there = await registry.head(at)
    if there is not None and there.digest == str(entry.digest):
        return False
    if there is not None and not _may_replace(await registry.manifest(at), at, entry):
        raise Mismatch(f"{at} names {there.digest} by now and is left alone")
    await registry.put_manifest(at, entry.manifest)
    return True


def _may_replace(standing: Manifest, at: Reference, entry: Entry) -> bool:
    """Whether a tag stands on what a killed run left, or on a list that putting referrers back began anew."""
    if is_placeholder(standing):
        return True
    known = {child.digest for child in entry.manifest.children}
    return is_list_of_referrers(at.tag or "") and known.issuperset(
        child.digest for child in standing.children
    )
