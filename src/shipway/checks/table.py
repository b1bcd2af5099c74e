"""Every rule, one line each, in the order of their ids."""

from __future__ import annotations

from shipway.checks.problems import PROBLEM_RULES
from shipway.checks.rule import Rule
from shipway.checks.rules.sw001_unused_ignore import RULE as SW001

RULES: tuple[Rule, ...] = (
    SW001,
    *PROBLEM_RULES,
)

_BY_ID = {rule.id: rule for rule in RULES}


def rule(id: str) -> Rule | None:
    """The rule called ``id``, in any case."""
    return _BY_ID.get(id.upper())


def known_selectors() -> list[str]:
    """Everything that selects a rule: the ids, and the beginnings that name a family (``SW2``)."""
    return sorted({id[:end] for id in _BY_ID for end in range(2, len(id) + 1)})
