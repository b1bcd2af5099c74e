"""Progress of live probes on a terminal."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from shipway.flows.live.probed import OnProbed, Probed

_CLEAR = "\r\x1b[K"


@contextmanager
def progress(wanted: bool) -> Iterator[OnProbed]:
    """Gives what shows the last probe that was done on one line of standard error, which is gone at the end;
    nothing is shown where that is no terminal."""
    shown = wanted and sys.stderr.isatty()
    done = 0

    def on_probed(probed: Probed) -> None:
        nonlocal done
        done += 1
        if shown:
            line = f"{done} looked at: {probed.probe} {probed.subject}"
            click.echo(f"{_CLEAR}{line[:78]}", nl=False, err=True)

    try:
        yield on_probed
    finally:
        if shown:
            click.echo(_CLEAR, nl=False, err=True)
