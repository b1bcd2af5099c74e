"""Since: the images that changed after a revision, as CI asks it of a branch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass

from shipway.errors import ConfigError, CycleError
from shipway.fleet.builds import Builds
from shipway.fleet.graph import build_order
from shipway.fleet.model import Fleet
from shipway.planning.affected import affected
from shipway.planning.collect import Collected, collect
from shipway.values import Platform


@dataclass(frozen=True, slots=True)
class Past:
    """The fleet as it was at ``commit``, the last one that HEAD and the revision asked for have in common.

    ``fleet`` is called while its files are there; it raises ConfigError when it cannot be read.
    """

    commit: str
    fleet: Callable[[], Fleet]
    builds: Builds


OpenPast = Callable[[str], AbstractContextManager[Past]]
"""Gives the past of a revision, away from the working copy. Raises GitError and UsageError."""


@dataclass(frozen=True, slots=True)
class Since:
    """The images that changed after ``commit``, with their reasons."""

    commit: str
    images: Mapping[str, tuple[str, ...]]
    notes: tuple[str, ...]


def since(
    fleet: Fleet, now: Collected, past: OpenPast, revision: str, environ: Mapping[str, str], native: Platform
) -> Since:
    """Compare the working copy as it is, edits and new files included, with the commit where it left
    ``revision``; a fleet that cannot be read there makes every image a changed one."""
    with past(revision) as before:
        short = before.commit[:7]
        try:
            then = before.fleet()
            order = build_order(then)
        except (ConfigError, CycleError) as error:
            note = f"every image counts as changed: the fleet of {short} cannot be read: {error.message}"
            return Since(before.commit, dict.fromkeys(now.drafts, ("cannot be compared",)), (note,))
        collected = collect(then, order, environ, native, before.builds)
        images = affected(fleet, now, then, collected, short)
    counted = f"{len(images)} of {len(now.drafts)} images changed"
    note = f"{counted} since {short}, the last commit in common with {revision}"
    return Since(before.commit, images, (note,))
