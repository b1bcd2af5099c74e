"""What is waited for: promotions of the ledger, and what git says of revisions."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from shipway.errors import GitError, NotMet, UsageError
from shipway.flows.promote.run import COMMITTED_EVENT
from shipway.flows.wait.ancestry import Ancestry
from shipway.flows.wait.targets import last_promotions, promoted_in, require_pushed, targets_of
from shipway.gitops.judging.view import Target
from shipway.ledger.sqlite import SqliteLedger
from shipway.ports import Event

AT = datetime(2026, 11, 21, tzinfo=UTC)
DIGEST = "sha256:" + "a" * 64
OLD, OURS, NEW = "1" * 40, "2" * 40, "3" * 40


@pytest.fixture
def ledger() -> Iterator[SqliteLedger]:
    ledger = SqliteLedger(None)
    yield ledger
    ledger.close()


def promote(
    ledger: SqliteLedger, *images: str, commit: str = OURS, url: str = "u", pushed: bool = True
) -> int:
    run = ledger.begin("shipway promote", {}, AT, "promote")
    for image in images:
        data = {
            "url": url,
            "branch": "main",
            "commit": commit,
            "files": [f"{image}.yaml"],
            "reference": f"r.example/{image}:1@{DIGEST}",
            "pushed": pushed,
        }
        ledger.append(run, Event(COMMITTED_EVENT, image, data), AT)
    ledger.finish(run, "done", AT)
    return run


def test_images_of_one_commit_are_one_target(ledger: SqliteLedger) -> None:
    run = promote(ledger, "api", "web")
    (target,) = targets_of(promoted_in(ledger, run), lambda reference: frozenset({DIGEST}))
    assert (target.repository, target.commit, target.branch) == ("u", OURS, "main")
    assert target.files == ("api.yaml", "web.yaml")
    assert {image.image for image in target.images} == {"api", "web"}


def test_without_a_name_the_last_promotion_counts(ledger: SqliteLedger) -> None:
    promote(ledger, "api", commit=OLD)
    promote(ledger, "web")
    assert [each.image for each in last_promotions(ledger, ())] == ["web"]


def test_the_last_promotion_of_an_image_in_every_repository(ledger: SqliteLedger) -> None:
    promote(ledger, "api", commit=OLD)
    promote(ledger, "api", commit=OLD, url="other")
    promote(ledger, "api", commit=NEW)
    found = {each.repository: each.commit for each in last_promotions(ledger, ("api",))}
    assert found == {"u": NEW, "other": OLD}


def test_what_was_never_promoted(ledger: SqliteLedger) -> None:
    with pytest.raises(UsageError, match="nothing was promoted"):
        last_promotions(ledger, ())
    promote(ledger, "api")
    with pytest.raises(UsageError, match="web was not promoted"):
        last_promotions(ledger, ("api", "web"))


def test_what_no_cluster_can_see(ledger: SqliteLedger) -> None:
    with pytest.raises(NotMet, match="here alone"):
        require_pushed(promoted_in(ledger, promote(ledger, "api", pushed=False)))
    with pytest.raises(NotMet, match="here alone"):
        require_pushed(promoted_in(ledger, promote(ledger, "api", url="")))


HISTORY = (OLD, OURS, NEW)


def descends(directory: Path, commit: str, ancestor: str) -> bool | None:
    """A linear history, and one commit that has nothing to do with it."""
    if "e" in commit + ancestor:
        return False
    if commit not in HISTORY or ancestor not in HISTORY:
        return None
    return HISTORY.index(commit) >= HISTORY.index(ancestor)


@pytest.mark.parametrize(
    ("commit", "relation"),
    [(OURS, "contains"), (NEW, "contains"), (OLD, "older"), ("e" * 40, "diverged"), ("9" * 40, "unknown")],
    ids=["it", "a descendant", "an ancestor", "another history", "not here"],
)
def test_how_revisions_stand_to_a_commit(commit: str, relation: str) -> None:
    fetched: list[str] = []
    ancestry = Ancestry(
        {"u": Path("clone")}, descends, lambda target, directory: fetched.append(target.repository)
    )
    target = Target("u", OURS)
    for _ in range(3):
        assert ancestry.relate(target, f"main@sha1:{commit}") == relation
    assert fetched == (["u"] if relation == "unknown" else [])


def test_without_a_clone_only_the_commit_itself_is_known() -> None:
    ancestry = Ancestry({}, descends, lambda target, directory: None)
    assert ancestry.relate(Target("u", OURS), f"main@sha1:{OURS}") == "contains"
    assert ancestry.relate(Target("u", OURS), f"main@sha1:{NEW}") == "unknown"
    assert ancestry.relate(Target("u", OURS), "1.2.3") == "unknown"


def test_a_fetch_that_fails_leaves_it_open() -> None:
    def fetch(target: Target, directory: Path) -> None:
        raise GitError("cannot reach it")

    ancestry = Ancestry({"u": Path("clone")}, descends, fetch)
    assert ancestry.relate(Target("u", OURS), f"main@sha1:{'9' * 40}") == "unknown"
