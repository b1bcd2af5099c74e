"""Revisions and repositories on this machine."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from shipway.errors import GitError, UsageError
from shipway.fleet.model import NOTHING
from shipway.git.command import LONG_SECONDS, Git, under_git, without_userinfo
from shipway.ports import Host, Revision

_PATHS_AT_ONCE = 500
_IGNORE_RULE = re.compile(r"(?P<source>.+?):(?P<line>\d+):(?P<pattern>.*)\t\./(?P<path>.+)")
_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


class GitWorkingCopy:
    """Working copies on this machine.

    ``ci`` holds variables of a CI system: on a detached head, which is what CI checks out, the branch is
    GITHUB_HEAD_REF (pull requests), else GITHUB_REF_NAME unless GITHUB_REF_TYPE says it is a tag.
    """

    def __init__(self, host: Host, ci: Mapping[str, str] = NOTHING) -> None:
        self._git = Git(host).run
        self._ci = ci

    def revision(self, directory: Path) -> Revision | None:
        """See ``ports.WorkingCopy.revision``. Raises GitError when git refuses."""
        if not under_git(directory.absolute()):
            return None
        arguments = ("status", "--porcelain=v2", "--branch", "--untracked-files=no")
        status = _Status.parse(self._git(directory, *arguments).stdout)
        if status.commit is None:
            return None
        time = self._git(directory, "show", "-s", "--no-show-signature", "--format=%ct", status.commit)
        remote = self._git(directory, "config", "--get", "remote.origin.url", accept=(0, 1))
        return Revision(
            commit=status.commit,
            branch=status.branch or self._ci_branch(),
            time=datetime.fromtimestamp(int(time.stdout), UTC),
            dirty=status.dirty,
            remote=without_userinfo(remote.stdout.strip()) or None,
        )

    def tracked_files(self, directory: Path) -> tuple[str, ...]:
        """The files that git tracks below ``directory``, relative to it, sorted."""
        listing = self._git(directory, "ls-files", "-z", "--cached").stdout
        return tuple(sorted(set(filter(None, listing.split("\0")))))

    def tracked(self, directory: Path) -> frozenset[str] | None:
        """See ``ports.WorkingCopy.tracked``."""
        return frozenset(self.tracked_files(directory)) if under_git(directory.absolute()) else None

    def prefix(self, directory: Path) -> str:
        """``directory`` relative to the root of the working copy that holds it, ``""`` for that and outside
        of any; symbolic links are followed."""
        here = directory.resolve()
        root = next((each for each in (here, *here.parents) if (each / ".git").exists()), here)
        return "" if root == here else here.relative_to(root).as_posix()

    def ignore_rules(self, directory: Path, paths: Sequence[str]) -> Mapping[str, str]:
        """See ``ports.WorkingCopy.ignore_rules``; git-check-ignore(1) with ``--verbose``."""
        found: dict[str, str] = {}
        for start in range(0, len(paths), _PATHS_AT_ONCE):
            # a leading ./ keeps a path from being taken for pathspec magic
            chunk = [f"./{path}" for path in paths[start : start + _PATHS_AT_ONCE]]
            options = ("check-ignore", "--verbose", "--no-index", "--")
            for said in self._git(directory, *options, *chunk, accept=(0, 1)).stdout.splitlines():
                match = _IGNORE_RULE.fullmatch(said)
                if match is not None:
                    found[match["path"]] = f"{match['source']}:{match['line']}: {match['pattern']}"
        return found

    def has_commit(self, directory: Path, commit: str) -> bool | None:
        """See ``ports.History.has_commit``."""
        if not _COMMIT.fullmatch(commit) or not under_git(directory.absolute()):
            return None
        asked = self._git(directory, "cat-file", "-e", f"{commit}^{{commit}}", accept=(0, 1, 128))
        if asked.code == 0:
            return True
        shallow = self._git(directory, "rev-parse", "--is-shallow-repository").stdout.strip()
        return None if shallow == "true" else False

    def content(self, directory: Path, commit: str, path: str) -> bytes | None:
        """See ``ports.History.content``."""
        if not _COMMIT.fullmatch(commit) or not under_git(directory.absolute()):
            return None
        found = self._git(directory, "cat-file", "blob", f"{commit}:./{path}", accept=(0, 128))
        return os.fsencode(found.stdout) if found.code == 0 else None

    def clone(self, url: str, ref: str | None, directory: Path) -> None:
        """Make ``directory`` a shallow clone of ``url`` at ``ref``: a branch, a tag, a commit, None for HEAD.

        ``directory`` appears whole or not at all. Raises GitError when it exists and is not empty, or
        when the repository cannot be fetched without asking for credentials.
        """
        if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
            raise GitError(f"cannot clone into {directory}: it exists and is not empty")
        source = f"{without_userinfo(url)} at {ref or 'HEAD'}"
        fetch = ("fetch", "--quiet", "--depth=1", "--no-tags", "--", "origin", ref or "HEAD")
        with _beside(directory) as fresh:
            fresh.mkdir()
            self._git(fresh, "init", "--quiet", "--template=")
            self._git(fresh, "remote", "add", "--", "origin", url)
            self._git(fresh, *fetch, doing=f"cannot fetch {source}", timeout=LONG_SECONDS)
            self._git(
                fresh, "checkout", "--quiet", "--detach", "FETCH_HEAD", doing=f"cannot check out {source}"
            )
            fresh.rename(directory)

    @contextmanager
    def past(self, directory: Path, revision: str) -> Iterator[tuple[str, Path]]:
        """The files of ``directory`` at the last commit that HEAD has in common with ``revision``, which is
        what ``git diff revision...HEAD`` compares with: that commit, and a directory that lives as long as
        the context. They are written as a checkout would, through filters and with the ends of lines that
        the configuration asks for, under another index: neither the working copy nor its index is touched.

        Raises UsageError for an unknown revision, GitError without a common commit.
        """
        top = Path(self._git(directory, "rev-parse", "--show-toplevel").stdout.rstrip("\n"))
        commit = self._fork_point(directory, revision)
        with tempfile.TemporaryDirectory(prefix="shipway-since-") as holder:
            index = {"GIT_INDEX_FILE": f"{holder}/index"}
            # some names are taken from that of the directory
            tree = Path(holder) / "tree" / top.name
            self._git(top, "read-tree", commit, more=index)
            write = ("checkout-index", "--all", "--quiet", f"--prefix={tree}/")
            self._git(top, *write, more=index, timeout=LONG_SECONDS)
            root = tree / directory.resolve().relative_to(top.resolve())
            root.mkdir(parents=True, exist_ok=True)
            yield commit, root

    def _fork_point(self, directory: Path, revision: str) -> str:
        ask = ("rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}")
        named = None if revision.startswith("-") else self._git(directory, *ask, accept=(0, 1, 128))
        if named is None or named.code != 0:
            raise UsageError(
                f"there is no revision {revision} here",
                cause="it is misspelt, or was not fetched: CI systems often fetch one commit only",
                help=f"git fetch origin {revision.removeprefix('origin/')}, or check out with its history"
                " (fetch-depth: 0)",
            )
        found = self._git(directory, "merge-base", named.stdout.strip(), "HEAD", accept=(0, 1))
        if found.code != 0:
            raise GitError(
                f"HEAD and {revision} have no commit in common here",
                cause="the history is cut off, as in a shallow clone, or the two are unrelated",
                help="git fetch --unshallow, or check out with the whole history (fetch-depth: 0)",
            )
        return found.stdout.strip()

    def _ci_branch(self) -> str | None:
        if branch := self._ci.get("GITHUB_HEAD_REF"):
            return branch
        is_branch = self._ci.get("GITHUB_REF_TYPE", "branch") == "branch"
        return (self._ci.get("GITHUB_REF_NAME") or None) if is_branch else None


@dataclass(frozen=True, slots=True)
class _Status:
    """What ``git status --porcelain=v2 --branch`` tells (git-status(1), Porcelain Format Version 2)."""

    commit: str | None
    branch: str | None
    dirty: bool

    @classmethod
    def parse(cls, text: str) -> _Status:
        headers: dict[str, str] = {}
        dirty = False
        for line in text.splitlines():
            if line.startswith("# "):
                name, _, value = line[2:].partition(" ")
                headers[name] = value
            else:
                dirty = True
        commit, branch = headers.get("branch.oid"), headers.get("branch.head")
        return cls(
            None if commit == "(initial)" else commit, None if branch == "(detached)" else branch, dirty
        )


@contextmanager
def _beside(directory: Path) -> Iterator[Path]:
    """A fresh directory on the same file system; what is left of it is deleted."""
    try:
        directory.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{directory.name}.", dir=directory.parent) as holder:
            yield Path(holder) / "clone"
    except OSError as error:
        raise GitError(f"cannot clone into {directory}: {error.strerror}") from None
