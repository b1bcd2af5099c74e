"""How revisions that a cluster tells stand to a commit: git's own history decides."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from shipway.errors import GitError
from shipway.gitops.concerned import commit_of
from shipway.gitops.judging.view import Relation, Target

Descends = Callable[[Path, str, str], bool | None]
"""``ports.Branches.descends``."""
Fetch = Callable[[Target, Path], None]
"""Brings the commits of a target's remote into a clone."""


class Ancestry:
    """``clones`` has a directory for each repository URL that is here; revisions are looked up once, and
    fetched once when the clone does not know them."""

    def __init__(self, clones: Mapping[str, Path], descends: Descends, fetch: Fetch) -> None:
        self._clones = clones
        self._descends = descends
        self._fetch = fetch
        self._known: dict[tuple[str, str, str], Relation] = {}

    def relate(self, target: Target, revision: str) -> Relation:
        """See ``View.relate``."""
        key = (target.repository, target.commit, revision)
        if key not in self._known:
            self._known[key] = self._look(target, commit_of(revision))
        return self._known[key]

    def _look(self, target: Target, commit: str) -> Relation:
        if not commit:
            return "unknown"
        if commit.startswith(target.commit):
            return "contains"
        directory = self._clones.get(target.repository)
        if directory is None:
            return "unknown"
        found = self._ask(directory, target.commit, commit)
        if found == "unknown":
            with suppress(GitError):
                self._fetch(target, directory)
            found = self._ask(directory, target.commit, commit)
        return found

    def _ask(self, directory: Path, wanted: str, commit: str) -> Relation:
        try:
            newer = self._descends(directory, commit, wanted)
            older = self._descends(directory, wanted, commit) if newer is False else None
        except GitError:
            return "unknown"
        if newer is None or (older is None and not newer):
            return "unknown"
        return "contains" if newer else "older" if older else "diverged"
