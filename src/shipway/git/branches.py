"""Commits on branches of repositories, by git's plumbing: a tree is made beside the working copy, pushed, and
only what is in the remote comes into the working copy, as a fast-forward."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from shipway.errors import UsageError
from shipway.git.command import LONG_SECONDS, Git, failure, under_git, without_userinfo
from shipway.git.refusals import lost_race, refused
from shipway.ports import Branch, Commit, Completed, Host

_OBJECT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_HEADS = "refs/heads/"
_NEW_FILE = "100644"


class GitBranches:
    """See ``ports.Branches``. The user's own settings hold: identity, signing, credentials."""

    def __init__(self, host: Host) -> None:
        self._git = Git(host).run

    # --- which branch -------------------------------------------------------------------------

    def at(self, directory: Path, name: str | None) -> Branch:
        """See ``ports.Branches.at``."""
        if not directory.is_dir() or not under_git(directory.absolute()):
            raise UsageError(f"{directory} is no git repository", help="name a working copy, or a git URL")
        top = Path(self._said(directory, "rev-parse", "--show-toplevel"))
        name = name or self._checked_out(top)
        if name is None:
            raise UsageError(
                f"{directory} has no branch checked out",
                help="name the branch: DIR#BRANCH, or branch: in the fleet file",
            )
        remote = self._remote(top, name)
        merge = self._config(top, f"branch.{name}.merge").removeprefix(_HEADS) if remote else ""
        url = without_userinfo(self._config(top, f"remote.{remote}.url")) if remote else ""
        return Branch(str(directory), top, name, merge or name, remote, url)

    def elsewhere(self, url: str, name: str | None, scratch: Path) -> Branch:
        """See ``ports.Branches.elsewhere``."""
        title = without_userinfo(url)
        self._git(scratch, "init", "--quiet", "--bare", "--template=", "--initial-branch=main")
        self._git(scratch, "remote", "add", "--", "origin", url)
        if name is None:
            asked = ("ls-remote", "--symref", "origin", "HEAD")
            said = self._git(scratch, *asked, doing=f"cannot reach {title}", timeout=LONG_SECONDS).stdout
            head = re.search(r"^ref: refs/heads/(\S+)\tHEAD$", said, re.MULTILINE)
            if head is None:
                raise UsageError(f"{title} has no default branch", help="name one: URL#BRANCH")
            name = head[1]
        return Branch(title, scratch, name, name, "origin", title, bare=True)

    def _checked_out(self, top: Path) -> str | None:
        said = self._git(top, "symbolic-ref", "--quiet", "--short", "HEAD", accept=(0, 1))
        return said.stdout.strip() or None

    def _remote(self, top: Path, name: str) -> str | None:
        """Where a branch is pushed to: what its configuration says, origin, or the only remote."""
        named = self._config(top, f"branch.{name}.remote")
        remotes = self._said(top, "remote").splitlines()
        if named in remotes:
            return named
        if "origin" in remotes:
            return "origin"
        if len(remotes) > 1:
            raise UsageError(
                f"{top} has several remotes and no origin: {', '.join(remotes)}",
                help=f"git -C {top} branch --set-upstream-to REMOTE/{name} {name}",
            )
        return remotes[0] if remotes else None

    # --- reading ------------------------------------------------------------------------------

    def tip(self, branch: Branch, of: str | None = None) -> str | None:
        """See ``ports.Branches.tip``."""
        wanted = of or branch.there
        if branch.remote is None:
            return self._resolved(branch.directory, f"{_HEADS}{of or branch.name}")
        ask = ("ls-remote", "--heads", "--", branch.remote, f"{_HEADS}{wanted}")
        doing = f"cannot reach {branch.title}"
        listed = self._git(branch.directory, *ask, doing=doing, timeout=LONG_SECONDS).stdout
        found = [line.split("\t") for line in listed.splitlines()]
        commit = next((commit for commit, ref in found if ref == f"{_HEADS}{wanted}"), None)
        if commit is not None and self._resolved(branch.directory, commit) is None:
            depth = ("--depth=1",) if branch.bare else ()
            fetch = ("fetch", "--quiet", "--no-tags", *depth, "--", branch.remote, f"{_HEADS}{wanted}")
            self._git(branch.directory, *fetch, doing=f"cannot fetch {branch.title}", timeout=LONG_SECONDS)
            known = (self._resolved(branch.directory, each) for each in (commit, "FETCH_HEAD"))
            return next(filter(None, known), None)
        return commit

    def search(self, branch: Branch, commit: str, texts: Sequence[str], below: str = "") -> tuple[str, ...]:
        """See ``ports.Branches.search``."""
        if not texts:
            return ()
        patterns = [argument for text in texts for argument in ("-e", text)]
        grep = ("grep", "--full-name", "-l", "-z", "-I", "--fixed-strings", *patterns, commit)
        within = ("--", f":(top,literal){below}") if below else ("--",)
        said = self._git(branch.directory, *grep, *within, accept=(0, 1), timeout=LONG_SECONDS).stdout
        return tuple(sorted(name.removeprefix(f"{commit}:") for name in said.split("\0") if name))

    def read(self, branch: Branch, commit: str, path: str) -> bytes:
        """See ``ports.Branches.read``."""
        return os.fsencode(self._git(branch.directory, "cat-file", "blob", f"{commit}:{path}").stdout)

    def changed(self, branch: Branch, paths: Sequence[str]) -> tuple[str, ...]:
        """See ``ports.Branches.changed``."""
        if branch.bare or not paths or self._checked_out(branch.directory) != branch.name:
            return ()
        literal = [f":(top,literal){path}" for path in paths]
        status = ("status", "--porcelain", "-z", "--no-renames", "--untracked-files=all", "--", *literal)
        said = self._git(branch.directory, *status).stdout
        return tuple(entry[3:] for entry in said.split("\0") if entry)

    def descends(self, directory: Path, commit: str, ancestor: str) -> bool | None:
        """See ``ports.Branches.descends``."""
        if not under_git(directory.absolute()):
            return None
        if any(self._resolved(directory, each) is None for each in (commit, ancestor)):
            return None
        code = self._git(directory, "merge-base", "--is-ancestor", ancestor, commit, accept=(0, 1)).code
        if code and self._said(directory, "rev-parse", "--is-shallow-repository") == "true":
            return None
        return code == 0

    # --- writing ------------------------------------------------------------------------------

    def commit(self, branch: Branch, commit: Commit) -> str:
        """See ``ports.Branches.commit``."""
        with tempfile.TemporaryDirectory(prefix="shipway-commit-") as scratch:
            index = {"GIT_INDEX_FILE": f"{scratch}/index"}
            self._git(branch.directory, "read-tree", commit.parent, more=index)
            for path, data in commit.files.items():
                content = Path(scratch) / "content"
                content.write_bytes(data)
                blob = self._said(branch.directory, "hash-object", "-w", "--no-filters", "--", str(content))
                mode = self._mode(branch.directory, path, index)
                entry = ("update-index", "--add", "--cacheinfo", f"{mode},{blob},{path}")
                self._git(branch.directory, *entry, more=index)
            tree = self._git(branch.directory, "write-tree", more=index).stdout.strip()
        paragraphs = [part for text in (commit.subject, commit.body) if text for part in ("-m", text)]
        signs = self._config(branch.directory, "commit.gpgsign", "--type=bool") == "true"
        make = ("commit-tree", *(("-S",) if signs else ()), "-p", commit.parent, *paragraphs, tree)
        doing = f"cannot commit to {branch.title}"
        return self._git(branch.directory, *make, doing=doing).stdout.strip()

    def push(self, branch: Branch, commit: str, to: str) -> bool:
        """See ``ports.Branches.push``."""
        if branch.remote is None:
            raise UsageError(f"{branch.title} has no remote", help="git remote add origin URL")
        push = ("push", "--porcelain", "--no-force", "--", branch.remote, f"{commit}:{_HEADS}{to}")
        done = self._git(branch.directory, *push, accept=range(256), timeout=LONG_SECONDS)
        if done.code == 0:
            return True
        if lost_race(done.stdout, done.stderr):
            return False
        raise refused(branch, to, done) or failure(f"cannot push to {branch.title}", branch.directory, done)

    def advance(self, branch: Branch, commit: str) -> str:
        """See ``ports.Branches.advance``."""
        if branch.bare:
            return ""
        if self._checked_out(branch.directory) == branch.name:
            merge = ("merge", "--ff-only", "--no-stat", "--quiet", commit)
            return _reason(self._git(branch.directory, *merge, accept=range(256)))
        here = self._resolved(branch.directory, f"{_HEADS}{branch.name}")
        if here is None:
            return ""
        if not self.descends(branch.directory, commit, here):
            return f"the branch {branch.name} has commits of its own here"
        move = ("update-ref", "-m", "shipway: fast-forward", f"{_HEADS}{branch.name}", commit, here)
        return _reason(self._git(branch.directory, *move, accept=range(256)))

    # --- helpers ------------------------------------------------------------------------------

    def _mode(self, directory: Path, path: str, index: Mapping[str, str]) -> str:
        listed = self._git(
            directory, "ls-files", "--stage", "-z", "--", f":(top,literal){path}", more=index
        ).stdout
        return listed.split(" ", 1)[0] if listed else _NEW_FILE

    def _resolved(self, directory: Path, name: str) -> str | None:
        ask = ("rev-parse", "--verify", "--quiet", f"{name}^{{commit}}")
        said = self._git(directory, *ask, accept=(0, 1, 128)).stdout.strip()
        return said if _OBJECT.fullmatch(said) else None

    def _config(self, directory: Path, key: str, *options: str) -> str:
        said = self._git(directory, "config", *options, "--get", key, accept=(0, 1)).stdout
        return said.removesuffix("\n")

    def _said(self, directory: Path, *arguments: str) -> str:
        return self._git(directory, *arguments).stdout.rstrip("\n")


def _reason(done: Completed) -> str:
    """Why git did nothing, ``""`` when it did."""
    if done.code == 0:
        return ""
    said = [line for line in done.stderr.splitlines() if line.strip()]
    lines = [line for line in said if line.startswith(("error:", "fatal:"))] or said
    return without_userinfo(lines[0].partition(": ")[2] or lines[0]) if lines else f"exit code {done.code}"
