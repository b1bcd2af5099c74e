"""What to keep, as the command line or the fleet file asks for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, cast

import re2

from shipway.errors import InvalidValue
from shipway.fleet.model import RetentionSettings
from shipway.regex import compile_re2
from shipway.values import Duration

By = Literal["auto", "tag-number", "tag-time", "created"]


@dataclass(frozen=True, slots=True)
class Pattern:
    """A regular expression of RE2, as Flux has them: it may match anywhere in a tag unless anchored."""

    text: str
    _compiled: re2._Regexp = field(repr=False, compare=False)

    @classmethod
    def parse(cls, text: str) -> Pattern:
        """Raise InvalidValue for what RE2 does not take."""
        return cls(text, compile_re2(text))

    @property
    def group(self) -> str | None:
        """The name of its only named group, None when it has none. Raises InvalidValue for several."""
        names = tuple(self._compiled.groupindex)
        if len(names) > 1:
            raise InvalidValue(
                f"{self.text!r} names {len(names)} groups: {', '.join(names)}",
                help="name the one that holds the number or time, and write the others as (?:…)",
            )
        return names[0] if names else None

    def fits(self, tag: str) -> bool:
        return self._compiled.search(tag) is not None

    def value(self, tag: str) -> str | None:
        """What the named group holds in ``tag``."""
        found = self._compiled.search(tag)
        return found[self.group] if found and self.group else None


@dataclass(frozen=True, slots=True)
class Policy:
    """Which tags of a repository may go: those that ``match`` and no pattern of ``keep_tags`` names, beyond
    the ``keep`` newest moments, and only when ``older_than`` has passed. ``by`` is where the order is from.
    """

    keep: int = 1
    match: Pattern | None = None
    older_than: Duration | None = None
    keep_tags: tuple[Pattern, ...] = ()
    by: By = "auto"

    @classmethod
    def of(cls, settings: RetentionSettings) -> Policy | None:
        """The policy that settings make; None when they neither count nor look at the age.

        One that looks at the age alone still keeps the newest. Raises InvalidValue for a bad expression.
        """
        if settings.keep is None and settings.older_than is None:
            return None
        policy = cls(
            1 if settings.keep is None else settings.keep,
            None if settings.match is None else Pattern.parse(settings.match),
            settings.older_than,
            tuple(map(Pattern.parse, settings.keep_tags)),
            cast("By", settings.by or "auto"),
        )
        if policy.match is not None and policy.match.group and policy.by == "created":
            raise InvalidValue(
                f"{policy.match.text!r} names a group, and the order is by `created`",
                help="leave out one of the two",
            )
        return policy


@dataclass(frozen=True, slots=True)
class Uses:
    """What is in use, each with its user in words (``deploy/api.yaml:12``): tags, and digests as text."""

    tags: Mapping[str, str] = field(default_factory=dict)
    digests: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Limits:
    """``now`` is what ages are counted from; at most ``removals`` tags go."""

    now: datetime
    removals: int
