"""Schemes and policies held against each other: the table of what wins and what only seems to."""

from __future__ import annotations

import pytest

from shipway.gitops.policy import TagPolicy
from shipway.gitops.proof import Proof, prove
from shipway.gitops.select import select
from shipway.gitops.suggest import pattern_of, suggest
from shipway.planning.tags import TagScheme

MAIN = "^main-[a-f0-9]+-(?P<ts>[0-9]+)$"
STAMPED = "main-{sha7}-{timestamp}"
BRANCHED = "{branch}-{sha7}-{timestamp}"

# scheme, policy, its options, is it proven?
TABLE: list[tuple[str, str, dict[str, str], bool]] = [
    (STAMPED, "alphabetical", {}, False),
    (STAMPED, "alphabetical", {"order": "desc"}, False),
    (STAMPED, "alphabetical", {"pattern": MAIN, "extract": "$ts"}, True),
    (STAMPED, "alphabetical", {"pattern": MAIN, "extract": "$tss"}, False),
    (STAMPED, "numerical", {"pattern": MAIN, "extract": "$ts"}, True),
    (STAMPED, "numerical", {"pattern": MAIN, "extract": "$ts", "order": "desc"}, False),
    (STAMPED, "numerical", {"pattern": MAIN.removesuffix("$"), "extract": "$ts"}, False),
    (STAMPED, "numerical", {"pattern": "^main-(?P<ts>.*)$", "extract": "$ts"}, False),
    (STAMPED, "numerical", {"pattern": "^main-(?P<sha>[a-f0-9]+)-[0-9]+$", "extract": "$sha"}, False),
    (BRANCHED, "numerical", {"pattern": MAIN, "extract": "$ts"}, True),
    (BRANCHED, "numerical", {"pattern": MAIN.removeprefix("^"), "extract": "$ts"}, False),
    (BRANCHED, "numerical", {"pattern": "^.*-(?P<ts>[0-9]+)$", "extract": "$ts"}, False),
    ("{timestamp}", "numerical", {}, True),
    ("{timestamp}-{sha7}", "alphabetical", {}, True),
    ("{date}-{time}", "alphabetical", {}, True),
    ("{date}{time}", "numerical", {}, True),
    ("{date}", "numerical", {}, False),
    ("{run}", "numerical", {}, True),
    ("{run}", "alphabetical", {}, False),
    ("main-{run}", "numerical", {"pattern": "^main-(?P<n>[0-9]+)$", "extract": "$n"}, True),
    ("{sha7}", "alphabetical", {}, False),
    ("{sha7}", "numerical", {}, False),
    ("{version}", "semver", {"range": ">=1.0.0"}, True),
    ("{version}", "semver", {"range": ">=1.0.0-0"}, True),
    ("{version}", "semver", {"range": "^7"}, True),
    ("v{version}", "semver", {"range": "*"}, True),
    ("{version}", "alphabetical", {}, False),
    ("1.0.0-{date}.{time}", "semver", {"range": ">=1.0.0-0"}, False),
    ("1.0.0-{timestamp}", "semver", {"range": ">=1.0.0-0"}, True),
    ("1.0.0-{timestamp}", "semver", {"range": ">=1.0.0"}, False),
    ("1.0.0-{sha7}.{run}", "semver", {"range": ">=1.0.0-0"}, False),
    ("0.0.{run}", "semver", {"range": "*"}, True),
    ("latest", "alphabetical", {"pattern": "^latest$"}, False),
    ("{branch}", "alphabetical", {}, False),
]


def proof(scheme: str, kind: str, options: dict[str, str]) -> Proof:
    return prove(TagScheme.parse(scheme), TagPolicy.parse(kind, **options))


@pytest.mark.parametrize(("scheme", "kind", "options", "proven"), TABLE)
def test_what_is_proven_and_what_is_refuted(
    scheme: str, kind: str, options: dict[str, str], proven: bool
) -> None:
    verdict = proof(scheme, kind, options)
    assert verdict.proven == proven
    assert (verdict.counterexample is None) == proven


@pytest.mark.parametrize(("scheme", "kind", "options"), [row[:3] for row in TABLE if not row[3]])
def test_a_counterexample_really_loses(scheme: str, kind: str, options: dict[str, str]) -> None:
    verdict = proof(scheme, kind, options)
    assert verdict.counterexample is not None
    tags = verdict.counterexample.tags
    selection = select(TagPolicy.parse(kind, **options), tags)
    lost = selection.selected != verdict.counterexample.newest or not selection.unique
    assert lost or tags.count(verdict.counterexample.newest) > 1


@pytest.mark.parametrize("scheme", sorted({row[0] for row in TABLE}))
def test_what_is_suggested_is_proven(scheme: str) -> None:
    suggestion = suggest(TagScheme.parse(scheme))
    assert prove(suggestion.scheme, suggestion.policy).proven


def test_the_smallest_counterexample_has_two_deliveries() -> None:
    found = proof(STAMPED, "alphabetical", {}).counterexample
    assert found is not None
    assert len(found.tags) == 2
    assert found.newest == found.tags[-1]


def test_commits_by_chance_win_about_once_in_as_many_deliveries() -> None:
    odds = proof(STAMPED, "alphabetical", {}).odds
    assert odds is not None
    assert 0 < odds.won < odds.drawn / 5


def test_the_pattern_of_a_scheme_is_anchored_and_names_each_field_once() -> None:
    assert pattern_of(TagScheme.parse(STAMPED)) == MAIN
    assert pattern_of(TagScheme.parse("{run}.{run}")) == r"^(?P<run>[0-9]+)\.(?:[0-9]+)$"
