"""Nothing outside of the repository is opened or listed: an audit hook that remembers each attempt."""

from __future__ import annotations

import os
import sys
from pathlib import Path

_EVENTS = frozenset({"open", "os.listdir", "os.scandir"})


class Watch:
    """Remembers what is opened or listed outside of ``root`` while it is on. Python's own files are fine.

    An audit hook cannot be taken away again, so this belongs in a process of its own.
    """

    def __init__(self) -> None:
        self.root = ""
        self.outside: list[str] = []
        python = {sys.prefix, sys.base_prefix, *(each for each in sys.path if each)}
        self._allowed = tuple(sorted(os.path.realpath(each) + os.sep for each in python))
        self._busy = False
        sys.addaudithook(self._hear)

    def __call__(self, root: Path) -> Watch:
        self.root = os.path.realpath(root)
        self.outside = []
        return self

    def __enter__(self) -> Watch:
        return self

    def __exit__(self, *_: object) -> None:
        self.root = ""

    def _hear(self, event: str, arguments: tuple[object, ...]) -> None:
        if not self.root or event not in _EVENTS or self._busy:
            return
        path = arguments[0]
        if not isinstance(path, str | bytes | os.PathLike):
            return  # a file that is open already
        self._busy = True
        try:
            real = os.path.realpath(os.fsdecode(path))
        except ValueError:
            return  # no path at all
        finally:
            self._busy = False
        if real != self.root and not real.startswith((self.root + os.sep, *self._allowed)):
            self.outside.append(f"{event} {os.fsdecode(path)!r}")
