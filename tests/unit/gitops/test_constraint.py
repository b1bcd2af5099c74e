"""Ranges of versions, decided by hand from the rules of Masterminds/semver v3."""

from __future__ import annotations

import pytest

from shipway.errors import ConfigError
from shipway.gitops.constraint import Range
from shipway.gitops.semver import Version

# range, versions it admits, versions it does not
TABLE = [
    ("^0.2", "0.2.0 0.2.9", "0.1.9 0.3.0 1.0.0"),
    ("^0.2.3", "0.2.3 0.2.9", "0.2.2 0.3.0"),
    ("^0.0.3", "0.0.3", "0.0.4 0.1.0"),
    ("^0", "0.0.0 0.9.9", "1.0.0"),
    ("^0.0", "0.0.0 0.0.9", "0.1.0"),
    ("^1", "1.0.0 1.9.9", "0.9.9 2.0.0 1.2.0-rc.1"),
    ("^*", "0.0.0", "1.0.0"),
    ("~0.0.0", "0.0.0 9.9.9", "1.0.0-rc.1"),
    ("~1", "1.0.0 1.9.0", "2.0.0"),
    ("~1.2", "1.2.0 1.2.9", "1.3.0"),
    ("~>1.2.3", "1.2.3 1.2.9", "1.2.2 1.3.0"),
    ("1.2", "1.2.0 1.2.9", "1.3.0"),
    ("=1.2.3", "1.2.3", "1.2.4"),
    ("v1.2.3", "1.2.3", "1.2.4"),
    ("!=1", "2.0.0 0.9.0", "1.2.0"),
    ("!=1.2", "1.3.0", "1.2.9"),
    (">1.2", "1.3.0 2.0.0", "1.2.9 1.1.0"),
    (">1", "2.0.0", "1.9.9"),
    (">1.2.3", "1.2.4", "1.2.3"),
    ("<=1.2", "1.2.9 0.1.0", "1.3.0"),
    ("=<1", "1.9.9", "2.0.0"),
    ("=>1.2.3", "1.2.3 2.0.0", "1.2.2"),
    ("<1.2.3", "1.2.2", "1.2.3"),
    ("*", "0.0.1 9.0.0", "1.0.0-rc.1"),
    ("*-0", "1.0.0-rc.1 1.0.0", ""),
    (">=3.0.0-0 <4.0.0", "4.0.0-beta.1 3.0.0", "4.0.0"),
    (">=3.0.0-0 <4.0.0-0", "3.9.9-rc.1", "4.0.0-beta.1"),
    ("<1.0.0-0 || >=2.0.0", "0.9.0-rc.1 2.0.0", "2.1.0-rc.1"),
    ("1.2.3 - 2", "1.2.3 2.9.9", "3.0.0"),
    ("x.1.0", "9.9.9", "1.0.0-a"),
]


def versions(text: str) -> list[Version]:
    found = [Version.coerced(each) for each in text.split()]
    return [version for version in found if version is not None]


@pytest.mark.parametrize(("text", "admitted", "refused"), TABLE, ids=[row[0] for row in TABLE])
def test_what_a_range_admits(text: str, admitted: str, refused: str) -> None:
    wanted = Range.parse(text)
    assert [version for version in versions(admitted) if not wanted.admits(version)] == []
    assert [version for version in versions(refused) if wanted.admits(version)] == []


INVALID = [
    "",
    " ",
    "1x",
    "x1",
    "-1",
    "latest",
    "AND",
    "1.2.3.4",
    "V1.2",
    "1.0.0,",
    "1.0.0 ||",
    "1.x-*",
    "1.0.0p",
]


@pytest.mark.parametrize(
    "text", [*INVALID, "1.0.0-007", ">", ">= <1", "1.0.0 and 2.0.0", "18446744073709551616.0.0"]
)
def test_what_flux_stalls_on_is_refused_with_a_cause(text: str) -> None:
    with pytest.raises(ConfigError, match="is no range of versions") as caught:
        Range.parse(text)
    assert "InvalidPolicy" in str(caught.value.cause)


ORDER = (
    "0.0.1 1.0.0-0 1.0.0-2 1.0.0-10 1.0.0-Beta 1.0.0-alpha 1.0.0-alpha.1 1.0.0-beta11 1.0.0-beta9 1.0.0 1.0.1"
)


def test_versions_stand_in_the_order_of_their_precedence() -> None:
    order = versions(ORDER)
    assert len(order) == len(ORDER.split())
    for at, lower in enumerate(order):
        assert [lower.compare(higher) for higher in order[at + 1 :]] == [-1] * (len(order) - at - 1)
        assert [higher.compare(lower) for higher in order[at + 1 :]] == [1] * (len(order) - at - 1)


@pytest.mark.parametrize("tag", ["2025.07.03", "v1.02.3", "1.2-rc.1", "1.2.3+build.7", "1.2.3-01a"])
def test_tags_that_flux_takes_for_versions(tag: str) -> None:
    assert Version.of_tag(tag) is not None


@pytest.mark.parametrize(
    "tag", ["1.2", "1.2-rc", "1", "1.2.3.4", "1.4.0-007", "1.4.0-rc.05", "V1.2.3", "1.2.3\n", "\u0661.2.3"]
)
def test_tags_that_flux_does_not_take_for_versions(tag: str) -> None:
    assert Version.of_tag(tag) is None
