"""Ranges of versions as Masterminds/semver v3 (``constraints.go``) decides them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import re2

from shipway.errors import ConfigError
from shipway.gitops.semver import Version, compare_prereleases

_CV = (
    r"v?([0-9|x|X|\*]+)(\.[0-9|x|X|\*]+)?(\.[0-9|x|X|\*]+)?"
    r"(-([0-9A-Za-z\-]+(\.[0-9A-Za-z\-]+)*))?"
    r"(\+([0-9A-Za-z\-]+(\.[0-9A-Za-z\-]+)*))?"
)
_OPERATORS = r"=||!=|>|<|>=|=>|<=|=<|~|~>|\^"
_ONE = re2.compile(rf"^\s*({_OPERATORS})\s*({_CV})\s*$")
_HYPHEN = re2.compile(rf"\s*({_CV})\s+-\s+({_CV})\s*")
_SECOND_OF_HYPHEN = 11
_FIND = re2.compile(rf"(?:{_OPERATORS})\s*(?:{_CV})")
_GROUP = re2.compile(rf"^(\s*({_OPERATORS})\s*({_CV})\s*)((?:\s+|,\s*)({_OPERATORS})\s*({_CV})\s*)*$")
_WILD = frozenset({"x", "X", "*"})


@dataclass(frozen=True, slots=True)
class _Bound:
    """One comparison. ``any_minor`` and ``any_patch`` tell what was left open, ``open`` that anything was."""

    operator: str
    version: Version
    open: bool = False
    any_minor: bool = False
    any_patch: bool = False

    def admits(self, version: Version) -> bool:
        return _CHECKS[self.operator](version, self)


@dataclass(frozen=True, slots=True)
class Range:
    """Groups of comparisons; a version must satisfy all of one group.

    A prerelease satisfies a group only if one of its comparisons names a prerelease, too.
    """

    text: str
    groups: tuple[tuple[_Bound, ...], ...]

    @classmethod
    def parse(cls, text: str) -> Range:
        """Raises ConfigError for what Flux stalls on (``InvalidPolicy``)."""
        return cls(text, tuple(_group(part, text) for part in _without_hyphens(text).split("||")))

    def admits(self, version: Version) -> bool:
        return any(
            all(bound.admits(version) for bound in group)
            for group in self.groups
            if not version.pre or names_prerelease(group)
        )


def names_prerelease(group: tuple[_Bound, ...]) -> bool:
    """Whether prereleases can satisfy the group at all."""
    return any(bound.version.pre for bound in group)


def _without_hyphens(text: str) -> str:
    found = text
    for match in _HYPHEN.finditer(text):
        bounds = f">= {match.group(1)}, <= {match.group(_SECOND_OF_HYPHEN)} "
        found = found.replace(match.group(0), bounds, 1)
    return found


def _group(part: str, whole: str) -> tuple[_Bound, ...]:
    if _GROUP.search(part) is None:
        raise _invalid(whole, part)
    return tuple(_bound(match.group(0), whole) for match in _FIND.finditer(part))


def _bound(text: str, whole: str) -> _Bound:
    match = _ONE.search(text)
    if match is None:
        raise _invalid(whole, text)
    operator, version = match.group(1), match.group(2)
    major, minor, patch, pre = (match.group(each) or "" for each in (3, 4, 5, 6))
    any_minor = any_patch = False
    is_open = True
    if major in _WILD:
        version = f"0.0.0{pre}"
    elif minor[1:] in _WILD or not minor:
        any_minor, version = True, f"{major}.0.0{pre}"
    elif patch[1:] in _WILD or not patch:
        any_patch, version = True, f"{major}{minor}.0{pre}"
    else:
        is_open = False
    parsed = Version.coerced(version)
    if parsed is None:
        raise _invalid(whole, text)
    return _Bound(operator, parsed, is_open, any_minor, any_patch)


def _invalid(whole: str, part: str) -> ConfigError:
    where = "" if part == whole else f" at {part.strip()!r}"
    return ConfigError(
        f"{whole!r} is no range of versions{where}",
        cause="Flux stalls on it with InvalidPolicy",
        help="write comparisons such as >=1.2.0 <2.0.0, 1.x or ^1.2",
    )


# --- the operators, each as its function in constraints.go ----------------------------------------


def _differs(version: Version, bound: _Bound) -> bool:
    wanted = bound.version
    if not bound.open:
        return version.compare(wanted) != 0
    if wanted.major != version.major:
        return True
    if wanted.minor != version.minor and not bound.any_minor:
        return True
    if bound.any_minor:
        return False
    if bound.any_patch:
        return bool(version.pre or wanted.pre) and compare_prereleases(version.pre, wanted.pre) != 0
    return version.compare(wanted) != 0


def _above(version: Version, bound: _Bound) -> bool:
    wanted = bound.version
    if bound.open and version.major != wanted.major:
        return version.major > wanted.major
    if bound.any_minor:
        return False
    if bound.any_patch:
        return version.minor > wanted.minor
    return version.compare(wanted) > 0


def _at_most(version: Version, bound: _Bound) -> bool:
    wanted = bound.version
    if not bound.open:
        return version.compare(wanted) <= 0
    if version.major != wanted.major:
        return version.major < wanted.major
    return version.minor <= wanted.minor or bound.any_minor


def _tilde(version: Version, bound: _Bound) -> bool:
    wanted = bound.version
    if version.compare(wanted) < 0:
        return False
    if wanted.core == (0, 0, 0) and not bound.any_minor and not bound.any_patch:
        return True
    return version.major == wanted.major and (version.minor == wanted.minor or bound.any_minor)


def _equals(version: Version, bound: _Bound) -> bool:
    return _tilde(version, bound) if bound.open else version.compare(bound.version) == 0


def _caret(version: Version, bound: _Bound) -> bool:
    wanted = bound.version
    if version.compare(wanted) < 0 or version.major != wanted.major:
        return False
    if wanted.major > 0 or bound.any_minor:
        return True
    if version.minor != wanted.minor:
        return False
    return wanted.minor > 0 or bound.any_patch or version.patch == wanted.patch


_CHECKS: Mapping[str, Callable[[Version, _Bound], bool]] = {
    "": _equals,
    "=": _equals,
    "!=": _differs,
    ">": _above,
    "<": lambda version, bound: version.compare(bound.version) < 0,
    ">=": lambda version, bound: version.compare(bound.version) >= 0,
    "=>": lambda version, bound: version.compare(bound.version) >= 0,
    "<=": _at_most,
    "=<": _at_most,
    "~": _tilde,
    "~>": _tilde,
    "^": _caret,
}
