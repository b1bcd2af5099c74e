"""What every format of findings is given beside the findings themselves."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass
from typing import Protocol

from shipway.checks.finding import Finding
from shipway.checks.runner import CheckResult
from shipway.fleet.locate import FLEET_FILES
from shipway.report.excerpt import Sources


@dataclass(frozen=True, slots=True)
class Presentation:
    """``color`` and ``width`` (columns) are the terminal's. ``category`` tells several uploads of one commit
    apart. ``files`` are the files that were looked at, so that clean ones can be told. ``prefix`` is the
    fleet's root relative to the repository's, ``""`` where they are the same: hosts of code want paths
    from there."""

    color: bool = False
    width: int = 100
    category: str = "shipway"
    files: tuple[str, ...] = ()
    prefix: str = ""

    def hosted(self, finding: Finding) -> str | None:
        """The path of a finding in the repository; None when it is not about a file of it."""
        return self.hosted_path(finding.place.path)

    def hosted_path(self, path: str) -> str | None:
        """``path``, relative to the fleet's root, as seen from the repository's; None outside of it."""
        if not path:
            return None
        joined = posixpath.normpath(posixpath.join(self.prefix, path))
        return None if joined.startswith(("/", "../")) or joined in (".", "..") else joined

    @property
    def stand_in(self) -> str:
        """The file that a finding is shown at when it is about none: the fleet file."""
        return posixpath.normpath(posixpath.join(self.prefix, FLEET_FILES[0]))


PLAIN = Presentation()


class Render(Protocol):
    """A format: the text for what checks found. ``sources`` gives the bytes of files for excerpts."""

    def __call__(
        self, result: CheckResult, sources: Sources, presentation: Presentation = PLAIN, /
    ) -> str: ...
