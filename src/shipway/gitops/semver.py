"""Versions as Masterminds/semver v3 reads and orders them, which Flux's semver policies rest on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import re2

_LARGEST = 2**64 - 1
_VERSION = re2.compile(
    r"v?([0-9]+)(?:\.([0-9]+))?(?:\.([0-9]+))?"
    r"(?:-([0-9A-Za-z\-]+(?:\.[0-9A-Za-z\-]+)*))?"
    r"(?:\+[0-9A-Za-z\-]+(?:\.[0-9A-Za-z\-]+)*)?"
)


@dataclass(frozen=True, slots=True)
class Version:
    """A version without build metadata, which decides nothing. ``pre`` is the prerelease, ``""`` for none."""

    major: int
    minor: int
    patch: int
    pre: str = ""

    @classmethod
    def coerced(cls, text: str) -> Self | None:
        """As ``semver.NewVersion``: missing parts are 0, zeros may lead. None for what is no version."""
        match = _VERSION.fullmatch(text)
        if match is None:
            return None
        major, minor, patch = (int(match.group(each) or "0") for each in (1, 2, 3))
        pre = match.group(4) or ""
        if max(major, minor, patch) > _LARGEST or not _is_prerelease(pre):
            return None
        return cls(major, minor, patch, pre)

    @classmethod
    def of_tag(cls, tag: str) -> Self | None:
        """As Flux reads a tag (``fluxcd/pkg/version``): two dots at least, then as ``coerced``."""
        return cls.coerced(tag) if tag.count(".") > 1 else None

    @property
    def core(self) -> tuple[int, int, int]:
        return self.major, self.minor, self.patch

    def compare(self, other: Version) -> int:
        """-1, 0 or 1. A release is above its prereleases."""
        if self.core != other.core:
            return 1 if self.core > other.core else -1
        return compare_prereleases(self.pre, other.pre)

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}.{self.patch}" + (f"-{self.pre}" if self.pre else "")


def _is_prerelease(text: str) -> bool:
    """No numeric identifier starts with a zero."""
    parts = text.split(".")
    return not any(part.isdigit() and len(part) > 1 and part.startswith("0") for part in parts)


def compare_prereleases(one: str, other: str) -> int:
    """-1, 0 or 1; the absence of a prerelease is above any."""
    if one == other:
        return 0
    if not one or not other:
        return -1 if other == "" else 1
    left, right = one.split("."), other.split(".")
    for mine, yours in zip(left, right, strict=False):
        if mine != yours:
            return _compare_identifiers(mine, yours)
    return 1 if len(left) > len(right) else -1


def _compare_identifiers(one: str, other: str) -> int:
    """Numbers by value and below text; text by its bytes. Numbers beyond 64 bits count as text."""
    numbers = [int(each) if each.isdigit() and int(each) <= _LARGEST else None for each in (one, other)]
    mine, yours = numbers
    if mine is None and yours is None:
        return 1 if one > other else -1
    if mine is None or yours is None:
        return 1 if mine is None else -1
    return 1 if mine > yours else -1
