"""What became of one source: found, or why not, in the words of BuildKit's failure classes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from shipway.dockerfile.resolved import ContextRead
from shipway.dockerfile.syntax import printable
from shipway.place import Place

Reason: TypeAlias = Literal[
    "missing",
    "ignored",
    "dangling-link",
    "link-loop",
    "glob-dir-missing",
    "glob-dir-ignored",
    "glob-dir-not-sent",
    "bad-pattern",
    "expansion",
    "remote-not-allowed",
    "checksum-not-allowed",
    "stage-path-missing",
]

_MESSAGES: dict[Reason, str] = {
    "missing": "{path} does not exist in {where}",
    "ignored": "{path} is excluded from {where} by {ignored}",
    "dangling-link": "a symbolic link on the way to {path} leads nowhere inside {where}",
    "link-loop": "the symbolic links at {path} form a loop",
    "glob-dir-missing": "there is no directory {path} in {where} for the wildcard to look into",
    "glob-dir-ignored": "the directory {path} is excluded from {where} by {ignored}",
    "glob-dir-not-sent": "nothing in {path} matches, and no other instruction transfers that directory",
    "bad-pattern": "the wildcard pattern is malformed",
    "expansion": "the word cannot be expanded: {detail}",
    "remote-not-allowed": "only ADD takes a URL or a Git repository",
    "checksum-not-allowed": "--checksum needs a single HTTP or Git source",
    "stage-path-missing": "{path} does not exist in {where}",
}


@dataclass(frozen=True, slots=True)
class IgnoredBy:
    """The line of an ignore file that excludes a path."""

    place: Place
    pattern: str

    def __str__(self) -> str:
        return f"{self.pattern!r} in {self.place}"


@dataclass(frozen=True, slots=True)
class SourceOutcome:
    """How one source fares. ``reason`` is None when the build finds what it needs.

    ``matched`` are the paths that the source names; ``listed`` gives ``files``, for which directories are
    walked only when somebody asks. ``path`` is the context path to blame, with a leading slash. ``nearest``
    is a path that may have been meant.
    ``certain`` is False where a variable may get its value from an image, or a remote place is read.
    """

    read: ContextRead
    reason: Reason | None = None
    path: str = ""
    matched: tuple[str, ...] = ()
    listed: Callable[[], tuple[str, ...]] = field(default=tuple, compare=False, repr=False)
    ignored_by: IgnoredBy | None = None
    nearest: str | None = None
    detail: str = ""
    certain: bool = True

    @property
    def files(self) -> tuple[str, ...]:
        """All that is read through ``matched``: files, links (with what they lead to), and with a trailing
        slash directories that hold nothing else. Raises HostError when a directory cannot be read."""
        return self.listed()

    @property
    def failed(self) -> bool:
        return self.reason is not None

    @property
    def message(self) -> str:
        """The outcome in one sentence, empty when the source is fine."""
        if self.reason is None:
            return ""
        origin = self.read.origin
        where = {
            "main": "the build context",
            "context": f"the context {origin.name!r}",
            "stage": f"stage {origin.name}",
        }.get(origin.kind, origin.name)
        said = _MESSAGES[self.reason].format(
            path=self.path, where=where, ignored=self.ignored_by, detail=self.detail
        )
        return printable(f"{self.read.instruction.keyword} {self.read.source}: {said}")

    @property
    def help(self) -> str | None:
        """The next step, where one is clear."""
        return f"did you mean {self.nearest}?" if self.nearest else None
