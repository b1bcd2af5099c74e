"""Tag schemes render what they say, or refuse with a reason."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from shipway.errors import ConfigError
from shipway.planning.tags import TagFacts, TagScheme

FACTS = TagFacts(
    datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC), "0123456789abcdef" * 2, "feature/Login_page!", "17"
)


@pytest.mark.parametrize(
    ("scheme", "tag"),
    [
        ("{branch}-{sha7}-{timestamp}", "feature-Login_page-0123456-1772600767"),
        ("v{version}", "v1.2.3"),
        ("{date}.{time}-{run}", "20260304.050607-17"),
        ("1.0", "1.0"),
        ("{sha}", "0123456789abcdef" * 2),
    ],
)
def test_fields_are_filled_in(scheme: str, tag: str) -> None:
    assert TagScheme.parse(scheme).render(FACTS, "1.2.3") == tag


@pytest.mark.parametrize(
    ("scheme", "stable"),
    [("1.0", True), ("{version}", True), ("{branch}", True), ("{sha7}", False), ("{version}-{run}", False)],
)
def test_a_scheme_knows_whether_every_delivery_gets_the_same_tag(scheme: str, stable: bool) -> None:
    assert TagScheme.parse(scheme).is_stable is stable


def test_an_unknown_field_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ConfigError) as caught:
        TagScheme.parse("{branhc}")
    assert "{branch}" in (caught.value.help or "")


@pytest.mark.parametrize("scheme", ["{branch", "}{"])
def test_unbalanced_braces_are_refused(scheme: str) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        TagScheme.parse(scheme)


def test_a_field_without_a_value_is_refused_with_its_cause() -> None:
    outside_git = TagFacts(FACTS.time)
    with pytest.raises(ConfigError) as caught:
        TagScheme.parse("{branch}").render(outside_git)
    assert "git" in (caught.value.cause or "")


def test_a_result_that_is_no_tag_is_refused() -> None:
    with pytest.raises(ConfigError, match="not a tag"):
        TagScheme.parse("-{sha7}").render(FACTS)
