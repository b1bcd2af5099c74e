"""The options of ``shipway ship`` that hand its builds to other machines."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from shipway.cli.tls import tls_options

if TYPE_CHECKING:
    from shipway.wiring.handing import Executor
    from shipway.workers.address import Tls


@dataclass(frozen=True, slots=True)
class ExecutorOptions:
    """The options as they were given."""

    executor: str | None
    contexts: str | None
    worker_wait: str
    tls: Tls

    def chosen(self, jobs: int | None) -> Executor | None:
        """The executor, None where this machine builds; ``jobs`` is how many deliveries were asked for.

        Raises UsageError for what does not fit together.
        """
        from shipway.errors import UsageError

        if self.executor is None:
            if self.tls or self.contexts is not None:
                raise UsageError("--executor-tls-ca and --contexts are about an --executor: name it too")
            return None
        from shipway.values import Duration, Reference
        from shipway.wiring.handing import Executor
        from shipway.workers.address import Address

        contexts = Reference.parse(self.contexts).without_version() if self.contexts is not None else None
        patience = Duration.parse(self.worker_wait).seconds
        return Executor(Address.parse(self.executor), self.tls, contexts, patience, jobs)


_OPTIONS = (
    click.option(
        "--executor",
        metavar="dask://HOST:PORT",
        envvar="SHIPWAY_EXECUTOR",
        help="Have the workers of a Dask cluster build (see shipway worker); needs shipway[distributed].",
    ),
    click.option(
        "--contexts",
        metavar="REPOSITORY",
        help="Where build contexts pass through on their way to workers; default: shipway-contexts beside"
        " each image.",
    ),
    click.option(
        "--worker-wait",
        metavar="TIME",
        default="30s",
        show_default=True,
        help="How long a build waits for a worker that has what it needs, before it fails.",
    ),
    tls_options("executor-tls"),
)


def executor_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options of executors; it receives them as one ``executor`` argument."""

    @functools.wraps(function)
    def wrapper(**options: Any) -> Any:
        names = ("executor", "contexts", "worker_wait", "tls")
        return function(executor=ExecutorOptions(**{name: options.pop(name) for name in names}), **options)

    for option in reversed(_OPTIONS):
        wrapper = option(wrapper)
    return wrapper
