"""The time or number that a tag carries; its spelling never counts."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from string import Formatter
from typing import TypeAlias

from shipway.planning.tags import TagScheme

Moment: TypeAlias = datetime | int

_FIRST_YEAR, _LAST_YEAR = 1981, 2200
_SEPARATORS = re.compile(r"[-_.]|(?<=\d)[TtZz](?=\d|\Z)")
_FORMATS = {8: "%Y%m%d", 12: "%Y%m%d%H%M", 14: "%Y%m%d%H%M%S"}
# what schemes such as {branch}-{sha7}-{timestamp} leave, whoever made the tags
_TRAILING_TIME = re.compile(
    r"(?:(?P<series>.+?)-)??(?:[0-9a-f]{5,64}-)?(?P<time>[0-9]{10}|[0-9]{13,14}|[0-9]{8}[T.-]?[0-9]{6}Z?)\Z"
)
_TRAILING_NUMBER = re.compile(r"(?:(?P<series>.*)[-_]|v)?(?P<number>[0-9]+)\Z")


@dataclass(frozen=True, slots=True)
class Stamp:
    """When a tag was made, or as which number; tags are counted among those of their own ``series``."""

    moment: Moment
    series: str = ""


def read_number(text: str) -> int | None:
    """A number in decimal digits."""
    return int(text) if text.isascii() and text.isdigit() else None


def read_time(text: str) -> datetime | None:
    """A time in UTC: seconds (10 digits) or milliseconds (13) since 1970, or a date with or without a time of
    day, with any separators; None for what is none of them."""
    digits = _SEPARATORS.sub("", text)
    if not (digits.isascii() and digits.isdigit()):
        return None
    try:
        if len(digits) in (10, 13):
            time = datetime.fromtimestamp(int(digits[:10]), UTC)
            time = time.replace(microsecond=int(digits[10:] or 0) * 1000)
        elif len(digits) in _FORMATS:
            time = datetime.strptime(digits, _FORMATS[len(digits)]).replace(tzinfo=UTC)
        else:
            return None
    except ValueError:
        return None
    return time if _FIRST_YEAR <= time.year <= _LAST_YEAR else None


def is_credible(created: datetime | None) -> bool:
    """Whether a creation time tells when: reproducible builds say 1970 or 1980, Go's zero time year 1."""
    return created is not None and created.year >= _FIRST_YEAR


def trailing_time(tag: str) -> Stamp | None:
    """The time at the end of a tag, behind a commit or not; what stands before them is the series."""
    found = _TRAILING_TIME.match(tag)
    time = read_time(found["time"]) if found else None
    return Stamp(time, found["series"] or "") if found and time else None


def trailing_number(tag: str) -> Stamp | None:
    """The number at the end of a tag, alone or behind a ``v``, ``-`` or ``_``."""
    found = _TRAILING_NUMBER.match(tag)
    return Stamp(int(found["number"]), found["series"] or "") if found else None


_FIELDS = {
    "branch": "[A-Za-z0-9_.-]+?",
    "sha": "[0-9a-f]{40}(?:[0-9a-f]{24})?",
    "sha7": "[0-9a-f]{7}",
    "timestamp": "[0-9]{10}",
    "date": "[0-9]{8}",
    "time": "[0-9]{6}",
    "version": "[A-Za-z0-9_.+-]+?",
    "run": "[0-9]+",
}
_STRETCHING = frozenset({"branch", "sha", "version", "run"})
_SERIES = ("branch", "version")


@dataclass(frozen=True, slots=True)
class SchemeReader:
    """Reads tags that a scheme made. ``ordered`` tells whether they carry a time or a number."""

    text: str
    ordered: bool
    _pattern: re.Pattern[str]

    @classmethod
    def of(cls, scheme: TagScheme) -> SchemeReader:
        """The reader of a scheme that ``TagScheme.parse`` has taken."""
        parts = [(literal, name) for literal, name, _, _ in Formatter().parse(scheme.text)]
        fields = {name for _, name in parts if name}
        ordered = bool(fields & {"timestamp", "date", "run"}) and not _is_ambiguous(parts)
        return cls(scheme.text, ordered, re.compile("".join(_expressions(parts)) + r"\Z"))

    def read(self, tag: str) -> Stamp | None:
        """The stamp of a tag; None when it is not of this scheme, or the scheme has no order."""
        found = self._pattern.match(tag)
        if not found or not self.ordered:
            return None
        fields = found.groupdict()
        moment = _moment(fields)
        if moment is None:
            return None
        return Stamp(moment, " ".join(fields[name] for name in _SERIES if fields.get(name)))


def _expressions(parts: Iterable[tuple[str, str | None]]) -> Iterable[str]:
    seen: set[str] = set()
    for literal, name in parts:
        yield re.escape(literal)
        if name:
            yield f"(?P={name})" if name in seen else f"(?P<{name}>{_FIELDS[name]})"
            seen.add(name)


def _is_ambiguous(parts: list[tuple[str, str | None]]) -> bool:
    """Whether a field of no fixed length touches another one: then nobody can tell where it ends."""
    names = [(literal, name) for literal, name in parts if name]
    return any(not second[0] and {first[1], second[1]} & _STRETCHING for first, second in pairwise(names))


def _moment(fields: dict[str, str]) -> Moment | None:
    if "timestamp" in fields:
        return read_time(fields["timestamp"])
    if "date" in fields:
        return read_time(fields["date"] + fields.get("time", ""))
    return read_number(fields["run"])
