"""Revisions, and commits on branches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Revision:
    """What a working copy holds. ``branch`` is None on a detached head; ``commit`` is full-length hex;
    ``time`` is the committer's time in UTC; ``dirty`` tells whether tracked files differ from it."""

    commit: str
    branch: str | None
    time: datetime
    dirty: bool
    remote: str | None = None


class WorkingCopy(Protocol):
    def revision(self, directory: Path) -> Revision | None:
        """The revision checked out at ``directory``; None outside git or before the first commit."""

    def tracked(self, directory: Path) -> frozenset[str] | None:
        """The files below ``directory`` that git tracks, relative to it (a submodule is one entry); None
        outside git. Raises GitError."""

    def ignore_rules(self, directory: Path, paths: Sequence[str]) -> Mapping[str, str]:
        """Of ``paths``, relative to ``directory``, those that git ignores, each with the line that says so
        (``.gitignore:3: dist/``). Raises GitError."""


class History(WorkingCopy, Protocol):
    """A working copy whose past can be asked."""

    def has_commit(self, directory: Path, commit: str) -> bool | None:
        """Whether the repository at ``directory`` has a commit; None outside git, and where the history is
        cut short, so that nobody can tell."""

    def content(self, directory: Path, commit: str, path: str) -> bytes | None:
        """The bytes of the file ``path``, relative to ``directory``, in a commit; None when it has none."""


@dataclass(frozen=True, slots=True)
class Branch:
    """A branch that promotions go to. ``title`` is how people call its repository, ``directory`` where git
    works on it: in a working copy, or in a bare repository made for the purpose. ``name`` is its name here,
    ``remote`` the remote that it is pushed to, ``there`` its name there; without a remote it stays here.
    ``url`` is that of the remote, without credentials. ``bare`` tells that no file of it is checked out.
    """

    title: str
    directory: Path
    name: str
    there: str
    remote: str | None = None
    url: str = ""
    bare: bool = False


@dataclass(frozen=True, slots=True)
class Commit:
    """What a commit is made of: ``files`` by their paths from the top of the repository."""

    parent: str
    files: Mapping[str, bytes]
    subject: str
    body: str = ""


class Branches(Protocol):
    """Commits on branches of git repositories, made without touching a working copy before they are in."""

    def at(self, directory: Path, name: str | None) -> Branch:
        """The branch ``name`` of the working copy at ``directory``, the one that is checked out by default.

        Raises UsageError where there is no repository or no branch.
        """

    def elsewhere(self, url: str, name: str | None, scratch: Path) -> Branch:
        """The branch of a repository that is nowhere here; what is fetched of it goes to ``scratch``."""

    def tip(self, branch: Branch, of: str | None = None) -> str | None:
        """The commit that the branch, or that called ``of``, is at: asked of the remote where there is one.
        None when there is no such branch."""

    def search(self, branch: Branch, commit: str, texts: Sequence[str], below: str = "") -> tuple[str, ...]:
        """The text files of a commit, below a directory, that hold one of ``texts``."""

    def read(self, branch: Branch, commit: str, path: str) -> bytes:
        """A file of a commit, as git keeps it."""

    def changed(self, branch: Branch, paths: Sequence[str]) -> tuple[str, ...]:
        """Those of ``paths`` that are not in the working copy as HEAD has them."""

    def commit(self, branch: Branch, commit: Commit) -> str:
        """Make a commit that no branch knows yet. Raises GitError where git does not know the author."""

    def push(self, branch: Branch, commit: str, to: str) -> bool:
        """Let the branch ``to`` of the remote go on to ``commit``; False when somebody else was faster.

        Never forces. Raises GitError with the reason for any other refusal.
        """

    def advance(self, branch: Branch, commit: str) -> str:
        """Let the branch here, and its files where it is checked out, go on to ``commit``. What keeps it from
        that is returned, and then nothing was changed; ``""`` when it is done or there is nothing to do."""

    def descends(self, directory: Path, commit: str, ancestor: str) -> bool | None:
        """Whether ``commit`` is ``ancestor`` or comes after it; None where the history here cannot tell."""
