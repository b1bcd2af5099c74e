from __future__ import annotations

import asyncio
import threading

import pytest

from shipway.registry.server.threads import to_the_end


async def test_it_gives_what_the_function_gives() -> None:
    assert await to_the_end(lambda: 42) == 42
    with pytest.raises(ZeroDivisionError):
        await to_the_end(lambda: 1 // 0)


async def test_a_cancelled_caller_waits_for_the_thread() -> None:
    started, may_end, ended = threading.Event(), threading.Event(), threading.Event()

    def work() -> None:
        started.set()
        may_end.wait()
        ended.set()

    task = asyncio.create_task(to_the_end(work))
    await asyncio.to_thread(started.wait)
    for _ in range(3):
        task.cancel()
        await asyncio.sleep(0)
    left_early = task.done()
    may_end.set()
    assert not left_early
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended.is_set()
