"""The options of ``shipway ship`` that say how it goes about it: speed, patience, failures, machines."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from shipway.cli.executor import ExecutorOptions, executor_options

if TYPE_CHECKING:
    from shipway.flows.conduct import Conduct

_JOBS = 2


@dataclass(frozen=True, slots=True)
class ConductOptions:
    """The options as they were given."""

    jobs: int | None
    fail_fast: bool
    atomic: tuple[str, ...]
    timeout: str | None
    retries: int
    executor: ExecutorOptions

    def conduct(self) -> Conduct:
        """The options in the words of the flow. Raises InvalidValue for a time that is none."""
        from shipway.flows.conduct import Conduct
        from shipway.values import Duration

        timeout = Duration.parse(self.timeout) if self.timeout is not None else None
        return Conduct(self.jobs or _JOBS, self.fail_fast, frozenset(self.atomic), timeout, self.retries)


_OPTIONS = (
    click.option(
        "-j",
        "--jobs",
        type=click.IntRange(1, 64),
        help=f"Deliveries at a time; default: {_JOBS}, with --executor twice as many as workers have slots.",
    ),
    click.option(
        "--fail-fast",
        is_flag=True,
        help="Start no further build after the first failure; those under way end and are delivered.",
    ),
    click.option(
        "--atomic",
        multiple=True,
        metavar="GROUP",
        help="Move no tag of this group before all of its images are verified; '*' is the whole run;"
        " may be repeated.",
    ),
    click.option(
        "--timeout",
        metavar="TIME",
        help="Stop a build, push, read-back or tag that takes longer, such as 30m, whatever the fleet"
        " file says; 0 stops none.",
    ),
    click.option(
        "--retries",
        type=click.IntRange(0, 20),
        default=2,
        show_default=True,
        help="Try a step again that failed for a reason that passes: a network, a daemon, a registry.",
    ),
)


def conduct_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options of conduct; it receives them as one ``manner`` argument."""

    @functools.wraps(function)
    def wrapper(**options: Any) -> Any:
        names = ("jobs", "fail_fast", "atomic", "timeout", "retries", "executor")
        return function(manner=ConductOptions(**{name: options.pop(name) for name in names}), **options)

    decorated = executor_options(wrapper)
    for option in reversed(_OPTIONS):
        decorated = option(decorated)
    return decorated
