from __future__ import annotations

import json

import pytest

from shipway.checks.baseline import Baseline, read_baseline, write_baseline
from shipway.checks.finding import Finding
from shipway.errors import ConfigError
from shipway.place import Place


def finding(line: int, subject: str | None = "a", image: str = "api", rule: str = "SW101") -> Finding:
    return Finding(rule, "error", Place("Dockerfile", line), "m", image=image, subject=subject)


def known(*findings: Finding) -> Baseline:
    return read_baseline(write_baseline(findings).encode(), "b.json")


def test_a_known_finding_stays_known_when_it_moves() -> None:
    assert known(finding(3)).split([finding(30)]) == ([], 1, 0)


def test_one_place_counts_once_however_many_images_it_concerns() -> None:
    baseline = known(finding(3), finding(3, image="web"))
    assert baseline.split([finding(4), finding(4, image="web"), finding(9)]) == ([finding(9)], 2, 0)


def test_two_images_at_one_place_use_up_one_known_place() -> None:
    baseline = known(finding(3), finding(5))
    assert baseline.split([finding(4), finding(4, image="web"), finding(9)]) == ([], 3, 0)


def test_another_rule_subject_or_file_is_new() -> None:
    others = [finding(3, "b"), finding(3, None), finding(3, rule="SW102")]
    fresh, covered, stale = known(finding(3)).split(others)
    assert (set(fresh), covered, stale) == (set(others), 0, 1)


def test_what_is_mended_is_told_as_stale() -> None:
    assert known(finding(3), finding(5), finding(7)).split([finding(5)]) == ([], 1, 2)


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"schema": "shipway.baseline/2", "findings": []},
        {"schema": "shipway.baseline/1", "findings": [{"rule": "SW101", "path": "a"}]},
        {"schema": "shipway.baseline/1", "findings": [{"rule": 1, "path": "a", "subject": ""}]},
        {
            "schema": "shipway.baseline/1",
            "findings": [{"rule": "SW1", "path": "a", "subject": "", "count": 0}],
        },
    ],
)
def test_another_file_is_refused(document: object) -> None:
    with pytest.raises(ConfigError):
        read_baseline(json.dumps(document).encode(), "b.json")
