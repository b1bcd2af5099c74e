from __future__ import annotations

import pytest

from shipway.checks.finding import Finding, Severity
from shipway.checks.policy import policy_of
from shipway.checks.selection import PathPolicy, Policy, Selection, parse_selectors
from shipway.checks.table import known_selectors
from shipway.errors import ConfigError, UsageError
from shipway.fleet.file import read_fleet_file
from shipway.place import Place


def finding(rule: str, path: str = "Dockerfile", severity: Severity = "error") -> Finding:
    return Finding(rule, severity, Place(path, 1), "m")


@pytest.mark.parametrize(
    ("select", "ignore", "rule", "wanted"),
    [
        ((), (), "SW101", True),
        (("SW2",), (), "SW201", True),
        (("SW2",), (), "SW101", False),
        (("SW1",), ("SW101",), "SW101", False),
        (("SW1",), ("SW101",), "SW102", True),
        (("SW101",), ("SW1",), "SW101", True),
        (("SW101",), ("SW1",), "SW102", False),
        (("SW101",), ("SW101",), "SW101", False),
        ((), ("SW",), "SW101", False),
    ],
)
def test_the_most_exact_selector_counts(
    select: tuple[str, ...], ignore: tuple[str, ...], rule: str, wanted: bool
) -> None:
    assert Selection(select, ignore).wants(rule) is wanted


def test_selectors_come_with_commas_and_in_any_case() -> None:
    assert parse_selectors(["sw1, SW201", "SW302"], known_selectors()) == ("SW1", "SW201", "SW302")


def test_a_selector_that_names_no_rule_is_refused() -> None:
    with pytest.raises(UsageError, match="no rule is called SW999"):
        parse_selectors(["SW999"], known_selectors())


def test_what_is_said_for_a_path_goes_before_what_is_said_for_all() -> None:
    policy = Policy(
        ignore=("SW3",),
        severity={"SW1": "info", "SW101": "warning"},
        paths=(
            PathPolicy("examples/**", ignore=("SW2",), severity={"SW101": "error", "SW102": "warning"}),
            PathPolicy("examples/old", severity={"SW10": "info"}),
        ),
    )
    given = [
        finding("SW101"),
        finding("SW102"),
        finding("SW201"),
        finding("SW301"),
        finding("SW101", "examples/a/Dockerfile"),
        finding("SW201", "examples/a/Dockerfile"),
        finding("SW101", "examples/old/Dockerfile"),
    ]
    kept = [(each.rule, each.place.path, each.severity) for each in policy.apply(given)]
    assert kept == [
        ("SW101", "Dockerfile", "warning"),
        ("SW102", "Dockerfile", "info"),
        ("SW201", "Dockerfile", "error"),
        ("SW101", "examples/a/Dockerfile", "error"),
        ("SW101", "examples/old/Dockerfile", "info"),
    ]


FLEET_FILE = """\
checks:
  ignore: [SW3, DL3008]
  severity:
    SW101: warning
  paths:
    examples/**:
      ignore: SW2
      severity: {SW1: info}
  baseline: known.json
"""


def test_the_fleet_file_says_it_all() -> None:
    settings = read_fleet_file(FLEET_FILE, "deploy/shipway.yaml").checks
    policy = policy_of(settings, known_selectors())
    assert settings.baseline == "deploy/known.json"
    assert policy == Policy(
        ("SW3", "DL3008"), {"SW101": "warning"}, (PathPolicy("examples/**", ("SW2",), {"SW1": "info"}),)
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("checks: {ignore: [101]}", "must be a text"),
        ("checks: {ignore: [everything]}", "is no rule"),
        ("checks: {severity: {SW101: fatal}}", "must be error, warning or info"),
        ("checks: {severity: [SW101]}", "a mapping of rules"),
        ("checks: {paths: {'a[': {ignore: SW1}}}", "is no pattern"),
        ("checks: {paths: [a]}", "a mapping of path patterns"),
        ("checks: {selects: [SW1]}", "unknown key"),
        ("engine: kaniko", "auto, assemble, buildah, docker or podman"),
    ],
)
def test_a_wrong_setting_is_refused_with_its_place(text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        read_fleet_file(text, "shipway.yaml")
    assert caught.value.place is not None
    assert caught.value.place.line == 1


def test_a_rule_that_does_not_exist_is_refused_where_it_is_written() -> None:
    settings = read_fleet_file("checks:\n  severity:\n    SW199: info\n", "shipway.yaml").checks
    with pytest.raises(ConfigError, match="no rule is called SW199") as caught:
        policy_of(settings, known_selectors())
    assert str(caught.value.place) == "shipway.yaml:3:5"
