"""Every rule, one line each, in the order of their ids."""

from __future__ import annotations

from shipway.checks.problems import PROBLEM_RULES
from shipway.checks.rule import Rule
from shipway.checks.rules.sw001_unused_ignore import RULE as SW001
from shipway.checks.rules.sw101_missing_source import RULE as SW101
from shipway.checks.rules.sw102_ignored_source import RULE as SW102
from shipway.checks.rules.sw103_empty_source import RULE as SW103
from shipway.checks.rules.sw104_untracked_source import RULE as SW104
from shipway.checks.rules.sw105_broken_link import RULE as SW105
from shipway.checks.rules.sw106_bad_source import RULE as SW106
from shipway.checks.rules.sw107_missing_in_image import RULE as SW107
from shipway.checks.rules.sw108_remote_source import RULE as SW108
from shipway.checks.rules.sw110_invalid_dockerfile import RULE as SW110
from shipway.checks.rules.sw111_broken_build import RULE as SW111
from shipway.checks.rules.sw112_bad_ignore_file import RULE as SW112
from shipway.checks.rules.sw113_context_outside import RULE as SW113
from shipway.checks.rules.sw201_drifted_base_prefix import RULE as SW201
from shipway.checks.rules.sw202_unpublished_base import RULE as SW202
from shipway.checks.rules.sw203_two_publishers import RULE as SW203
from shipway.checks.rules.sw204_latest_base import RULE as SW204
from shipway.checks.rules.sw205_unpinned_base import RULE as SW205
from shipway.checks.rules.sw206_base_platform import RULE as SW206
from shipway.checks.rules.sw207_base_not_allowed import RULE as SW207
from shipway.checks.rules.sw208_constant_platform import RULE as SW208
from shipway.checks.rules.sw209_unresolved_base import RULE as SW209
from shipway.checks.rules.sw210_stale_base_tag import RULE as SW210
from shipway.checks.rules.sw211_malformed_reference import RULE as SW211

RULES: tuple[Rule, ...] = (
    SW001,
    *PROBLEM_RULES,
    SW101,
    SW102,
    SW103,
    SW104,
    SW105,
    SW106,
    SW107,
    SW108,
    SW110,
    SW111,
    SW112,
    SW113,
    SW201,
    SW202,
    SW203,
    SW204,
    SW205,
    SW206,
    SW207,
    SW208,
    SW209,
    SW210,
    SW211,
)

_BY_ID = {rule.id: rule for rule in RULES}


def rule(id: str) -> Rule | None:
    """The rule called ``id``, in any case."""
    return _BY_ID.get(id.upper())


def known_selectors() -> list[str]:
    """Everything that selects a rule: the ids, and the beginnings that name a family (``SW2``)."""
    return sorted({id[:end] for id in _BY_ID for end in range(2, len(id) + 1)})
