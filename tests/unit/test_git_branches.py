"""Commits on branches against the real git program: what is pushed, what stays, never forced."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from shipway.errors import GitError, UsageError
from shipway.git import GitBranches
from shipway.host import SystemHost
from shipway.ports import Commit

BRANCHES = GitBranches(SystemHost())


pytestmark = pytest.mark.usefixtures("own_git")


def git(directory: Path, *arguments: str) -> str:
    argv = ["git", "-C", str(directory), *arguments]
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def remote(tmp_path: Path) -> Path:
    first = tmp_path / "first"
    first.mkdir()
    git(first, "init", "-q", "-b", "main")
    (first / "apps").mkdir()
    (first / "apps" / "é b.yaml").write_bytes(b"image: a/b:1\r\n")
    (first / "run.sh").write_text("a/b\n")
    (first / "run.sh").chmod(0o755)
    git(first, "add", ".")
    git(first, "commit", "-qm", "first")
    git(tmp_path, "clone", "-q", "--bare", str(first), "remote.git")
    return tmp_path / "remote.git"


@pytest.fixture
def copy(tmp_path: Path, remote: Path) -> Path:
    git(tmp_path, "clone", "-q", str(remote), "copy")
    return tmp_path / "copy"


def write(copy: Path, path: str, text: str) -> None:
    (copy / path).write_text(text)


def test_a_commit_is_pushed_and_comes_into_the_working_copy(copy: Path, remote: Path) -> None:
    branch = BRANCHES.at(copy / "apps", None)
    base = BRANCHES.tip(branch)
    assert base == git(copy, "rev-parse", "HEAD")
    commit = BRANCHES.commit(branch, Commit(base, {"apps/é b.yaml": b"image: a/b:2\r\n"}, "subject", "body"))
    assert git(copy, "rev-parse", "HEAD") == base
    assert BRANCHES.push(branch, commit, branch.there)
    assert BRANCHES.advance(branch, commit) == ""
    assert git(remote, "rev-parse", "main") == git(copy, "rev-parse", "HEAD") == commit
    assert (copy / "apps" / "é b.yaml").read_bytes() == b"image: a/b:2\r\n"
    assert git(copy, "status", "--porcelain") == ""
    assert git(copy, "show", "-s", "--format=%an %s %b", commit) == "A subject body"
    assert git(copy, "diff", "--stat", f"{base}..{commit}").count("|") == 1


def test_the_mode_of_a_file_stays(copy: Path) -> None:
    branch = BRANCHES.at(copy, None)
    commit = BRANCHES.commit(branch, Commit(git(copy, "rev-parse", "HEAD"), {"run.sh": b"a/c\n"}, "s"))
    assert git(copy, "ls-tree", commit, "run.sh").startswith("100755 ")


def test_files_are_found_by_what_they_hold(copy: Path) -> None:
    branch = BRANCHES.at(copy, None)
    base = git(copy, "rev-parse", "HEAD")
    assert BRANCHES.search(branch, base, ["a/b"]) == ("apps/é b.yaml", "run.sh")
    assert BRANCHES.search(branch, base, ["a/b"], "apps") == ("apps/é b.yaml",)
    assert BRANCHES.search(branch, base, ["nowhere"]) == ()
    assert BRANCHES.read(branch, base, "apps/é b.yaml") == b"image: a/b:1\r\n"


def test_others_who_were_faster_are_told_from_refusals(copy: Path, remote: Path, tmp_path: Path) -> None:
    branch = BRANCHES.at(copy, None)
    base = git(copy, "rev-parse", "HEAD")
    mine = BRANCHES.commit(branch, Commit(base, {"run.sh": b"mine\n"}, "mine"))
    theirs = BRANCHES.commit(branch, Commit(base, {"new.yaml": b"theirs\n"}, "theirs"))
    git(copy, "push", "-q", "origin", f"{theirs}:refs/heads/main")
    assert BRANCHES.push(branch, mine, "main") is False
    assert git(remote, "rev-parse", "main") == theirs


def test_a_protected_branch_is_explained_and_never_forced(copy: Path, remote: Path) -> None:
    hook = remote / "hooks" / "pre-receive"
    hook.write_text("#!/bin/sh\necho 'error: main is a protected branch' >&2\nexit 1\n")
    hook.chmod(0o755)
    branch = BRANCHES.at(copy, None)
    base = git(copy, "rev-parse", "HEAD")
    commit = BRANCHES.commit(branch, Commit(base, {"run.sh": b"x\n"}, "s"))
    with pytest.raises(GitError, match="main is a protected branch") as refusal:
        BRANCHES.push(branch, commit, "main")
    assert "--branch" in (refusal.value.help or "")
    assert git(remote, "rev-parse", "main") == base


def test_a_dirty_working_copy_keeps_its_changes(copy: Path, remote: Path) -> None:
    write(copy, "run.sh", "my own\n")
    write(copy, "staged", "staged\n")
    git(copy, "add", "staged")
    branch = BRANCHES.at(copy, None)
    assert BRANCHES.changed(branch, ["run.sh", "apps/é b.yaml"]) == ("run.sh",)
    base = git(copy, "rev-parse", "HEAD")
    commit = BRANCHES.commit(branch, Commit(base, {"apps/é b.yaml": b"image: a/b:2\r\n"}, "s"))
    assert BRANCHES.push(branch, commit, "main")
    assert BRANCHES.advance(branch, commit) == ""
    assert git(copy, "status", "--porcelain").splitlines() == ["M run.sh", "A  staged"]
    assert git(copy, "diff", "--name-only", base, commit) == r'"apps/\303\251 b.yaml"'


def test_commits_of_ones_own_are_neither_pushed_nor_lost(copy: Path, remote: Path) -> None:
    write(copy, "mine", "mine\n")
    git(copy, "add", "mine")
    git(copy, "commit", "-qm", "mine")
    mine = git(copy, "rev-parse", "HEAD")
    branch = BRANCHES.at(copy, None)
    base = BRANCHES.tip(branch) or ""
    assert base != mine
    commit = BRANCHES.commit(branch, Commit(base, {"run.sh": b"x\n"}, "s"))
    assert BRANCHES.push(branch, commit, "main")
    assert BRANCHES.advance(branch, commit) != ""
    assert git(copy, "rev-parse", "HEAD") == mine
    assert git(remote, "log", "--format=%s", "main").splitlines() == ["s", "first"]


def test_a_repository_elsewhere_needs_no_working_copy(remote: Path, tmp_path: Path) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    branch = BRANCHES.elsewhere(f"file://{remote}", None, scratch)
    assert branch.name == "main"
    base = BRANCHES.tip(branch)
    assert base is not None
    commit = BRANCHES.commit(branch, Commit(base, {"run.sh": b"x\n"}, "s"))
    assert BRANCHES.push(branch, commit, "main")
    assert BRANCHES.advance(branch, commit) == ""
    assert git(remote, "rev-parse", "main") == commit
    assert BRANCHES.tip(branch, "nowhere") is None


def test_ancestry_is_known_unknown_or_not_there(copy: Path, tmp_path: Path) -> None:
    first = git(copy, "rev-parse", "HEAD")
    write(copy, "mine", "mine\n")
    git(copy, "add", "mine")
    git(copy, "commit", "-qm", "second")
    second = git(copy, "rev-parse", "HEAD")
    assert BRANCHES.descends(copy, second, first) is True
    assert BRANCHES.descends(copy, first, first) is True
    assert BRANCHES.descends(copy, first, second) is False
    assert BRANCHES.descends(copy, second, "0" * 40) is None
    assert BRANCHES.descends(tmp_path, second, first) is None


def test_what_cannot_be_committed_to_is_explained(copy: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no git repository"):
        BRANCHES.at(tmp_path, None)
    git(copy, "checkout", "-q", "--detach")
    with pytest.raises(UsageError, match="no branch checked out"):
        BRANCHES.at(copy, None)
    (tmp_path / "home" / ".gitconfig").write_text("[user]\nuseConfigOnly = true\n")
    branch = BRANCHES.at(copy, "main")
    with pytest.raises(GitError) as error:
        BRANCHES.commit(branch, Commit(git(copy, "rev-parse", "HEAD"), {"run.sh": b"x\n"}, "s"))
    assert "user.name" in (error.value.help or "")
