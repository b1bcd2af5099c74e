"""Compare what provenance says with what can be seen from here: the image, git, and registries of bases."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from shipway.errors import GitError, RegistryError
from shipway.evidence.judge import Check
from shipway.evidence.provenance import Provenance
from shipway.flows.readback import Seen
from shipway.ports import History, Registry
from shipway.values import Digest, Reference


def check_fingerprint(told: Provenance, seen: Seen) -> Check:
    """Whether every platform says that it was built from the inputs that the statement names."""
    if seen.fingerprints == {told.fingerprint}:
        return Check("fingerprint", "verified", told.fingerprint.partition(":")[2][:12])
    said = ", ".join(sorted(each or "nothing" for each in seen.fingerprints))
    detail = f"the statement says {told.fingerprint}, the label {said}"
    return Check("fingerprint", "failed", detail, "other-fingerprint")


@dataclass(frozen=True, slots=True)
class Origin:
    """Where provenance can be followed to. ``root`` is the directory of the image's files here, None where
    there is no fleet; ``real`` gives references addresses that can be reached."""

    registry: Registry
    history: History
    root: Path | None
    real: Callable[[Reference], Reference]
    _commits: dict[str, bool | None] = field(default_factory=dict)

    async def checks(self, told: Provenance) -> tuple[Check, ...]:
        """Source, Dockerfile and bases."""
        return self._source(told), self._dockerfile(told), await self._bases(told)

    def _source(self, told: Provenance) -> Check:
        if told.source is None:
            return Check("source", "absent", "it was built outside git", "no-source")
        commit = told.source.commit
        known = self._knows(commit)
        where = f" of {told.source.repository}" if told.source.repository else ""
        named = f"commit {commit[:12]}{where}"
        if known is None:
            return _unseen("source", named, self.root)
        if not known:
            return Check("source", "failed", f"{named} is not in this repository", "unknown-commit")
        changes = ", with changes that it does not hold" if told.source.dirty else ""
        return Check("source", "verified", named + changes)

    def _dockerfile(self, told: Provenance) -> Check:
        source, name = told.source, told.dockerfile
        if told.inline:
            return Check("dockerfile", "skipped", f"its text stands in {name}", "inline")
        if source is None or self.root is None or not self._knows(source.commit):
            return _unseen("dockerfile", name, self.root)
        content = self.history.content(self.root, source.commit, name)
        algorithm = told.dockerfile_digest.algorithm
        if content is not None and Digest.of(content, algorithm) == told.dockerfile_digest:
            return Check("dockerfile", "verified", name)
        if source.dirty:
            detail = f"{name} was changed and not committed when the image was built"
            return Check("dockerfile", "unobserved", detail, "dirty")
        detail = f"{name} is another one in commit {source.commit[:12]}"
        return Check("dockerfile", "failed", detail, "other-dockerfile")

    def _knows(self, commit: str) -> bool | None:
        """Whether the repository here has a commit; None where nobody can tell."""
        if self.root is None:
            return None
        if commit not in self._commits:
            try:
                self._commits[commit] = self.history.has_commit(self.root, commit)
            except GitError:
                self._commits[commit] = None
        return self._commits[commit]

    async def _bases(self, told: Provenance) -> Check:
        pinned = [base.reference for base in told.bases if base.reference is not None]
        loose = len(told.bases) - len(pinned)
        found = await asyncio.gather(*map(self._is_there, pinned))
        if gone := [base for base, there in zip(pinned, found, strict=True) if there is False]:
            return Check("bases", "absent", f"{gone[0]} is no longer there", "base-gone")
        if unseen := [base for base, there in zip(pinned, found, strict=True) if there is None]:
            return Check("bases", "unobserved", f"{unseen[0].registry} does not answer", "base-unreachable")
        said = ", ".join([*map(str, pinned), *([f"{loose} not pinned"] if loose else [])])
        return Check("bases", "verified", said or "none")

    async def _is_there(self, base: Reference) -> bool | None:
        try:
            return await self.registry.head(self.real(base)) is not None
        except RegistryError:
            return None


def _unseen(name: str, what: str, root: Path | None) -> Check:
    """Nothing here to compare with: no fleet at all, or one whose history does not go back that far."""
    if root is None:
        return Check(name, "skipped", f"{what}: no fleet here to compare with", "no-fleet")
    return Check(name, "unobserved", f"{what}: the history here does not tell", "no-history")
