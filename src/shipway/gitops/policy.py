"""A tag policy as an ImagePolicy of Flux has it: ``spec.policy`` and ``spec.filterTags``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, cast, get_args

from shipway.errors import ConfigError
from shipway.gitops.constraint import Range
from shipway.regex import compile_re2

Kind = Literal["semver", "alphabetical", "numerical"]
Order = Literal["asc", "desc"]

EXCLUDED_BY_DEFAULT = (r"^.*\.sig$",)
"""What an ImageRepository without ``spec.exclusionList`` leaves out."""
_MOST_EXCLUSIONS = 25


@dataclass(frozen=True, slots=True)
class TagPolicy:
    """How Flux picks one tag of many.

    ``order`` is that of ``alphabetical`` and ``numerical``, ``range`` that of ``semver``. ``pattern`` and
    ``extract`` are ``spec.filterTags``, ``""`` where they are not set; ``filtered`` tells whether it is set
    at all. ``exclusions`` are the ImageRepository's ``spec.exclusionList``.
    """

    kind: Kind
    order: Order = "asc"
    range: str = ""
    pattern: str = ""
    extract: str = ""
    filtered: bool = False
    exclusions: tuple[str, ...] = ()

    @classmethod
    def parse(
        cls,
        kind: str,
        *,
        order: str | None = None,
        range: str | None = None,
        pattern: str | None = None,
        extract: str | None = None,
        exclusions: Sequence[str] = (),
    ) -> TagPolicy:
        """None stands for a field that is not set. Raises UsageError for what Flux refuses or stalls on."""
        if kind not in get_args(Kind):
            raise ConfigError(f"{kind!r} is no tag policy", help=f"one of {', '.join(get_args(Kind))}")
        if (order or "asc") not in get_args(Order):
            raise ConfigError(f"{order!r} is no order", help="asc or desc, in lower case; asc is the default")
        if len(exclusions) > _MOST_EXCLUSIONS:
            raise ConfigError(f"{len(exclusions)} exclusions, and Flux takes {_MOST_EXCLUSIONS} at most")
        policy = cls(
            cast("Kind", kind),
            cast("Order", order or "asc"),
            range or "",
            pattern or "",
            extract or "",
            pattern is not None or extract is not None,
            tuple(exclusions),
        )
        policy._require_valid()
        return policy

    def _require_valid(self) -> None:
        if self.kind == "semver":
            if not self.range:
                raise ConfigError("a semver policy needs a range", help="such as >=1.0.0, or 1.x")
            Range.parse(self.range)
        elif self.range:
            raise ConfigError(f"a range goes with semver, not with {self.kind}")
        compile_re2(self.pattern)
        for text in self.exclusions:
            compile_re2(text, "the exclusion")

    def __str__(self) -> str:
        how = f"semver {self.range}" if self.kind == "semver" else f"{self.kind} {self.order}"
        filters = f", pattern {self.pattern}" if self.pattern else ""
        return how + filters + (f", extract {self.extract}" if self.extract else "")
