"""Long commands end cleanly, whoever ends them: a person's Ctrl-C, or the SIGTERM of a CI system."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Coroutine
from types import FrameType
from typing import Any, TypeVar

T = TypeVar("T")


def run_interruptibly(work: Coroutine[Any, Any, T]) -> T:
    """The result of ``work``. SIGINT and SIGTERM cancel it, which ends the programs that it started; then
    KeyboardInterrupt is raised."""
    before = signal.signal(signal.SIGTERM, _as_interrupt)
    try:
        return asyncio.run(work)
    finally:
        signal.signal(signal.SIGTERM, before)


def _as_interrupt(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - what signal gives
    signal.raise_signal(signal.SIGINT)
