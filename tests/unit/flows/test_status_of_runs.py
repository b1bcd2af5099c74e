"""Which run the status shows, and what is told of runs that ship nothing."""

from __future__ import annotations

import json
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from shipway.flows.status import read_runs, read_status
from shipway.ledger.schema import MIGRATIONS
from shipway.ledger.sqlite import SqliteLedger
from shipway.ports import Delivery, Event
from shipway.report.status_report import as_text, runs_json, runs_text

AT = datetime(2026, 11, 21, 8, 30, 5, tzinfo=UTC)


@pytest.fixture
def ledger(tmp_path: Path) -> SqliteLedger:
    """A ship, then a prune of two tags and its undo."""
    ledger = SqliteLedger(tmp_path)
    run = ledger.begin("shipway ship api", {"waves": []}, AT)
    ledger.finish(run, "done", AT + timedelta(seconds=3))
    prune = ledger.begin("shipway prune --fleet", {"delete": []}, AT, "prune")
    ledger.append(prune, Event("prune.untagged", data={"tag": "b-1"}), AT)
    ledger.append(prune, Event("prune.deleted", data={"tags": ["b-1"]}), AT)
    ledger.finish(prune, "done", AT + timedelta(seconds=1))
    undo = ledger.begin("shipway prune --undo 2", {"undo": 2}, AT, "undo")
    ledger.append(undo, Event("prune.restored", data={"reference": "x"}), AT)
    ledger.finish(undo, "partly", AT)
    return ledger


def test_the_newest_ship_is_shown_though_a_prune_is_newer(ledger: SqliteLedger) -> None:
    status = read_status(ledger)
    assert status is not None
    assert (status.run, status.kind, status.command) == (1, "ship", "shipway ship api")


def test_a_prune_is_shown_by_its_number_with_what_it_deleted(ledger: SqliteLedger) -> None:
    status = read_status(ledger, 2)
    assert status is not None
    assert (status.kind, status.totals) == ("prune", {"deleted": 2})
    assert as_text(status) == "run 2 (prune) done in 1.00 s: 2 deleted\n"
    undone = read_status(ledger, 3)
    assert undone is not None
    assert as_text(undone) == "run 3 (undo) partly in 0.00 s: 1 restored\n"


def ship(ledger: SqliteLedger, digest: str, *, reused: bool = False) -> int:
    """A run that delivers the image api as ``digest``, or finds that it stands."""
    reference = f"r/api:{digest}"
    step = {"image": "api", "action": "reuse" if reused else "build", "why": [], "reference": reference}
    run = ledger.begin("shipway ship", {"waves": [[step]]}, AT)
    if not reused:
        platforms = ("linux/amd64",)
        ledger.deliver(Delivery("api", digest, reference, digest, platforms, 1, 1.0, AT, run, ()), b"")
    ledger.append(run, Event("image.reused" if reused else "image.delivered", "api", {"digest": digest}), AT)
    ledger.finish(run, "done", AT)
    return run


def test_a_reused_image_is_shown_as_it_stands_for_the_run_and_not_as_delivered_last(tmp_path: Path) -> None:
    ledger = SqliteLedger(tmp_path)
    first = ship(ledger, "sha256:old")
    unchanged = ship(ledger, "sha256:old", reused=True)
    ship(ledger, "sha256:new")
    reverted = ship(ledger, "sha256:old", reused=True)
    for run in (unchanged, reverted):
        status = read_status(ledger, run)
        assert status is not None
        assert [(row.digest, row.evidence) for row in status.rows] == [
            ("sha256:old", f"read back in run {first}")
        ]


def test_the_command_for_a_held_image_ships_what_it_waits_for_too(tmp_path: Path) -> None:
    ledger = SqliteLedger(tmp_path)
    run = ledger.begin("shipway ship", {"waves": []}, AT)
    ledger.append(run, Event("image.held", "web", {"digest": "sha256:d", "waits_for": ["api"]}), AT)
    ledger.append(run, Event("image.blocked", "top", {"waits_for": ["base"]}), AT)
    status = read_status(ledger, run)
    assert status is not None
    commands = {trouble.image: trouble.command for trouble in status.troubles}
    assert commands == {"web": "shipway ship api web", "top": "shipway ship top"}


def test_only_prunes_are_no_status(tmp_path: Path) -> None:
    ledger = SqliteLedger(tmp_path)
    ledger.begin("shipway prune --fleet", {}, AT, "prune")
    assert read_status(ledger) is None
    assert read_status(ledger, 7) is None


def test_the_list_of_runs_tells_their_kind_newest_first(ledger: SqliteLedger) -> None:
    runs = read_runs(ledger, 2)
    assert [(run.run, run.kind, run.seconds) for run in runs.runs] == [(3, "undo", 0.0), (2, "prune", 1.0)]
    heading, undo, prune = runs_text(runs).splitlines()
    assert heading.split() == ["run", "kind", "state", "started", "time", "command"]
    assert undo.split()[:3] == ["3", "undo", "partly"]
    assert prune.endswith("1.00 s  shipway prune --fleet")
    assert json.loads(runs_json(runs))["runs"][1]["kind"] == "prune"


def test_runs_of_a_ledger_from_before_kinds_are_told_apart(tmp_path: Path) -> None:
    old = sqlite3.connect(tmp_path / "ledger.db")
    old.executescript(f"{MIGRATIONS[0]}; PRAGMA user_version = 1;")
    commands = ("shipway ship", "shipway prune --fleet", "shipway prune --undo 2")
    rows = [(command, AT.isoformat(), "done", "{}") for command in commands]
    old.executemany("INSERT INTO runs (command, started, state, plan) VALUES (?, ?, ?, ?)", rows)
    old.commit()
    old.close()
    kinds = [record.kind for record in SqliteLedger(tmp_path).runs()]
    assert kinds == ["undo", "prune", "ship"]
