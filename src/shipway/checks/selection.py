"""Which rules run, and how severe what they find is."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches

from shipway.checks.finding import Finding, Severity
from shipway.dockerfile.patterns import matcher
from shipway.errors import UsageError

_FOREIGN = re.compile(r"(?:DL|SC)[0-9]{0,4}\Z")


def selects(selector: str, rule: str) -> bool:
    """Whether ``selector``, a rule's id or the beginning of one (``SW2``), names ``rule``."""
    return rule.startswith(selector)


@dataclass(frozen=True, slots=True)
class Selection:
    """What the command line asks for. ``select`` empty: every rule. ``ignore`` goes before ``select``
    unless it is the shorter of the two: ``--select SW101 --ignore SW1`` runs SW101.
    ``images`` limits findings that concern an image to these."""

    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    images: frozenset[str] = frozenset()

    def wants(self, rule: str) -> bool:
        chosen = _longest(self.select, rule) if self.select else 0
        ignored = _longest(self.ignore, rule)
        return chosen >= 0 and (ignored < 0 or chosen > ignored)

    def wants_any(self, families: Iterable[str]) -> bool:
        """Whether a rule of one of ``families`` could be wanted."""
        return any(
            not self.select or any(selects(each, family) or selects(family, each) for each in self.select)
            for family in families
            if family not in self.ignore
        )

    def wants_image(self, image: str | None) -> bool:
        return not self.images or image is None or image in self.images


def _longest(selectors: Iterable[str], rule: str) -> int:
    """The length of the selector that names ``rule`` most exactly, -1 when none does."""
    return max((len(each) for each in selectors if selects(each, rule)), default=-1)


def parse_selectors(words: Iterable[str], known: Collection[str]) -> tuple[str, ...]:
    """Selectors from words that may hold several, with commas between. Raises UsageError for one that
    names no rule; ``known`` are those that do, and ids of hadolint and ShellCheck pass as well."""
    found = [each.strip().upper() for word in words for each in word.split(",") if each.strip()]
    for selector in found:
        if selector not in known and not _FOREIGN.match(selector):
            close = get_close_matches(selector, known, n=1)
            raise UsageError(
                f"no rule is called {selector}",
                help=f"did you mean {close[0]}?"
                if close
                else "write an id such as SW101, or SW1 for a family; docs/rules lists them",
            )
    return tuple(found)


@dataclass(frozen=True, slots=True)
class PathPolicy:
    """What holds for the files that ``pattern``, in the syntax of ignore files, names."""

    pattern: str
    ignore: tuple[str, ...] = ()
    severity: Mapping[str, Severity] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Policy:
    """The fleet's own view of the rules: ``ignore`` and ``severity`` by selector, and the same for paths.

    The most exact selector counts; what is said for a path goes before what is said for all, a later path
    before an earlier one.
    """

    ignore: tuple[str, ...] = ()
    severity: Mapping[str, Severity] = field(default_factory=dict)
    paths: Sequence[PathPolicy] = ()

    def apply(self, findings: Iterable[Finding]) -> list[Finding]:
        """The findings that the policy keeps, with the severity that it gives them."""
        matchers = [(each, matcher([each.pattern])) for each in self.paths]
        kept = []
        for finding in findings:
            layers = [each for each, paths in matchers if paths.matches(finding.place.path)]
            ignored = [*self.ignore, *(selector for each in layers for selector in each.ignore)]
            if _longest(ignored, finding.rule) < 0:
                kept.append(self._graded(finding, layers))
        return kept

    def _graded(self, finding: Finding, layers: Sequence[PathPolicy]) -> Finding:
        for severity in (*(each.severity for each in reversed(layers)), self.severity):
            named = [selector for selector in severity if selects(selector, finding.rule)]
            if named:
                return replace(finding, severity=severity[max(named, key=len)])
        return finding
