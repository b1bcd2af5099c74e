"""Live progress: one line an image on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self

from shipway.ports import Event
from shipway.report.lines import event_line
from shipway.report.text import one_line, plain

if TYPE_CHECKING:
    from rich.progress import TaskID


class View(Protocol):
    """Something that shows events and build output as they come."""

    def show(self, event: Event) -> None: ...

    def output(self, image: str, line: str) -> None: ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class Silent:
    """Shows nothing."""

    def show(self, event: Event) -> None:
        pass

    def output(self, image: str, line: str) -> None:
        pass

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass


class Plain(Silent):
    """One line an event on standard error; build output is shown when ``verbose``."""

    def __init__(self, *, verbose: bool = False) -> None:
        self._verbose = verbose

    def show(self, event: Event) -> None:
        if line := event_line(event):
            print(line, file=sys.stderr, flush=True)

    def output(self, image: str, line: str) -> None:
        if self._verbose:
            print(f"{image} | {plain(line)}", file=sys.stderr, flush=True)


class Live:
    """A line an image that changes in place, with the newest line of its build output."""

    _FINAL = frozenset(
        {
            "image.delivered",
            "image.reused",
            "image.failed",
            "image.held",
            "image.blocked",
            "copy.done",
            "copy.failed",
        }
    )

    def __init__(self, *, verbose: bool = False) -> None:
        from rich.console import Console
        from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
        from rich.table import Column

        self._verbose = verbose
        self._progress = Progress(
            SpinnerColumn(finished_text="•"),
            TextColumn("{task.fields[image]}", style="bold", markup=False),
            TextColumn(
                "{task.description}",
                markup=False,
                table_column=Column(ratio=1, no_wrap=True, overflow="ellipsis"),
            ),
            TimeElapsedColumn(),
            console=Console(stderr=True),
            expand=True,
        )
        self._tasks: dict[str, TaskID] = {}

    def show(self, event: Event) -> None:
        line = event_line(event)
        if line is None:
            return
        if event.image is None:
            self._progress.print(line, markup=False, highlight=False)
            return
        text = one_line(line.removeprefix(f"{event.image}: "))
        completed = int(event.kind in self._FINAL)
        self._progress.update(self._task(event.image), description=text, completed=completed)

    def output(self, image: str, line: str) -> None:
        text = plain(line)
        if self._verbose:
            self._progress.print(f"{image} | {text}", markup=False, highlight=False)
        self._progress.update(self._task(image), description=text)

    def _task(self, image: str) -> TaskID:
        if image not in self._tasks:
            self._tasks[image] = self._progress.add_task("", total=1, image=image)
        return self._tasks[image]

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()


def view(*, quiet: bool, verbose: bool, terminal: bool) -> View:
    """The view that fits: nothing when quiet, live on a terminal, plain lines elsewhere."""
    if quiet:
        return Silent()
    return Live(verbose=verbose) if terminal else Plain(verbose=verbose)
