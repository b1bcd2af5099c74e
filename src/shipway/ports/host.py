"""The machine: processes, environment, disk."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Completed:
    """A process that ended: its argument list, exit code (negative: the signal) and text output."""

    argv: tuple[str, ...]
    code: int
    stdout: str
    stderr: str


class Host(Protocol):
    """This machine: the only door to processes and the environment."""

    @property
    def environ(self) -> Mapping[str, str]: ...

    def which(self, program: str) -> str | None:
        """The path of a program, or None."""

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
        """Run a program to its end, in a process group that is killed on cancellation or time-out.

        ``env`` is added to the environment. ``on_line`` gets every line of standard output and standard
        error as it comes. Raises HostError when it cannot start or ``timeout`` (seconds) has passed.
        A non-zero exit code is not an error here.
        """

    def read_text(self, path: Path) -> str | None:
        """The text of a small file of the system, None when it is not there or may not be read."""

    def free_bytes(self, path: Path) -> int:
        """The space that is free on the disk of ``path``, or of its nearest directory that exists.

        Raises HostError when the system does not tell.
        """

    def run_sync(
        self,
        argv: Sequence[str],
        *,
        cwd: Path | None = None,
        env: Mapping[str, str | None] | None = None,
        timeout: float | None = None,
    ) -> Completed:
        """Run a short program that needs no watching, as ``run`` does.

        ``env`` is added to the environment, a value of None takes a variable away. Output that is not
        UTF-8 survives as surrogates, so that file names can be read from it.
        """
