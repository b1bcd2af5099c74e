"""One repository: edits on the newest commit, one commit of them, and a push that is tried again when others
were faster; never forced, and nothing in the working copy changes before the push is through."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from shipway.errors import GitError, NotMet, ShipwayError, UsageError
from shipway.gitops.edits.files import Edits, PlaceEdit
from shipway.ports import Branch, Branches, Commit

ATTEMPTS = 8
"""So often a push is tried when others keep on pushing."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The files of one commit, below a directory of it."""

    branches: Branches
    branch: Branch
    commit: str
    below: str = ""

    def holding(self, texts: Sequence[str], wanted: Callable[[str], bool]) -> Mapping[str, bytes]:
        """The files with one of ``texts`` whose names are ``wanted``."""
        found = self.branches.search(self.branch, self.commit, texts, self.below)
        return {path: self.branches.read(self.branch, self.commit, path) for path in found if wanted(path)}

    def everywhere(self) -> Snapshot:
        """The same commit, the whole of it."""
        return Snapshot(self.branches, self.branch, self.commit)


class Plan(Protocol):
    """What is to be done to a repository. ``strict`` tells that a value which somebody else changed meanwhile
    is a conflict, and not just edited again."""

    @property
    def strict(self) -> bool: ...

    async def edits(self, snapshot: Snapshot) -> Edits:
        """The edits of one commit. Raises what keeps them from being made."""

    def message(self, edits: Edits) -> tuple[str, str]:
        """Subject and body of the commit."""


@dataclass(frozen=True, slots=True)
class Manner:
    """How it is published: to a branch of its own where ``to`` names one, below a directory; with ``dry_run``
    nothing is written."""

    to: str | None = None
    below: str = ""
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class Published:
    """What became of one repository. ``state`` is planned, unchanged, pushed, committed (local only) or
    failed; ``tries`` how often it was pushed. ``branch`` is where the commit is."""

    title: str
    state: str
    branch: str = ""
    commit: str = ""
    base: str = ""
    url: str = ""
    edits: Edits = field(default_factory=Edits)
    tries: int = 0
    notes: tuple[str, ...] = ()
    subject: str = ""
    body: str = ""
    error: ShipwayError | None = None


async def publish(branches: Branches, branch: Branch, plan: Plan, manner: Manner) -> Published:
    """Edit, commit and push. Raises GitError, NotMet and what ``plan`` raises: then nothing has changed."""
    return await _Publication(branches, branch, plan, manner).run()


@dataclass(slots=True)
class _Publication:
    branches: Branches
    branch: Branch
    plan: Plan
    manner: Manner
    _last: Edits | None = None

    async def run(self) -> Published:
        for attempt in range(1, ATTEMPTS + 1):
            base = self._base()
            edits = await self.plan.edits(Snapshot(self.branches, self.branch, base, self.manner.below))
            if self.plan.strict:
                _require_same(self._last, edits)
            self._last = edits
            self._require_clean(edits)
            subject, body = self.plan.message(edits)
            done = Published(
                self.branch.title, "planned", self._target, base=base, url=self.branch.url, edits=edits,
                tries=attempt, notes=edits.notes, subject=subject, body=body,
            )  # fmt: skip
            if not edits.files:
                return _with(done, "unchanged")
            if self.manner.dry_run:
                return done
            files = {file.path: file.after for file in edits.files}
            commit = self.branches.commit(self.branch, Commit(base, files, subject, body))
            result = self._send(done, commit)
            if result is not None:
                return result
        raise GitError(
            f"{self.branch.title}: others were faster {ATTEMPTS} times",
            cause=f"{self._target} moves all the time",
            help="run the same command again; nothing was changed here",
        )

    @property
    def _target(self) -> str:
        return self.manner.to or self.branch.there

    def _base(self) -> str:
        """What the edits start from: the branch of their own where it is there already."""
        own = self.branches.tip(self.branch, self.manner.to) if self.manner.to else None
        base = own or self.branches.tip(self.branch)
        if base is None:
            raise UsageError(
                f"{self.branch.title} has no branch {self.branch.there}", help="name one that it has"
            )
        return base

    def _require_clean(self, edits: Edits) -> None:
        changed = self.branches.changed(self.branch, [file.path for file in edits.files])
        if changed:
            raise NotMet(
                f"{self.branch.title} has changes in {', '.join(changed)} that are not committed",
                cause="they are in files that would be edited",
                help=f"git -C {self.branch.directory} commit, or stash, then run the same command again",
            )

    def _send(self, done: Published, commit: str) -> Published | None:
        """Push, or without a remote go on here; None when somebody else was faster."""
        if self.branch.remote is None:
            return self._keep(done, commit)
        if not self._push(commit):
            return None
        if self.manner.to:
            return _with(done, "pushed", commit)
        why = self.branches.advance(self.branch, commit)
        note = f"the working copy stays as it is ({why}): git -C {self.branch.directory} pull --rebase"
        return _with(done, "pushed", commit, note if why else "")

    def _push(self, commit: str) -> bool:
        try:
            return self.branches.push(self.branch, commit, self._target)
        except GitError:
            # an answer that was lost on the way is no refusal
            if self._arrived(commit):
                return True
            raise

    def _arrived(self, commit: str) -> bool:
        try:
            return self.branches.tip(self.branch, self._target) == commit
        except GitError:
            return False

    def _keep(self, done: Published, commit: str) -> Published | None:
        if self.manner.to:
            raise UsageError(
                f"{self.branch.title} has no remote, so that nobody can pull {self.manner.to}",
                help="leave --branch out, or git remote add origin URL",
            )
        why = self.branches.advance(self.branch, commit)
        if not why:
            return _with(done, "committed", commit, "local only: the repository has no remote")
        if self.branches.tip(self.branch) != done.base:
            return None
        raise GitError(f"{self.branch.title} does not take the commit: {why}", help="nothing was changed")


def _with(done: Published, state: str, commit: str = "", note: str = "") -> Published:
    return replace(done, state=state, commit=commit, notes=(*done.notes, *([note] if note else [])))


def _require_same(before: Edits | None, now: Edits) -> None:
    """Raise NotMet when somebody else changed a value, since it was looked at, to something else than it
    would be now."""
    if before is None:
        return
    seen: dict[tuple[str, str, str, str], set[str]] = {}
    for place in before.places:
        seen.setdefault(place.key, set()).add(place.before)
    for place in now.changed:
        known = seen.get(place.key)
        if known is not None and place.before not in known:
            raise _conflict(place, min(known))


def _conflict(place: PlaceEdit, known: str) -> NotMet:
    return NotMet(
        f"{place.path}:{place.line} was changed by somebody else meanwhile",
        cause=f"it was {known}, it is {place.before} now, and should become {place.after}",
        help="nothing was changed; if it is still right, run the same command again",
    )
