"""Since a revision: exactly the images whose inputs differ from those where HEAD left it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from shipway.errors import GitError, UsageError
from shipway.fleet.builds import Builds
from shipway.fleet.load import load_fleet
from shipway.flows.since import Past
from shipway.git import GitWorkingCopy
from shipway.host import SystemHost
from shipway.planning.plan import Choices, Plan
from shipway.testing.harbour import Harbour

AUTHOR = ("-c", "user.name=T", "-c", "user.email=t@example.invalid", "-c", "commit.gpgsign=false")


@pytest.fixture
def harbour(tmp_path: Path) -> Harbour:
    """``base`` <- ``mid`` <- ``top`` and ``solo``, all committed on main."""
    made = Harbour(tmp_path, "registry.test")
    git(made, "init", "-q", "-b", "main")
    commit(made)
    return made


def git(harbour: Harbour, *arguments: str, at: Path | None = None) -> str:
    argv = ["git", *AUTHOR, *arguments]
    return subprocess.run(argv, cwd=at or harbour.root, check=True, capture_output=True, text=True).stdout


def commit(harbour: Harbour) -> None:
    git(harbour, "add", "-A")
    git(harbour, "commit", "-qm", "change")


@contextmanager
def past(root: Path, revision: str) -> Iterator[Past]:
    with GitWorkingCopy(SystemHost()).past(root, revision) as (found, directory):
        builds = Builds()
        yield Past(found, lambda: load_fleet(directory, builds=builds), builds)


async def planned(harbour: Harbour, revision: str = "main", *names: str) -> Plan:
    choices = Choices(frozenset(names), since=revision)
    return (await harbour.plan(choices, past=lambda ref: past(harbour.root, ref))).plan


async def changed(harbour: Harbour, revision: str = "main", *names: str) -> set[str]:
    return {step.image for step in (await planned(harbour, revision, *names)).steps}


async def test_nothing_changed_is_an_empty_plan(harbour: Harbour) -> None:
    plan = await planned(harbour)
    assert plan.steps == ()
    short = git(harbour, "rev-parse", "HEAD")[:7]
    assert plan.notes == (f"0 of 4 images changed since {short}, the last commit in common with main",)


CHANGES: dict[str, tuple[Callable[[Harbour], object], set[str]]] = {
    "a-file-of-a-leaf": (lambda h: (h.root / "solo/f").write_text("2"), {"solo"}),
    "a-file-of-a-base": (lambda h: (h.root / "base/f").write_text("2"), {"base", "mid", "top"}),
    # what it builds on comes along, to be built where it was never delivered
    "a-file-in-the-middle": (lambda h: (h.root / "mid/f").write_text("2"), {"base", "mid", "top"}),
    "a-file-that-nothing-reads": (lambda h: (h.root / "solo/unread").write_text("2"), set()),
    "a-touched-file": (lambda h: os.utime(h.root / "solo/f", (1, 1)), set()),
    "a-comment": (lambda h: edit(h, "solo/Dockerfile", "COPY", "# why\nCOPY"), set()),
    "another-instruction": (lambda h: edit(h, "solo/Dockerfile", "/f\n", "/f2\n"), {"solo"}),
    "a-renamed-dockerfile": (
        lambda h: [
            (h.root / "solo/Dockerfile").rename(h.root / "solo/Containerfile"),
            edit(h, "shipway.yaml", "{context: solo}", "{context: solo, dockerfile: solo/Containerfile}"),
        ],
        set(),
    ),
    "an-arg-in-the-fleet-file": (
        lambda h: [
            edit(h, "solo/Dockerfile", "COPY", "ARG MODE\nCOPY"),
            edit(h, "shipway.yaml", "{context: solo}", "{context: solo, args: {MODE: x}}"),
        ],
        {"solo"},
    ),
    "a-comment-in-the-fleet-file": (lambda h: h.settings("# the end\n"), set()),
    "another-tag": (lambda h: edit(h, "shipway.yaml", "t: solo}", "t: solo, tag: '2'}"), {"solo"}),
    "a-new-image": (lambda h: h.settings("  new: {context: solo}\n"), {"new"}),
    "a-renamed-image": (lambda h: edit(h, "shipway.yaml", "solo: ", "alone: "), {"alone"}),
    "an-image-that-is-gone": (lambda h: edit(h, "shipway.yaml", "  solo: {context: solo}\n", ""), set()),
    "executable": (lambda h: (h.root / "solo/f").chmod(0o755), {"solo"}),
}  # fmt: skip


def edit(harbour: Harbour, path: str, before: str, after: str) -> None:
    text = (harbour.root / path).read_text()
    assert before in text
    (harbour.root / path).write_text(text.replace(before, after))


@pytest.mark.parametrize("committed", [True, False], ids=["committed", "edited"])
@pytest.mark.parametrize("name", sorted(CHANGES))
async def test_every_change_names_its_images(harbour: Harbour, name: str, committed: bool) -> None:
    make, expected = CHANGES[name]
    git(harbour, "switch", "-qc", "feature")
    make(harbour)
    if committed and git(harbour, "status", "--porcelain"):
        commit(harbour)
    assert await changed(harbour) == expected


async def test_a_deleted_file_that_a_wildcard_matched_counts(harbour: Harbour) -> None:
    edit(harbour, "solo/Dockerfile", "COPY f /f", "COPY f g* /d/")
    (harbour.root / "solo/gone").write_text("1")
    commit(harbour)
    git(harbour, "switch", "-qc", "feature")
    (harbour.root / "solo/gone").unlink()
    commit(harbour)
    assert await changed(harbour) == {"solo"}


async def test_what_others_did_on_main_meanwhile_does_not_count(harbour: Harbour) -> None:
    git(harbour, "switch", "-qc", "feature")
    (harbour.root / "solo/f").write_text("mine")
    commit(harbour)
    git(harbour, "switch", "-q", "main")
    (harbour.root / "base/f").write_text("theirs")
    commit(harbour)
    git(harbour, "switch", "-q", "feature")
    assert await changed(harbour) == {"solo"}


async def test_images_asked_for_limit_it_further(harbour: Harbour) -> None:
    for path in ("solo/f", "mid/f"):
        (harbour.root / path).write_text("2")
    assert await changed(harbour, "main", "solo") == {"solo"}
    assert await changed(harbour, "main", "base") == set()


async def test_a_fleet_in_a_directory_of_the_repository_reads_beside_itself(tmp_path: Path) -> None:
    harbour = Harbour(tmp_path / "mono", "registry.test")
    edit(harbour, "shipway.yaml", "{context: solo}", "{context: ../shared, dockerfile: solo/Dockerfile}")
    (tmp_path / "mono/shared").mkdir()
    (tmp_path / "mono/shared/f").write_text("1")
    top = tmp_path / "mono"
    git(harbour, "init", "-q", "-b", "main", at=top)
    git(harbour, "add", "-A", at=top)
    git(harbour, "commit", "-qm", "one", at=top)
    assert await changed(harbour) == set()
    (tmp_path / "mono/shared/f").write_text("2")
    assert await changed(harbour) == {"solo"}


async def test_a_fleet_that_was_broken_makes_everything_a_change(harbour: Harbour) -> None:
    text = (harbour.root / "shipway.yaml").read_text()
    (harbour.root / "shipway.yaml").write_text("images: [")
    commit(harbour)
    (harbour.root / "shipway.yaml").write_text(text)
    plan = await planned(harbour)
    assert {step.image for step in plan.steps} == {"base", "mid", "top", "solo"}
    assert plan.notes[0].startswith("every image counts as changed: the fleet of ")


async def test_line_ends_that_git_converts_are_no_change(harbour: Harbour) -> None:
    (harbour.root / ".gitattributes").write_text("f text eol=crlf\n")
    (harbour.root / "solo/f").write_bytes(b"one\r\ntwo\r\n")
    commit(harbour)
    assert await changed(harbour) == set()


async def test_the_working_copy_and_its_index_are_left_alone(harbour: Harbour) -> None:
    (harbour.root / "solo/f").write_text("edited")
    (harbour.root / "solo/staged").write_text("staged")
    git(harbour, "add", "solo/staged")
    before = git(harbour, "status", "--porcelain"), (harbour.root / ".git/index").read_bytes()
    with past(harbour.root, "main") as found:
        assert found.fleet().images[-1].name == "solo"
    assert (git(harbour, "status", "--porcelain"), (harbour.root / ".git/index").read_bytes()) == before


@pytest.mark.parametrize("revision", ["nosuch", "--help", "HEAD~9", "a b", ""])
async def test_a_revision_that_is_not_there_is_wrong_usage(harbour: Harbour, revision: str) -> None:
    with pytest.raises(UsageError, match="there is no revision"):
        await changed(harbour, revision)


async def test_histories_without_a_common_commit_are_told(harbour: Harbour) -> None:
    git(harbour, "switch", "-q", "--orphan", "other")
    git(harbour, "commit", "-q", "--allow-empty", "-m", "alone")
    git(harbour, "switch", "-q", "main")
    with pytest.raises(GitError, match="no commit in common"):
        await changed(harbour, "other")
