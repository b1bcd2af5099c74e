"""Identities of findings that survive edits elsewhere in a file."""

from __future__ import annotations

import hashlib
import re
from array import array
from collections import Counter
from collections.abc import Iterable

from shipway.checks.finding import Finding

_BLOCK = 100
_FACTOR = 37
_MASK = (1 << 64) - 1
_END = "\uffff"


class LineHashes:
    """``primaryLocationLineHash`` for the lines of one file, as GitHub's upload action computes it.

    The hash of a line covers the 100 UTF-16 code units from its start that are neither blank nor tab, the
    file's end among them as 65535 and zeros behind it, with every line end as one newline; it is followed
    by how many lines before it, itself included, have the same one (codeql-action, ``fingerprints.ts``).
    """

    def __init__(self, data: bytes) -> None:
        text = re.sub(r"\r\n?|[ \t]", _newline, data.decode("utf-8", errors="replace"))
        self._units = "".join(map(chr, array("H", text.encode("utf-16-le", "surrogatepass")))) + _END
        self._starts = [0, *(match.end() for match in re.finditer("\n", self._units))]

    def of(self, line: int) -> str | None:
        """The hash of a line from 1; None when the file has no such line."""
        if not 0 < line <= len(self._starts):
            return None
        block = self._block(line)
        value = 0
        for unit in block.ljust(_BLOCK, "\0"):
            value = (value * _FACTOR + ord(unit)) & _MASK
        count = sum(self._block(number) == block for number in range(1, line + 1))
        return f"{value:x}:{count}"

    def _block(self, line: int) -> str:
        start = self._starts[line - 1]
        return self._units[start : start + _BLOCK]


def _newline(match: re.Match[str]) -> str:
    return "\n" if match.group().startswith("\r") else ""


def fingerprints(findings: Iterable[Finding]) -> list[str]:
    """An identity for each finding, unlike all others: of rule, path, subject and message, never of its
    line; equal ones are numbered in their order."""
    seen: Counter[str] = Counter()
    found = []
    for finding in findings:
        parts = (finding.rule, finding.place.path, finding.subject or "", finding.message)
        identity = "\0".join(parts)
        seen[identity] += 1
        numbered = f"{identity}\0{seen[identity]}".encode("utf-8", errors="surrogateescape")
        found.append(hashlib.sha256(numbered).hexdigest())
    return found
