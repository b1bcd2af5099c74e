"""Revisions, tracked files and clones, against the real git program."""

from __future__ import annotations

import os
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from shipway.errors import GitError
from shipway.git import GitWorkingCopy
from shipway.host import SystemHost

COPIES = GitWorkingCopy(SystemHost())
WHEN = "2026-01-02T03:04:05+02:00"


@pytest.fixture(autouse=True)
def own_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the user's git configuration nor a surrounding hook has a say."""
    for name in [name for name in os.environ if name.startswith(("GIT_", "GITHUB_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    for who in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{who}_NAME", "A")
        monkeypatch.setenv(f"GIT_{who}_EMAIL", "a@example.org")
        monkeypatch.setenv(f"GIT_{who}_DATE", WHEN)


def git(directory: Path, *arguments: str) -> str:
    argv = ["git", "-C", str(directory), *arguments]
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    directory = tmp_path / "shop"
    directory.mkdir()
    git(directory, "init", "--quiet", "--initial-branch=trunk")
    (directory / "a").write_text("a")
    (directory / "sub").mkdir()
    (directory / "sub" / "é b").write_text("b")
    git(directory, "add", ".")
    git(directory, "commit", "--quiet", "-m", "first")
    return directory


def test_a_clean_checkout_tells_commit_branch_and_time(repository: Path) -> None:
    revision = COPIES.revision(repository)
    assert revision is not None
    assert revision.commit == git(repository, "rev-parse", "HEAD")
    assert (revision.branch, revision.dirty, revision.remote) == ("trunk", False, None)
    assert revision.time == datetime(2026, 1, 2, 1, 4, 5, tzinfo=UTC)


def test_a_directory_below_the_top_and_its_spelling_do_not_matter(repository: Path) -> None:
    assert COPIES.revision(repository / "sub" / ".." / "sub") == COPIES.revision(repository)


def test_a_changed_file_makes_it_dirty_and_an_untracked_one_does_not(repository: Path) -> None:
    (repository / "new").write_text("n")
    assert (revision := COPIES.revision(repository)) and not revision.dirty
    (repository / "a").write_text("changed")
    assert (revision := COPIES.revision(repository)) and revision.dirty


def test_a_branch_name_with_slashes_is_whole(repository: Path) -> None:
    git(repository, "checkout", "--quiet", "-b", "feature/x y".replace(" ", "-"))
    assert (revision := COPIES.revision(repository)) and revision.branch == "feature/x-y"


@pytest.mark.parametrize(
    ("ci", "branch"),
    [
        ({}, None),
        ({"GITHUB_REF_NAME": "main"}, "main"),
        ({"GITHUB_REF_NAME": "main", "GITHUB_REF_TYPE": "branch", "GITHUB_HEAD_REF": ""}, "main"),
        ({"GITHUB_REF_NAME": "12/merge", "GITHUB_HEAD_REF": "fix/a"}, "fix/a"),
        ({"GITHUB_REF_NAME": "v1.0", "GITHUB_REF_TYPE": "tag"}, None),
    ],
)
def test_on_a_detached_head_ci_names_the_branch(
    repository: Path, ci: dict[str, str], branch: str | None
) -> None:
    git(repository, "checkout", "--quiet", "--detach")
    assert (revision := GitWorkingCopy(SystemHost(), ci).revision(repository)) and revision.branch == branch


def test_ci_does_not_overrule_a_branch_that_is_checked_out(repository: Path) -> None:
    copies = GitWorkingCopy(SystemHost(), {"GITHUB_REF_NAME": "other"})
    assert (revision := copies.revision(repository)) and revision.branch == "trunk"


def test_the_remote_is_told_without_its_credentials(repository: Path) -> None:
    git(repository, "remote", "add", "origin", "https://ci:s3cret@git.example.org/acme/shop.git")
    assert (revision := COPIES.revision(repository))
    assert revision.remote == "https://git.example.org/acme/shop.git"


def test_outside_git_and_before_the_first_commit_there_is_no_revision(tmp_path: Path) -> None:
    assert COPIES.revision(tmp_path) is None
    git(tmp_path, "init", "--quiet")
    assert COPIES.revision(tmp_path) is None


def test_a_hook_of_another_repository_does_not_redirect_the_question(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
    monkeypatch.setenv("GIT_WORK_TREE", str(tmp_path))
    assert (revision := COPIES.revision(repository)) and revision.branch == "trunk"


def test_a_program_named_in_the_repository_is_not_started(repository: Path, tmp_path: Path) -> None:
    started = tmp_path / "started"
    monitor = tmp_path / "monitor"
    monitor.write_text(f"#!/bin/sh\ntouch {started}\n")
    monitor.chmod(0o755)
    git(repository, "config", "core.fsmonitor", str(monitor))
    COPIES.revision(repository)
    COPIES.tracked_files(repository)
    assert not started.exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files to another user")
def test_files_of_another_user_are_an_error_with_the_next_command(repository: Path) -> None:
    for path in [repository, *repository.rglob("*")]:
        os.chown(path, 65534, 65534, follow_symlinks=False)
    with pytest.raises(GitError) as caught:
        COPIES.revision(repository)
    assert caught.value.help == f"git config --global --add safe.directory {repository}"


def test_a_missing_git_program_is_named(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(repository))
    with pytest.raises(GitError, match="no such program") as caught:
        COPIES.revision(repository)
    assert caught.value.help == "install git"


def test_tracked_files_are_named_relative_to_the_directory(repository: Path) -> None:
    (repository / "untracked").write_text("u")
    assert COPIES.tracked_files(repository) == ("a", "sub/é b")
    assert COPIES.tracked_files(repository / "sub") == ("é b",)


def test_tracked_files_need_git(tmp_path: Path) -> None:
    with pytest.raises(GitError, match="ls-files failed"):
        COPIES.tracked_files(tmp_path)


@pytest.fixture
def origin(repository: Path) -> Path:
    git(repository, "tag", "v1")
    (repository / "a").write_text("second")
    git(repository, "commit", "--quiet", "-am", "second")
    return repository


@pytest.mark.parametrize("ref", [None, "trunk", "v1", "COMMIT"])
def test_a_clone_is_shallow_and_stands_at_the_ref(origin: Path, tmp_path: Path, ref: str | None) -> None:
    wanted = git(origin, "rev-parse", "HEAD" if ref in (None, "COMMIT") else f"{ref}^{{commit}}")
    target = tmp_path / "clones" / "shop"
    COPIES.clone(f"file://{origin}", wanted if ref == "COMMIT" else ref, target)
    assert git(target, "rev-parse", "HEAD") == wanted
    assert git(target, "rev-list", "--count", "HEAD") == "1"
    assert (revision := COPIES.revision(target)) and not revision.dirty
    assert [path.name for path in target.parent.iterdir()] == ["shop"]


@pytest.mark.parametrize(
    "url", ["file:///no/such/place", "--upload-pack=touch /tmp/x", "ext::sh -c touch% x"]
)
def test_a_clone_that_fails_leaves_nothing(tmp_path: Path, url: str) -> None:
    target = tmp_path / "clones" / "shop"
    with pytest.raises(GitError, match="cannot fetch"):
        COPIES.clone(url, None, target)
    assert list(target.parent.iterdir()) == []


def test_a_ref_that_is_not_there_is_named_and_looks_like_no_option(origin: Path, tmp_path: Path) -> None:
    for ref in ("nowhere", "--upload-pack=false"):
        with pytest.raises(GitError, match=f"at {ref}") as caught:
            COPIES.clone(f"file://{origin}", ref, tmp_path / "clone")
        assert "credentials" not in str(caught.value)


def test_credentials_do_not_show_up_in_an_error(tmp_path: Path) -> None:
    with pytest.raises(GitError) as caught:
        COPIES.clone("http://ci:s3cret@127.0.0.1:1/acme/shop.git", None, tmp_path / "clone")
    assert "s3cret" not in f"{caught.value} {caught.value.cause} {caught.value.help}"


def test_a_directory_in_use_is_not_touched(origin: Path, tmp_path: Path) -> None:
    (tmp_path / "clone").mkdir()
    (tmp_path / "clone" / "mine").write_text("mine")
    with pytest.raises(GitError, match="not empty"):
        COPIES.clone(f"file://{origin}", None, tmp_path / "clone")
    assert (tmp_path / "clone" / "mine").read_text() == "mine"


# --- the past ---------------------------------------------------------------------------------


def test_a_commit_is_known_where_it_was_made_and_not_elsewhere(repository: Path, tmp_path: Path) -> None:
    commit = git(repository, "rev-parse", "HEAD")
    assert COPIES.has_commit(repository, commit) is True
    assert COPIES.has_commit(repository, "0" * 40) is False
    assert COPIES.has_commit(repository, "--help") is None
    (tmp_path / "plain").mkdir()
    assert COPIES.has_commit(tmp_path / "plain", commit) is None


def test_a_history_that_is_cut_short_tells_nothing_of_what_it_lacks(repository: Path, tmp_path: Path) -> None:
    first = git(repository, "rev-parse", "HEAD")
    git(repository, "commit", "-q", "--allow-empty", "-m", "second")
    shallow = tmp_path / "shallow"
    git(tmp_path, "clone", "-q", "--depth=1", f"file://{repository}", str(shallow))
    assert COPIES.has_commit(shallow, git(repository, "rev-parse", "HEAD")) is True
    assert COPIES.has_commit(shallow, first) is None


def test_a_file_of_a_commit_comes_with_its_very_bytes(repository: Path) -> None:
    data = b"FROM a\r\n\xff\x00 b\n"
    (repository / "sub").mkdir(exist_ok=True)
    (repository / "sub" / "D").write_bytes(data)
    git(repository, "-c", "core.autocrlf=false", "add", ".")
    git(repository, "commit", "-q", "-m", "file")
    commit = git(repository, "rev-parse", "HEAD")
    (repository / "sub" / "D").write_bytes(b"changed")
    assert COPIES.content(repository, commit, "sub/D") == data
    assert COPIES.content(repository / "sub", commit, "D") == data
    assert COPIES.content(repository, commit, "sub/none") is None
    assert COPIES.content(repository, commit, "sub") is None
    assert COPIES.content(repository, "HEAD", "sub/D") is None
