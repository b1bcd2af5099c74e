"""The policy that is right for a tag scheme."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from string import Formatter

from shipway.fleet.settings.image import DEFAULT_TAG
from shipway.gitops.histories import BRANCH
from shipway.gitops.policy import TagPolicy
from shipway.gitops.proof import prove
from shipway.planning.tags import TagScheme, branch_in_tag

_SHAPES = {
    "sha": "[a-f0-9]+",
    "sha7": "[a-f0-9]+",
    "timestamp": "(?P<ts>[0-9]+)",
    "date": "(?P<date>[0-9]{8})",
    "time": "(?P<time>[0-9]{6})",
    "run": "(?P<run>[0-9]+)",
    "version": "(?P<version>.+)",
}
# what orders deliveries, best first, with what is compared
_KEYS = (({"timestamp"}, "$ts"), ({"date", "time"}, "$date$time"), ({"run"}, "$run"))
_EVERY_VERSION = ">=0.0.0"
_EVERY_PRERELEASE = ">=0.0.0-0"


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A scheme and a policy that were proven together. ``scheme`` is another one where no policy could be
    right for the one asked about."""

    scheme: TagScheme
    policy: TagPolicy


def suggest(scheme: TagScheme, branch: str = BRANCH) -> Suggestion:
    """The first policy for the scheme that is proven, else the default scheme with its own."""
    for candidate in _candidates(scheme, branch):
        if prove(scheme, candidate, branch).proven:
            return Suggestion(scheme, candidate)
    default = TagScheme.parse(DEFAULT_TAG)
    return Suggestion(default, next(_candidates(default, branch)))


def _candidates(scheme: TagScheme, branch: str) -> Iterator[TagPolicy]:
    fields = frozenset(scheme.fields)
    pattern = pattern_of(scheme, branch)
    for needed, key in _KEYS:
        if needed <= fields:
            yield TagPolicy.parse("numerical", pattern=pattern, extract=key)
    if "version" in fields:
        for wanted in (_EVERY_VERSION, _EVERY_PRERELEASE):
            yield TagPolicy.parse("semver", range=wanted, pattern=pattern, extract="$version")


def pattern_of(scheme: TagScheme, branch: str = BRANCH) -> str:
    """The pattern, anchored at both ends, of the tags that a scheme makes for one branch."""
    shapes = {**_SHAPES, "branch": re.escape(branch_in_tag(branch) or branch).replace(r"\-", "-")}
    seen: set[str] = set()
    parts = []
    for literal, field, _, _ in Formatter().parse(scheme.text):
        parts.append(re.escape(literal).replace(r"\-", "-"))
        if field is not None:
            # a name may stand once in a pattern
            parts.append(shapes[field] if field not in seen else re.sub(r"\?P<\w+>", "?:", shapes[field]))
            seen.add(field)
    return f"^{''.join(parts)}$"
