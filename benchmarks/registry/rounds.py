"""Rounds: every contender runs once in each, so that what else the machine does meets them all."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import TypeAlias

from benchmarks.registry.processes import Runner, Spent

Attempt: TypeAlias = Callable[[], AbstractContextManager[Sequence[str]]]
"""Sets the stage for one run, and gives the command line."""


def measure(
    runner: Runner,
    attempts: Mapping[str, Attempt],
    rounds: int,
    tell: Callable[[str], None],
    once: Collection[str] = (),
) -> Mapping[str, Sequence[Spent]]:
    """What each contender spent in each round, those of ``once`` in the first alone. ``tell`` hears of every
    run. Raises CommandFailed."""
    measured: dict[str, list[Spent]] = {name: [] for name in attempts}
    for number in range(rounds):
        for name, attempt in attempts.items():
            if number and name in once:
                continue
            with attempt() as argv:
                spent = runner.run(argv)
            measured[name].append(spent)
            tell(f"  {name}: {spent.seconds:.2f} s, {spent.processor:.2f} s of processors")
    return measured
