"""Others who push at the same time: nothing is lost, nothing is forced, a conflict is told."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from shipway.errors import GitError, NotMet
from shipway.flows.promote.publish import Manner, Published, Snapshot, publish
from shipway.git import GitBranches
from shipway.gitops.edits.files import Edits
from shipway.gitops.edits.owners import Owners
from shipway.gitops.edits.retarget import Target, retarget
from shipway.host import SystemHost
from shipway.ports import Branch
from shipway.testing.git_server import serving_git
from shipway.testing.gitops import Cluster, git
from shipway.values import Reference

DIGEST = "sha256:" + "1" * 64


class Plan:
    """Names one image; ``meanwhile`` is what others do between the look and the push, once."""

    strict = True

    def __init__(self, image: str, meanwhile: Callable[[], object] = lambda: None) -> None:
        self.target = Target(image, Reference.parse(f"r.example/{image}:2@{DIGEST}"))
        self.meanwhile = meanwhile

    async def edits(self, snapshot: Snapshot) -> Edits:
        files = snapshot.holding(["r.example"], lambda path: path.endswith(".yaml"))
        found = retarget(files, [self.target], Owners())
        meanwhile, self.meanwhile = self.meanwhile, lambda: None
        meanwhile()
        return found

    def message(self, edits: Edits) -> tuple[str, str]:
        return f"chore(images): {self.target.image}", ""


IMAGES = tuple(f"app{number}" for number in range(5))
TEXT = "apps:\n" + "".join(f"  - image: r.example/{name}:1   # {name}\n" for name in IMAGES)


@pytest.fixture
def cluster(tmp_path: Path) -> Cluster:
    return Cluster(tmp_path, "cluster", TEXT)


def published(branch: Branch, plan: Plan) -> Published:
    return asyncio.run(publish(GitBranches(SystemHost()), branch, plan, Manner()))


def at(directory: Path) -> Branch:
    return GitBranches(SystemHost()).at(directory, None)


def theirs(cluster: Cluster, directory: Path, old: str, new: str) -> Callable[[], object]:
    """Somebody else changes a line and pushes it."""
    git(directory, "clone", "-q", str(cluster.remote), "theirs")
    copy = directory / "theirs"

    def push() -> None:
        file = copy / "apps" / "solo.yaml"
        file.write_text(file.read_text().replace(old, new))
        git(copy, "commit", "-qam", "theirs")
        git(copy, "push", "-q")

    return push


def test_a_push_that_was_overtaken_is_made_again_on_top(cluster: Cluster, tmp_path: Path) -> None:
    push = theirs(cluster, tmp_path, "app1:1", "app1:7")
    done = published(at(cluster.copy), Plan("app0", push))
    assert (done.state, done.tries) == ("pushed", 2)
    assert cluster.file() == TEXT.replace("app0:1", "app0:2").replace("app1:1", "app1:7").rstrip()
    assert git(cluster.remote, "log", "--format=%s", "main").splitlines() == [
        "chore(images): app0",
        "theirs",
        "first",
    ]
    assert git(cluster.copy, "rev-parse", "HEAD") == cluster.head
    assert git(cluster.copy, "status", "--porcelain") == ""


def test_the_same_line_changed_by_somebody_else_is_a_conflict(cluster: Cluster, tmp_path: Path) -> None:
    push = theirs(cluster, tmp_path, "app0:1", "app0:9")
    with pytest.raises(NotMet, match="changed by somebody else") as told:
        published(at(cluster.copy), Plan("app0", push))
    assert "r.example/app0:9" in (told.value.cause or "")
    assert cluster.file() == TEXT.replace("app0:1", "app0:9").rstrip()
    assert git(cluster.copy, "log", "--format=%s").splitlines() == ["first"]


def test_the_same_promotion_made_by_somebody_else_is_nothing_to_do(cluster: Cluster, tmp_path: Path) -> None:
    push = theirs(cluster, tmp_path, "app0:1", "app0:2")
    done = published(at(cluster.copy), Plan("app0", push))
    assert (done.state, done.tries) == ("unchanged", 2)


def test_many_promote_at_once_over_http_and_nothing_is_lost(cluster: Cluster, tmp_path: Path) -> None:
    git(cluster.remote, "config", "http.receivepack", "true")
    results: dict[str, Published] = {}

    def promote(url: str, image: str) -> None:
        scratch = tmp_path / f"scratch-{image}"
        scratch.mkdir()
        branch = GitBranches(SystemHost()).elsewhere(f"{url}/cluster.git", None, scratch)
        results[image] = published(branch, Plan(image))

    with serving_git(tmp_path) as url:
        threads = [threading.Thread(target=promote, args=(url, image)) for image in IMAGES]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert {done.state for done in results.values()} == {"pushed"}
    assert cluster.file() == TEXT.replace(":1 ", ":2 ").rstrip()
    log = git(cluster.remote, "log", "--format=%s", "main").splitlines()
    assert sorted(log) == sorted([*(f"chore(images): {name}" for name in IMAGES), "first"])
    assert {done.commit for done in results.values()} <= set(
        git(cluster.remote, "rev-list", "main").splitlines()
    )


def test_a_protected_branch_takes_nothing_and_loses_nothing(cluster: Cluster) -> None:
    hook = cluster.remote / "hooks" / "pre-receive"
    hook.write_text("#!/bin/sh\necho 'main is protected' >&2\nexit 1\n")
    hook.chmod(0o755)
    head = cluster.head
    with pytest.raises(GitError, match="main is protected") as told:
        published(at(cluster.copy), Plan("app0"))
    assert "--pull-request" in (told.value.help or "")
    assert cluster.head == git(cluster.copy, "rev-parse", "HEAD") == head
    assert git(cluster.copy, "status", "--porcelain") == ""


def test_a_remote_that_does_not_take_pushes_over_http_is_told(cluster: Cluster, tmp_path: Path) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    with serving_git(tmp_path) as url:
        branch = GitBranches(SystemHost()).elsewhere(f"{url}/cluster.git", None, scratch)
        with pytest.raises(GitError, match="cannot push"):
            published(branch, Plan("app0"))
