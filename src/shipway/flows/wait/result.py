"""What waiting came to: the document ``shipway.wait/1``."""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

from shipway.gitops.verdict import Standing

SCHEMA = "shipway.wait/1"

Verdict: TypeAlias = Literal["live", "failed", "superseded", "suspended", "blocked", "timed-out"]


class Row(msgspec.Struct, frozen=True):
    """One object on the way. ``phase`` is done, waiting, failed, suspended or blocked; ``revision`` what it
    has of the source."""

    kind: str
    namespace: str
    name: str
    phase: str
    reason: str
    message: str
    revision: str


class Occurrence(msgspec.Struct, frozen=True):
    """An Event of Kubernetes: when, Normal or Warning, a word and a sentence."""

    time: str
    type: str
    reason: str
    message: str


class Waited(msgspec.Struct, frozen=True):
    """``verdict`` about ``commits`` and ``images`` in the cluster of ``context``; ``cause`` is the object
    that decided it, or that was waited for when time was up, ``events`` what Kubernetes tells of it."""

    verdict: Verdict
    context: str
    commits: tuple[str, ...]
    images: tuple[str, ...]
    cause: Row | None
    objects: tuple[Row, ...]
    events: tuple[Occurrence, ...]
    notes: tuple[str, ...]
    seconds: float
    schema: str = SCHEMA


def row_of(standing: Standing) -> Row:
    """A standing as the document tells it."""
    name = standing.name
    return Row(
        name.kind.name,
        name.namespace,
        name.name,
        standing.phase,
        standing.reason,
        standing.message,
        standing.revision,
    )
