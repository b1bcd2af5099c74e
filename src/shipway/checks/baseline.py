"""The baseline: findings of an old repository that are known and not to be told again.

A finding is known by rule, path and subject, never by its line; how many of one kind a file may have is
counted, so that a second one is told.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TypeAlias

from shipway.checks.finding import Finding
from shipway.document import Node, parse
from shipway.errors import ConfigError

BASELINE_FILE = ".shipway-baseline.json"
SCHEMA = "shipway.baseline/1"

Key: TypeAlias = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Baseline:
    """How many places each known finding may have."""

    known: Counter[Key] = field(default_factory=Counter)

    def split(self, findings: Iterable[Finding]) -> tuple[list[Finding], int, int]:
        """The findings that are not known, how many are, and how many known places are gone."""
        left = Counter(self.known)
        taken: set[tuple[Key, int, int]] = set()
        fresh: list[Finding] = []
        known = 0
        for finding in sorted(findings, key=lambda each: each.place):
            key = _key(finding)
            spot = (key, finding.place.line, finding.place.column)
            if spot not in taken and left[key] > 0:
                left[key] -= 1
                taken.add(spot)
            if spot in taken:
                known += 1
            else:
                fresh.append(finding)
        return fresh, known, sum(left.values())


def _key(finding: Finding) -> Key:
    return finding.rule, finding.place.path, finding.subject or ""


def read_baseline(data: bytes, path: str) -> Baseline:
    """The baseline in ``data``. Raises ConfigError with its place when it is none."""
    root = parse(data, path)
    if root.get("schema") is None or root.mapping["schema"].text != SCHEMA:
        raise ConfigError(
            f"{path} is no baseline of a known version",
            place=root.place,
            help="write it anew: shipway check --update-baseline",
        )
    entries = root.get("findings")
    known: Counter[Key] = Counter()
    for entry in entries.sequence if entries is not None else ():
        known[_text(entry, "rule"), _text(entry, "path"), _text(entry, "subject")] += _count(entry)
    return Baseline(known)


def _text(entry: Node, key: str) -> str:
    node = entry.get(key)
    if node is None or not isinstance(node.value, str):
        raise ConfigError(f"an entry of the baseline needs a text `{key}`", place=entry.place)
    return node.value


def _count(entry: Node) -> int:
    node = entry.get("count")
    count = 1 if node is None else node.value
    if isinstance(count, bool) or not isinstance(count, int) or count < 1:
        raise ConfigError("`count` must be a number from 1", place=node.place if node else entry.place)
    return count


def write_baseline(findings: Iterable[Finding]) -> str:
    """The text of a baseline that knows all of ``findings``."""
    spots = {(_key(each), each.place.line, each.place.column) for each in findings}
    known = Counter(key for key, _, _ in spots)
    entries = [
        {"rule": rule, "path": path, "subject": subject, "count": count}
        for (rule, path, subject), count in sorted(known.items())
    ]
    return json.dumps({"schema": SCHEMA, "findings": entries}, indent=1) + "\n"
