"""Promotion end to end: a fleet that was shipped, real registries and real git repositories."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from shipway.errors import NotMet, UsageError
from shipway.ledger.sqlite import SqliteLedger
from shipway.testing.gitops import MANIFEST, OLD, Cluster, git
from shipway.testing.harbour import Harbour
from shipway.wiring import Workspace
from shipway.wiring.promoting import Destinations, Promoted, PromoteRequest, promote


async def promoted(
    harbour: Harbour,
    *places: Path | str,
    images: tuple[str, ...] = ("solo",),
    dry_run: bool = False,
    to: str | None = None,
    requests: bool = False,
    allow_older: bool = False,
    tag: str | None = None,
) -> Promoted:
    where = Destinations(tuple(map(str, places)), to=to, dry_run=dry_run, requests=requests)
    request = PromoteRequest(images, where, tag, allow_older=allow_older)
    with Workspace(harbour.root, state=harbour.state) as workspace:
        return await promote(workspace, request, "shipway promote")


async def digest(harbour: Harbour, tag: str = "1") -> str:
    found = await harbour.tag("solo", tag)
    assert found is not None
    return found.digest


async def test_the_one_line_changes_and_the_evidence_is_in_the_commit(
    shipped: Harbour, cluster: Cluster
) -> None:
    before = cluster.file()
    result = await promoted(shipped, cluster.copy)
    (done,) = result.repositories
    at = await digest(shipped)
    old_line = f"image:   {shipped.destination}/shop/solo:0@sha256:{OLD}   # why"
    assert cluster.file() == before.replace(
        old_line, f"image:   {shipped.destination}/shop/solo:1@{at}   # why"
    )
    assert (done.state, done.commit, done.tries) == ("pushed", cluster.head, 1)
    message = git(cluster.remote, "show", "-s", "--format=%B", "main")
    assert message.splitlines()[0] == f"chore(images): solo 1 ({at[:19]})"
    assert at in message
    assert git(shipped.root, "rev-parse", "HEAD") in message
    assert git(cluster.copy, "status", "--porcelain") == ""
    assert git(cluster.copy, "rev-parse", "HEAD") == cluster.head


async def test_what_was_promoted_is_in_the_ledger(shipped: Harbour, cluster: Cluster) -> None:
    result = await promoted(shipped, cluster.copy)
    ledger = SqliteLedger(shipped.state)
    assert result.run is not None
    ((_, event),) = ledger.events(result.run)
    ledger.close()
    assert (event.kind, event.image) == ("promotion.committed", "solo")
    assert event.data["commit"] == cluster.head
    assert event.data["files"] == ["apps/solo.yaml"]
    assert event.data["digest"] == await digest(shipped)


async def test_a_rehearsal_shows_the_diff_and_writes_nothing(shipped: Harbour, cluster: Cluster) -> None:
    head = cluster.head
    result = await promoted(shipped, cluster.copy, dry_run=True)
    ((file,), (done,)) = result.repositories[0].edits.files, result.repositories
    changed = [line for line in file.diff.splitlines()[2:] if line[:1] in "+-"]
    assert len(changed) == 2
    assert (done.state, result.run) == ("planned", None)
    assert cluster.head == git(cluster.copy, "rev-parse", "HEAD") == head
    assert git(cluster.copy, "status", "--porcelain") == ""


async def test_the_second_time_nothing_changes(shipped: Harbour, cluster: Cluster) -> None:
    await promoted(shipped, cluster.copy)
    head = cluster.head
    result = await promoted(shipped, cluster.copy)
    assert result.repositories[0].state == "unchanged"
    assert (cluster.head, result.run) == (head, None)


async def test_a_repository_elsewhere_is_written_to(shipped: Harbour, cluster: Cluster) -> None:
    result = await promoted(shipped, f"file://{cluster.remote}#main")
    assert (result.repositories[0].state, result.repositories[0].commit) == ("pushed", cluster.head)


async def test_without_a_remote_the_commit_is_local(shipped: Harbour, cluster: Cluster) -> None:
    git(cluster.copy, "remote", "remove", "origin")
    result = await promoted(shipped, cluster.copy)
    assert result.repositories[0].state == "committed"
    assert any("local only" in note for note in result.repositories[0].notes)
    assert git(cluster.copy, "rev-parse", "HEAD") == result.repositories[0].commit != cluster.head


async def test_uncommitted_changes_of_the_same_file_are_refused(shipped: Harbour, cluster: Cluster) -> None:
    head = cluster.head
    cluster.write("apps/solo.yaml", "mine\n")
    with pytest.raises(NotMet, match=r"apps/solo\.yaml"):
        await promoted(shipped, cluster.copy)
    assert (cluster.copy / "apps/solo.yaml").read_text() == "mine\n"
    assert cluster.head == head


async def test_other_uncommitted_changes_stay_as_they_are(shipped: Harbour, cluster: Cluster) -> None:
    cluster.write("notes", "mine\n")
    git(cluster.copy, "add", "notes")
    result = await promoted(shipped, cluster.copy)
    assert git(cluster.copy, "status", "--porcelain") == "A  notes"
    commit = result.repositories[0].commit
    assert git(cluster.remote, "show", "--format=", "--name-only", commit) == "apps/solo.yaml"


async def test_a_way_back_is_refused_with_both_commits(shipped: Harbour, cluster: Cluster) -> None:
    first = git(shipped.root, "rev-parse", "HEAD")
    old = await digest(shipped)
    (shipped.root / "solo" / "f").write_text("newer")
    (shipped.root / "shipway.yaml").write_text(
        (shipped.root / "shipway.yaml").read_text().replace("tag: '1'", "tag: '2'")
    )
    git(shipped.root, "commit", "-qam", "second")
    second = git(shipped.root, "rev-parse", "HEAD")
    await shipped.ship("solo")
    await promoted(shipped, cluster.copy)
    assert await digest(shipped, "2") in cluster.file()
    with pytest.raises(NotMet) as refused:
        await promoted(shipped, cluster.copy, tag="1")
    assert first in (refused.value.cause or "")
    assert second in (refused.value.cause or "")
    await promoted(shipped, cluster.copy, tag="1", allow_older=True)
    assert old in cluster.file()


async def test_several_repositories_get_a_commit_each(
    shipped: Harbour, cluster: Cluster, tmp_path: Path
) -> None:
    other = Cluster(tmp_path, "other", MANIFEST.format(registry=shipped.destination, old=OLD))
    result = await promoted(shipped, cluster.copy, other.copy)
    assert [each.state for each in result.repositories] == ["pushed", "pushed"]
    assert [each.commit for each in result.repositories] == [cluster.head, other.head]


async def test_nothing_is_written_when_one_repository_cannot_be(
    shipped: Harbour, cluster: Cluster, tmp_path: Path
) -> None:
    other = Cluster(tmp_path, "other", MANIFEST.format(registry=shipped.destination, old=OLD))
    other.write("apps/solo.yaml", "mine\n")
    head = cluster.head
    with pytest.raises(NotMet):
        await promoted(shipped, cluster.copy, other.copy)
    assert cluster.head == head


async def test_a_branch_of_its_own_leaves_the_main_one_alone(shipped: Harbour, cluster: Cluster) -> None:
    head = cluster.head
    result = await promoted(shipped, cluster.copy, to="promote/solo", requests=True)
    assert (cluster.head, git(cluster.copy, "rev-parse", "HEAD")) == (head, head)
    assert git(cluster.remote, "rev-parse", "promote/solo") == result.repositories[0].commit
    assert any("pull request" in note for note in result.repositories[0].notes)


async def test_an_image_that_is_gone_is_not_promoted(shipped: Harbour, cluster: Cluster) -> None:
    head = cluster.head
    with pytest.raises(NotMet, match="cannot be promoted"):
        await promoted(shipped, cluster.copy, tag="never")
    assert cluster.head == head


async def test_unknown_images_and_no_repository_are_told(shipped: Harbour, cluster: Cluster) -> None:
    with pytest.raises(UsageError, match="no image 'sola'"):
        await promoted(shipped, cluster.copy, images=("sola",))
    with pytest.raises(UsageError, match="no repository is named"):
        await promoted(shipped)


async def test_the_fleet_file_names_where_to(shipped: Harbour, cluster: Cluster) -> None:
    shipped.settings(f"gitops: [{{path: {os.path.relpath(cluster.copy, shipped.root)}, directory: apps}}]\n")
    result = await promoted(shipped)
    assert result.repositories[0].commit == cluster.head
