from __future__ import annotations

import os
import pty
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from shipway.ports import Event
from shipway.report.console import Live, Plain, Silent, View, view
from shipway.report.lines import event_line
from shipway.report.text import plain

DIGEST = "sha256:" + "ab" * 32
EVENTS = (
    Event("run.started", None, {"run": 3, "builds": 1, "reuses": 2}),
    Event("engine.chosen", None, {"name": "buildah", "version": "1.39", "native": "linux/amd64"}),
    Event("image.built", "api", {"id": "x"}),
    Event("build.started", "api", {"why": ["never delivered", "forced"]}),
    Event("build.done", "api", {"platform": "linux/amd64", "digest": DIGEST}),
    Event("push.done", "api", {"digest": DIGEST, "repository": "r.example/api"}),
    Event("readback.verified", "api", {"digest": DIGEST, "platforms": ["linux/amd64"], "size": 2048}),
    Event("tag.moved", "api", {"tag": "1.0", "digest": DIGEST}),
    Event("image.delivered", "api", {"reference": "r.example/api:1.0", "seconds": 1.5}),
    Event("image.reused", "web", {"digest": DIGEST}),
    Event("image.failed", "job", {"message": "exit code 1\nsecond line"}),
    Event("image.blocked", "sub", {"waits_for": ["job"]}),
    Event("registry.retry", "api", {"attempt": 2, "reason": "503"}),
)


def play(screen: View) -> None:
    with screen:
        for event in EVENTS:
            screen.show(event)
            if event.image:
                screen.output(event.image, "\x1b[32mSTEP 1/2\x1b[0m [bold]x[/bold]")


def test_every_event_for_people_has_its_line() -> None:
    assert [event_line(event) for event in EVENTS] == [
        "run 3: 1 image to build, 2 as delivered",
        "engine buildah 1.39 on linux/amd64",
        None,
        "api: build: never delivered; forced",
        "api: built linux/amd64 abababababab",
        "api: pushed abababababab to r.example/api",
        "api: read back abababababab: linux/amd64, 2.0 kB",
        "api: tag 1.0 names abababababab",
        "api: delivered r.example/api:1.0 in 1.50 s",
        "web: stands as abababababab",
        "job: FAILED: exit code 1\nsecond line",
        "sub: blocked by job",
        "api: retry 2: 503",
    ]


def test_plain_lines_go_to_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    play(Plain())
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines() == [line for event in EVENTS for line in (event_line(event) or "").splitlines()]


def test_verbose_adds_build_output_without_colours(capsys: pytest.CaptureFixture[str]) -> None:
    play(Plain(verbose=True))
    assert "api | STEP 1/2 [bold]x[/bold]\n" in capsys.readouterr().err


def test_quiet_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    play(Silent())
    assert capsys.readouterr() == ("", "")


def test_the_view_fits_where_it_is_shown() -> None:
    assert type(view(quiet=True, verbose=True, terminal=True)) is Silent
    assert type(view(quiet=False, verbose=False, terminal=True)) is Live
    assert type(view(quiet=False, verbose=False, terminal=False)) is Plain


@contextmanager
def terminal(monkeypatch: pytest.MonkeyPatch, columns: int) -> Iterator[list[str]]:
    """Standard error as a terminal; gives what it has been sent, once it is closed."""
    leader, follower = pty.openpty()
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.delenv("NO_COLOR", raising=False)
    sent: list[str] = []
    with os.fdopen(follower, "w", encoding="utf-8") as stream:
        monkeypatch.setattr(sys, "stderr", stream)
        yield sent
        stream.flush()
        sent.append(_drain(leader))
    os.close(leader)


def _drain(leader: int) -> str:
    os.set_blocking(leader, False)
    found = b""
    try:
        while piece := os.read(leader, 65536):
            found += piece
    except BlockingIOError:
        pass
    return found.decode()


def final_screen(sent: str) -> list[str]:
    """The lines of the last frame, without colours."""
    return [plain(line) for line in sent.replace("\r\n", "\n").split("\n")]


def test_live_shows_one_line_an_image(monkeypatch: pytest.MonkeyPatch) -> None:
    with terminal(monkeypatch, 80) as sent:
        play(Live())
    lines = final_screen(sent[0])
    assert "run 3: 1 image to build, 2 as delivered" in lines
    last = {
        name: [line for line in lines if f" {name} " in line][-1] for name in ("api", "web", "job", "sub")
    }
    assert all(line.startswith("• ") for line in last.values())
    assert "STEP 1/2 [bold]x[/bold]" in last["api"]
    assert "\x1b[32mSTEP" not in sent[0]  # colours of programs do not get through
    assert "\x1b[?25h" in sent[0]  # the cursor is back


def test_live_never_wraps_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    with terminal(monkeypatch, 50) as sent, Live() as screen:
        screen.output("api", "word " * 60)
        screen.show(Event("image.failed", "api", {"message": "a long message " * 9 + "\nwith two lines"}))
    lines = [line for line in final_screen(sent[0]) if "api" in line]
    assert lines
    assert all(len(line) <= 50 for line in lines)
    assert "FAILED: a long" in lines[-1]
    assert "…" in lines[-1]


def test_live_verbose_prints_output_above(monkeypatch: pytest.MonkeyPatch) -> None:
    with terminal(monkeypatch, 80) as sent:
        play(Live(verbose=True))
    assert "api | STEP 1/2 [bold]x[/bold]" in final_screen(sent[0])


def test_live_gives_the_cursor_back_when_a_run_breaks(monkeypatch: pytest.MonkeyPatch) -> None:
    with terminal(monkeypatch, 80) as sent, pytest.raises(KeyboardInterrupt), Live() as screen:
        screen.output("api", "x")
        raise KeyboardInterrupt
    assert sent[0].rstrip().endswith("\x1b[?25h")
