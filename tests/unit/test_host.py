"""Processes: what comes out of them, and that none is left behind."""

from __future__ import annotations

import asyncio
import os
import sys
from datetime import UTC
from pathlib import Path

import pytest

from shipway.errors import HostError
from shipway.host import MAX_LINE, TAIL_BYTES, SystemClock, SystemHost

HOST = SystemHost()


def python(code: str, *arguments: str) -> list[str]:
    return [sys.executable, "-c", code, *arguments]


def alive(pid: int) -> bool:
    """Whether a process runs; one that ended and awaits its parent does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


async def until_gone(pid: int) -> None:
    async with asyncio.timeout(30):
        while alive(pid):
            await asyncio.sleep(0.02)


async def test_output_exit_code_and_arguments_come_back() -> None:
    argv = python("import sys; print(sys.argv[1]); print('no', file=sys.stderr); sys.exit(3)", "a b;$(c)")
    completed = await HOST.run(argv)
    assert (completed.code, completed.stdout, completed.stderr) == (3, "a b;$(c)\n", "no\n")
    assert completed.argv == tuple(argv)


async def test_a_process_killed_by_a_signal_has_a_negative_code() -> None:
    assert (await HOST.run(python("import os; os.kill(os.getpid(), 9)"))).code == -9


async def test_lines_of_both_streams_come_as_they_are_printed(tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    code = (
        "import sys, time, pathlib\nprint('first', flush=True)\n"
        "while not pathlib.Path(sys.argv[1]).exists(): time.sleep(0.01)\nprint('second', file=sys.stderr)"
    )
    seen: list[str] = []

    def on_line(line: str) -> None:
        seen.append(line)
        gate.touch()  # the program goes on only when its first line was handed on

    await HOST.run(python(code, str(gate)), on_line=on_line, timeout=60)
    assert seen == ["first", "second"]


async def test_a_last_line_without_an_end_and_empty_lines_and_cr_lf_are_kept() -> None:
    seen: list[str] = []
    await HOST.run(python("import sys; sys.stdout.write('a\\r\\n\\nb')"), on_line=seen.append)
    assert seen == ["a", "", "b"]


async def test_bytes_that_are_not_utf8_are_replaced_and_split_characters_survive() -> None:
    code = "import os, time\nos.write(1, b'\\xff \\xe2\\x82'); time.sleep(0.2); os.write(1, b'\\xac\\n')"  # €
    seen: list[str] = []
    await HOST.run(python(code), on_line=seen.append)
    assert seen == ["\ufffd €"]


async def test_a_very_long_line_comes_in_pieces() -> None:
    seen: list[str] = []
    await HOST.run(python(f"print('x' * {3 * MAX_LINE + 5})"), on_line=seen.append)
    assert "".join(seen) == "x" * (3 * MAX_LINE + 5)
    assert max(map(len, seen)) == MAX_LINE


async def test_only_the_end_of_streamed_output_is_kept() -> None:
    completed = await HOST.run(
        python("import sys; sys.stdout.write('x' * 1000000 + 'end')"), on_line=lambda _: None
    )
    assert len(completed.stdout) == TAIL_BYTES
    assert completed.stdout.endswith("xend")


async def test_unwatched_output_without_bound_is_refused() -> None:
    with pytest.raises(HostError, match="more than 16 MiB"):
        await HOST.run(python("import os\nwhile True: os.write(1, b'x' * 65536)"))


async def test_input_reaches_the_program_and_may_be_ignored() -> None:
    assert (await HOST.run(["cat"], stdin=b"hello")).stdout == "hello"
    assert (await HOST.run(["true"], stdin=b"x" * 1_000_000)).code == 0


async def test_without_input_the_program_reads_nothing_from_the_terminal() -> None:
    assert (await HOST.run(["cat"], timeout=60)).stdout == ""


async def test_the_environment_is_added_to_and_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SHIPWAY_TEST_KEPT", "kept")
    code = "import os; print(os.environ['SHIPWAY_TEST_KEPT'], os.environ['ADDED'], os.getcwd())"
    completed = await HOST.run(python(code), env={"ADDED": "added"}, cwd=tmp_path)
    assert completed.stdout == f"kept added {tmp_path}\n"
    assert HOST.environ["SHIPWAY_TEST_KEPT"] == "kept"


def test_a_variable_can_be_taken_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHIPWAY_TEST_KEPT", "kept")
    code = "import os; print(os.environ.get('SHIPWAY_TEST_KEPT'))"
    assert HOST.run_sync(python(code), env={"SHIPWAY_TEST_KEPT": None}).stdout == "None\n"


async def test_a_time_out_kills_the_whole_group(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    code = (
        "import os, subprocess, sys\nchild = subprocess.Popen(['sleep', '600'])\n"
        "open(sys.argv[1], 'w').write(f'{os.getpid()} {child.pid}')\nchild.wait()"
    )
    with pytest.raises(HostError, match="did not end within 1 seconds"):
        await HOST.run(python(code, str(pids)), timeout=1)
    for pid in pids.read_text().split():
        await until_gone(int(pid))


async def test_cancellation_kills_the_whole_group(tmp_path: Path) -> None:
    code = (
        "import os, subprocess\nchild = subprocess.Popen(['sleep', '600'])\n"
        "print(os.getpid(), child.pid, flush=True)\nchild.wait()"
    )
    pids: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    task = asyncio.create_task(HOST.run(python(code), on_line=pids.set_result))
    started = (await pids).split()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    for pid in started:
        await until_gone(int(pid))


async def test_a_program_deaf_to_the_polite_signal_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shipway.host._GRACE_SECONDS", 0.2)
    code = (
        "import os, signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "print(os.getpid(), flush=True)\ntime.sleep(600)"
    )
    pid: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    task = asyncio.create_task(HOST.run(python(code), on_line=pid.set_result))
    started = int(await pid)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not alive(started)


async def test_a_background_child_that_holds_the_streams_does_not_hang_the_run() -> None:
    code = "import subprocess; print(subprocess.Popen(['sleep', '600']).pid)"
    completed = await HOST.run(python(code), timeout=60)
    assert completed.code == 0
    await until_gone(int(completed.stdout))


async def test_an_error_in_the_listener_stops_the_program() -> None:
    pids: list[int] = []

    def refuse(line: str) -> None:
        pids.append(int(line))
        raise KeyError(line)

    with pytest.raises(KeyError):
        await HOST.run(
            python("import os, time; print(os.getpid(), flush=True); time.sleep(600)"), on_line=refuse
        )
    await until_gone(pids[0])


@pytest.mark.parametrize(
    ("argv", "cwd", "message"),
    [
        (["no-such-program-here"], None, "no such program"),
        ([os.devnull], None, "Permission denied"),
        (["true"], Path("/no/such/place"), "no directory /no/such/place"),
        (["true", "a\0b"], None, "null byte"),
    ],
)
async def test_what_cannot_start_is_named(argv: list[str], cwd: Path | None, message: str) -> None:
    with pytest.raises(HostError, match=message):
        await HOST.run(argv, cwd=cwd)
    with pytest.raises(HostError, match=message):
        HOST.run_sync(argv, cwd=cwd)


def test_a_short_program_gives_its_output_with_odd_bytes_kept() -> None:
    completed = HOST.run_sync(python("import os; os.write(1, b'a\\xff'); os.write(2, b'e'); os._exit(4)"))
    assert (completed.code, os.fsencode(completed.stdout), completed.stderr) == (4, b"a\xff", "e")


def test_a_short_program_that_hangs_is_killed_with_its_children(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    code = (
        "import subprocess, sys\nchild = subprocess.Popen(['sleep', '600'])\n"
        "open(sys.argv[1], 'w').write(str(child.pid))\nchild.wait()"
    )
    with pytest.raises(HostError, match="did not end within 1 seconds"):
        HOST.run_sync(python(code, str(pids)), timeout=1)
    asyncio.run(until_gone(int(pids.read_text())))


def test_programs_are_found_on_the_path() -> None:
    assert HOST.which("sh") is not None
    assert HOST.which("no-such-program-here") is None


def test_the_clock_knows_its_zone() -> None:
    assert SystemClock().now().tzinfo is UTC
