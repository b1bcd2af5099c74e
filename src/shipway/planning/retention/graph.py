"""What a repository holds, and what hangs on what."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from shipway.oci.referrers import fallback_tag
from shipway.values import Digest

# the referrers tag schema (distribution spec) and cosign's tags: sha256-<hex>, sha256-<hex>.sig …
_COMPANION = re.compile(r"(?P<name>(?:sha256|sha512)-[0-9a-f]{64})(?:\.[A-Za-z0-9_.-]+)?\Z")


@dataclass(frozen=True, slots=True)
class Node:
    """A manifest that is there. ``referrers`` are those that the registry lists for it, beside those that
    name it as their ``subject``."""

    children: tuple[Digest, ...] = ()
    subject: Digest | None = None
    referrers: tuple[Digest, ...] = ()


@dataclass(frozen=True)
class Graph:
    """``tags`` with the manifest that each names, and every manifest that was found, by digest.

    Digests that only others mention (a platform that was never copied) have no node.
    """

    tags: Mapping[str, Digest]
    nodes: Mapping[Digest, Node]

    @cached_property
    def companions(self) -> Mapping[str, str]:
        """Tags that belong to a manifest (signatures, lists of referrers), with the name they give it."""
        found = ((tag, _COMPANION.match(tag)) for tag in self.tags)
        return {tag: match["name"] for tag, match in found if match}

    @cached_property
    def _owners(self) -> Mapping[str, tuple[Digest, ...]]:
        """Manifests by the name that their companion tags give them; sha512 is cut, so there may be two."""
        found: dict[str, tuple[Digest, ...]] = defaultdict(tuple)
        for digest in self.nodes:
            found[fallback_tag(digest)] += (digest,)
        return found

    @cached_property
    def tags_of(self) -> Mapping[Digest, tuple[str, ...]]:
        """The tags on every manifest, sorted."""
        found: dict[Digest, list[str]] = defaultdict(list)
        for tag in sorted(self.tags):
            found[self.tags[tag]].append(tag)
        return {digest: tuple(tags) for digest, tags in found.items()}

    def owners(self, companion: str) -> tuple[Digest, ...]:
        """The manifests that a companion tag belongs to; empty when none of them was found."""
        return self._owners.get(self.companions[companion], ())

    @cached_property
    def _attached(self) -> Mapping[Digest, tuple[Digest, ...]]:
        """What refers to each manifest: by subject, as listed by the registry, or at a companion tag."""
        found: dict[Digest, list[Digest]] = defaultdict(list)
        for digest, node in self.nodes.items():
            found[digest].extend(node.referrers)
            if node.subject is not None:
                found[node.subject].append(digest)
        for tag in self.companions:
            for owner in self.owners(tag):
                found[owner].append(self.tags[tag])
        return {digest: tuple(attached) for digest, attached in found.items()}

    def below(self, digest: Digest) -> Iterator[Digest]:
        """What would go with a manifest: its children, and what refers to it."""
        node = self.nodes.get(digest)
        yield from node.children if node else ()
        yield from self._attached.get(digest, ())

    def around(self, digest: Digest) -> Iterator[Digest]:
        """What has to stay with a manifest: what is below it, and its subject."""
        yield from self.below(digest)
        node = self.nodes.get(digest)
        if node and node.subject:
            yield node.subject


def is_list_of_referrers(tag: str) -> bool:
    """Whether a tag is one of the referrers tag schema, where whoever pushes a referrer adds to an index."""
    found = _COMPANION.match(tag)
    return found is not None and found["name"] == tag


def reach(
    starts: Iterable[Digest], following: Callable[[Digest], Iterable[Digest]]
) -> dict[Digest, Digest | None]:
    """Everything that can be reached from ``starts``, each with the one it was reached from."""
    found: dict[Digest, Digest | None] = dict.fromkeys(starts)
    pending = list(found)
    while pending:
        digest = pending.pop()
        for other in following(digest):
            if other not in found:
                found[other] = digest
                pending.append(other)
    return found


def waves(graph: Graph, digests: Iterable[Digest]) -> list[list[Digest]]:
    """``digests`` so that what names another one comes before it, sorted in each wave.

    So an index goes before its children, and a signature before what it signs: a run that is killed leaves
    no manifest without its children, and the tag by which the next run finds the rest goes late. No other
    order always exists: a manifest covers the digests of its children and of its subject.
    """
    chosen = set(digests)
    below: dict[Digest, list[Digest]] = defaultdict(list)
    waiting: dict[Digest, int] = dict.fromkeys(chosen, 0)
    for digest in chosen:
        node = graph.nodes[digest]
        for named in {*node.children, *((node.subject,) if node.subject else ())} & chosen:
            below[digest].append(named)
            waiting[named] += 1
    result = []
    ready = sorted(digest for digest, count in waiting.items() if not count)
    while ready:
        result.append(ready)
        following = []
        for digest in ready:
            for child in below[digest]:
                waiting[child] -= 1
                if not waiting[child]:
                    following.append(child)
        ready = sorted(following)
    return result
