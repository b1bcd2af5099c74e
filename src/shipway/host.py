"""This machine: the only module that starts a process or reads the environment or the clock."""

from __future__ import annotations

import asyncio
import codecs
import contextlib
import errno
import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType

from shipway.errors import DiskFull, HostError
from shipway.ports import Completed

TAIL_BYTES = 64 * 1024
CAPTURE_BYTES = 16 * 1024 * 1024
MAX_LINE = 8 * 1024
_CHUNK = 64 * 1024
_GRACE_SECONDS = 5.0
_LINGER_SECONDS = 2.0
_POLL_SECONDS = 0.01


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)


class SystemHost:
    """The machine that Shipway runs on."""

    @property
    def environ(self) -> Mapping[str, str]:
        return MappingProxyType(os.environ)

    def which(self, program: str) -> str | None:
        return shutil.which(program)

    async def run(
        self,
        argv: Sequence[str],
        *,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        stdin: bytes | None = None,
        on_line: Callable[[str], None] | None = None,
        timeout: float | None = None,
    ) -> Completed:
        """See ``ports.Host.run``.

        With ``on_line`` the last 64 KiB of each stream are kept, and lines longer than 8 KiB come in
        pieces. Without it all output is kept; HostError when one stream exceeds 16 MiB.
        """
        process = await _start(argv, cwd, env, stdin is not None)
        out, err = _Sink(on_line), _Sink(on_line)
        try:
            async with asyncio.timeout(timeout):
                await _communicate(process, stdin, out, err)
        except TimeoutError:
            raise _timed_out(argv, timeout) from None
        finally:
            await _stop(process)
        return Completed(tuple(argv), process.returncode or 0, out.text, err.text)

    def read_text(self, path: Path) -> str | None:
        """See ``ports.Host.read_text``."""
        try:
            return path.read_text(encoding="utf-8", errors="replace")
        except OSError:
            return None

    def free_bytes(self, path: Path) -> int:
        """See ``ports.Host.free_bytes``."""
        place = path.absolute()
        while not place.exists() and place != place.parent:
            place = place.parent
        try:
            return shutil.disk_usage(place).free
        except OSError as error:
            raise HostError(f"cannot tell what is free at {place}: {error.strerror}") from None

    def run_sync(
        self,
        argv: Sequence[str],
        *,
        cwd: Path | None = None,
        env: Mapping[str, str | None] | None = None,
        timeout: float | None = None,
    ) -> Completed:
        """See ``ports.Host.run_sync``."""
        try:
            process = subprocess.Popen(
                argv,
                cwd=cwd,
                env=_environment(env),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            raise _cannot_start(argv, cwd, error) from None
        with process:
            try:
                out, err = process.communicate(timeout=timeout)
            except BaseException as error:
                _signal_group(process.pid, signal.SIGKILL)
                if isinstance(error, subprocess.TimeoutExpired):
                    raise _timed_out(argv, timeout) from None
                raise
        return Completed(tuple(argv), process.returncode, os.fsdecode(out), os.fsdecode(err))


def _environment(env: Mapping[str, str | None] | None) -> dict[str, str]:
    merged: dict[str, str | None] = {**os.environ, **(env or {})}
    return {name: value for name, value in merged.items() if value is not None}


async def _start(
    argv: Sequence[str], cwd: Path | None, env: Mapping[str, str] | None, feed: bool
) -> asyncio.subprocess.Process:
    try:
        return await asyncio.create_subprocess_exec(
            *argv,
            cwd=cwd,
            env=_environment(env),
            stdin=asyncio.subprocess.PIPE if feed else asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        raise _cannot_start(argv, cwd, error) from None


class _Sink:
    """One output stream of a process: hands on its lines as they come, keeps its end."""

    def __init__(self, on_line: Callable[[str], None] | None) -> None:
        self._on_line = on_line
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._kept = bytearray()
        self._pending = ""

    async def drain(self, stream: asyncio.StreamReader | None) -> None:
        """Read ``stream`` to its end."""
        while stream is not None and (chunk := await stream.read(_CHUNK)):
            self._keep(chunk)
            self._split(self._decoder.decode(chunk))
        self._split(self._decoder.decode(b"", final=True))
        if self._pending:
            self._emit(self._pending)

    @property
    def text(self) -> str:
        kept = self._kept[-TAIL_BYTES:] if self._on_line else self._kept
        return kept.decode("utf-8", "replace")

    def _keep(self, chunk: bytes) -> None:
        self._kept += chunk
        if self._on_line:
            if len(self._kept) > 4 * TAIL_BYTES:
                del self._kept[:-TAIL_BYTES]
        elif len(self._kept) > CAPTURE_BYTES:
            raise HostError(
                f"a program printed more than {CAPTURE_BYTES >> 20} MiB where a little was expected"
            )

    def _split(self, text: str) -> None:
        if self._on_line is None:
            return
        *lines, self._pending = (self._pending + text).split("\n")
        for line in lines:
            self._emit(line)
        while len(self._pending) > MAX_LINE:
            self._emit(self._pending[:MAX_LINE])
            self._pending = self._pending[MAX_LINE:]

    def _emit(self, line: str) -> None:
        line = line.removesuffix("\r")
        if self._on_line is not None:
            for start in range(0, len(line) or 1, MAX_LINE):
                self._on_line(line[start : start + MAX_LINE])


async def _communicate(
    process: asyncio.subprocess.Process, stdin: bytes | None, out: _Sink, err: _Sink
) -> None:
    reaper = asyncio.create_task(_reap(process))
    try:
        await asyncio.gather(out.drain(process.stdout), err.drain(process.stderr), _feed(process, stdin))
        await _ended(process)
    finally:
        reaper.cancel()


async def _reap(process: asyncio.subprocess.Process) -> None:
    """End what the program left running in the background: it would hold the streams open for ever."""
    await _ended(process)
    await asyncio.sleep(_LINGER_SECONDS)
    _signal_group(process.pid, signal.SIGKILL)
    for stream in (process.stdout, process.stderr):
        if stream is not None:
            stream.feed_eof()


async def _ended(process: asyncio.subprocess.Process) -> None:
    """Wait for the exit code; asyncio's own ``wait`` also waits for whoever holds the streams."""
    while process.returncode is None:
        await asyncio.sleep(_POLL_SECONDS)


async def _feed(process: asyncio.subprocess.Process, data: bytes | None) -> None:
    if process.stdin is None or data is None:
        return
    # a program that does not want all of its input is no error: its exit code tells
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        process.stdin.write(data)
        await process.stdin.drain()
    process.stdin.close()


async def _stop(process: asyncio.subprocess.Process) -> None:
    """Ask a process that still runs to end, then kill it with everything it started."""
    if process.returncode is not None:
        return
    _signal_group(process.pid, signal.SIGTERM)
    try:
        async with asyncio.timeout(_GRACE_SECONDS):
            await _ended(process)
    except TimeoutError:
        pass
    finally:
        _signal_group(process.pid, signal.SIGKILL)
    await _ended(process)


def _signal_group(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)


def _timed_out(argv: Sequence[str], timeout: float | None) -> HostError:
    return HostError(f"{argv[0]} did not end within {timeout:g} seconds and was stopped")


def _cannot_start(argv: Sequence[str], cwd: Path | None, error: OSError | ValueError) -> HostError:
    program = argv[0]
    if isinstance(error, ValueError):
        return HostError(f"cannot start {program}: {error}")
    if error.errno == errno.ENOSPC:
        return DiskFull(f"cannot start {program}: no space left on the device", help="free some space: df -h")
    if cwd is not None and not cwd.is_dir():
        return HostError(f"cannot start {program}: there is no directory {cwd}")
    if error.errno == errno.ENOENT:
        return HostError(f"cannot start {program}: there is no such program", help=f"install {program}")
    return HostError(f"cannot start {program}: {error.strerror}")
