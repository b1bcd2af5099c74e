"""The TLS files of a Dask cluster as options."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

_FILES = {
    "ca": "PEM authority that all of the Dask cluster trust.",
    "cert": "PEM certificate that this machine shows to the Dask cluster.",
    "key": "PEM key of that certificate.",
}


def tls_options(prefix: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Give a command ``--<prefix>-ca``, ``-cert`` and ``-key``; it receives them as one ``tls`` argument.

    A command raises UsageError when some are given and others are not.
    """

    def decorated(function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def wrapper(**options: Any) -> Any:
            from shipway.workers.address import Tls

            files = [options.pop(f"{prefix}_{name}".replace("-", "_")) for name in _FILES]
            return function(tls=Tls(*files).require_whole(), **options)

        for name, help in reversed(_FILES.items()):
            path = click.Path(exists=True, dir_okay=False, path_type=Path)
            wrapper = click.option(f"--{prefix}-{name}", type=path, help=help)(wrapper)
        return wrapper

    return decorated
