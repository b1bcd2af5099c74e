"""Events of a run: first into the ledger, then onto the screen."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TextIO

from shipway.oci.files import reported
from shipway.ports import Clock, Event, Ledger

_UNFIT = re.compile(r"[^A-Za-z0-9_.-]")


class Recorder:
    """The events of ``run``. Build output goes to one log file an image in ``logs``."""

    def __init__(
        self,
        ledger: Ledger,
        run: int,
        clock: Clock,
        logs: Path,
        show: Callable[[Event], None],
        show_output: Callable[[str, str], None],
    ) -> None:
        self._ledger = ledger
        self._run = run
        self._clock = clock
        self._logs = logs
        self._show = show
        self._show_output = show_output
        self._files: dict[str, TextIO] = {}

    def emit(self, event: Event) -> None:
        self._ledger.append(self._run, event, self._clock.now())
        self._show(event)

    def output(self, image: str, line: str) -> None:
        path = log_of(self._logs, image)
        with reported(f"write {path}"):
            file = self._files.get(image)
            if file is None:
                self._logs.mkdir(parents=True, exist_ok=True)
                file = self._files[image] = path.open("a", encoding="utf-8", buffering=1)
            file.write(line + "\n")
        self._show_output(image, line)

    def close(self) -> None:
        for file in self._files.values():
            # what a full disk did not take was told when it was written
            with suppress(OSError):
                file.close()


def log_of(logs: Path, image: str) -> Path:
    """The log file of an image."""
    return logs / f"{_UNFIT.sub('_', image)}.log"
