"""The ledger keeps what it is given, through processes that die and disks that fill."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from shipway.errors import LedgerError, Locked
from shipway.ledger.sqlite import SqliteLedger
from shipway.ports import Delivery, Event

AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def delivery(
    image: str = "api", fingerprint: str = "sha256:f", digest: str = "sha256:d", run: int = 1
) -> Delivery:
    reference = f"ghcr.io/acme/{image}:1"
    return Delivery(
        image, fingerprint, reference, digest, ("linux/amd64",), 42, 1.5, AT, run, ("1",), stand_in=True
    )


def test_runs_events_and_deliveries_survive_reopening(tmp_path: Path) -> None:
    ledger = SqliteLedger(tmp_path)
    run = ledger.begin("ship", {"waves": []}, AT)
    ledger.append(run, Event("build.started", "api", {"why": ["never delivered"]}), AT)
    ledger.deliver(delivery(run=run), b"inputs")
    ledger.finish(run, "done", AT)
    ledger.close()

    again = SqliteLedger(tmp_path)
    (record,) = again.runs()
    assert (record.id, record.state, record.started, record.plan) == (run, "done", AT, {"waves": []})
    assert again.events(run) == [(AT, Event("build.started", "api", {"why": ["never delivered"]}))]
    assert again.deliveries(run) == [delivery(run=run)]
    assert again.inputs("sha256:f") == b"inputs"


def test_the_last_delivery_of_every_image_is_told_apart_from_older_ones(tmp_path: Path) -> None:
    ledger = SqliteLedger(tmp_path)
    ledger.begin("ship", {}, AT)
    ledger.deliver(delivery(digest="sha256:old"), b"")
    ledger.deliver(delivery("web"), b"")
    ledger.deliver(delivery(fingerprint="sha256:g", digest="sha256:new"), b"")
    assert [(d.image, d.digest) for d in ledger.deliveries()] == [("web", "sha256:d"), ("api", "sha256:new")]
    found = ledger.delivered("api", "sha256:f")
    assert found is not None and found.digest == "sha256:old"
    assert ledger.delivered("api", "sha256:unknown") is None


def test_a_second_run_is_refused_while_one_goes_on(tmp_path: Path) -> None:
    first = SqliteLedger(tmp_path)
    first.begin("ship", {}, AT)
    with pytest.raises(Locked):
        SqliteLedger(tmp_path).begin("ship", {}, AT)
    first.finish(1, "done", AT)
    assert SqliteLedger(tmp_path).begin("ship", {}, AT) == 2


def test_a_run_that_ended_holds_nothing_though_a_process_being_started_has_its_files(tmp_path: Path) -> None:
    ledger = SqliteLedger(tmp_path / "state")
    ledger.begin("ship", {}, AT)
    opened = ((link.name, link) for link in Path("/proc/self/fd").iterdir())
    held = [int(fd) for fd, link in opened if link.resolve() == tmp_path / "state" / "lock"]
    copy = os.dup(held[0])
    ledger.finish(1, "done", AT)
    assert SqliteLedger(tmp_path / "state").begin("ship", {}, AT) == 2
    os.close(copy)


def test_a_killed_run_is_closed_as_interrupted_and_frees_the_lock(tmp_path: Path) -> None:
    script = (
        "import os, signal, sys, pathlib, datetime\n"
        "from shipway.ledger.sqlite import SqliteLedger\n"
        "from shipway.ports import Event\n"
        "now = datetime.datetime.now(datetime.UTC)\n"
        "ledger = SqliteLedger(pathlib.Path(sys.argv[1]))\n"
        "run = ledger.begin('ship', {}, now)\n"
        "ledger.append(run, Event('build.started', 'api'), now)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    assert subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=False).returncode == -9
    ledger = SqliteLedger(tmp_path)
    assert [event.kind for _, event in ledger.events(1)] == ["build.started"]
    assert ledger.begin("ship", {}, AT) == 2
    assert {record.id: record.state for record in ledger.runs()} == {1: "interrupted", 2: "running"}


def test_reading_an_absent_ledger_creates_nothing(tmp_path: Path) -> None:
    ledger = SqliteLedger(tmp_path / "state", create=False)
    assert ledger.runs() == []
    assert ledger.deliveries() == []
    assert not (tmp_path / "state").exists()


def test_a_ledger_that_is_no_database_is_named(tmp_path: Path) -> None:
    (tmp_path / "ledger.db").write_bytes(b"this is no database, it is a text file " * 100)
    with pytest.raises(LedgerError, match=r"ledger\.db"):
        SqliteLedger(tmp_path)


def test_a_ledger_from_the_future_is_left_alone(tmp_path: Path) -> None:
    ledger = SqliteLedger(tmp_path)
    ledger._db.execute("PRAGMA user_version = 99")
    ledger.close()
    with pytest.raises(LedgerError, match="newer"):
        SqliteLedger(tmp_path)


def test_a_state_directory_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(LedgerError) as caught:
        SqliteLedger(tmp_path / "file" / "state")
    assert "--state" in (caught.value.help or "")
