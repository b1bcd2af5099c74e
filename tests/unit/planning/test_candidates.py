"""Which tags are looked at first, so that a few requests find a delivery."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shipway.planning.candidates import MOST, is_ordered, named, newest
from shipway.planning.tags import TagScheme

SCHEME = TagScheme.parse("{branch}-{sha7}-{timestamp}")
TODAY = "feature-aaaaaaa-1700000900"


def tag(branch: str, time: int) -> str:
    return f"{branch}-abcdef0-{1_700_000_000 + time}"


def test_the_newest_come_first_whatever_they_are_called() -> None:
    tags = [tag("main", 1), tag("zoo", 2), tag("a", 3), "latest", "sha256-abc.sig"]
    assert newest(tags, SCHEME, TODAY, None) == [tag("a", 3), tag("zoo", 2), tag("main", 1)]


def test_places_are_kept_for_those_of_the_same_branch() -> None:
    tags = [tag("main", 100 + n) for n in range(9)] + [tag("feature", 1), tag("feature", 2)]
    found = newest(tags, SCHEME, TODAY, None)
    assert found[:2] == [tag("feature", 2), tag("feature", 1)]
    assert found[2:] == [tag("main", 108), tag("main", 107), tag("main", 106)]


def test_what_is_older_than_the_last_delivery_known_here_is_left_out() -> None:
    tags = [tag("main", n) for n in range(5)]
    assert newest(tags, SCHEME, TODAY, tag("main", 3)) == [tag("main", 4)]
    assert newest(tags, SCHEME, TODAY, tag("main", 4)) == []
    assert len(newest(tags, SCHEME, TODAY, "1.0")) == 5  # of another scheme: it tells no time


@given(st.lists(st.integers(0, 10**6), max_size=40))
def test_there_are_never_many_candidates_and_always_the_newest(times: list[int]) -> None:
    tags = [tag("main", time) for time in times]
    found = newest(tags, SCHEME, TODAY, None)
    assert len(found) <= MOST
    assert found[:1] == [tag("main", max(times))] if times else found == []


@pytest.mark.parametrize(
    ("scheme", "today", "first"),
    [
        ("1.0.0", "1.0.0", ["1.0.0", "latest"]),
        ("{branch}-{sha7}", "main-abcdef0", ["main-abcdef0", "latest"]),
        ("{branch}-{date}-{time}", "main-20260101-101010", ["latest"]),
        ("{timestamp}", "1700000000", ["latest"]),
    ],
)
def test_tags_that_another_run_may_have_made_need_no_list(scheme: str, today: str, first: list[str]) -> None:
    assert named(TagScheme.parse(scheme), today, ("latest",)) == first


def test_a_list_is_asked_for_only_where_it_has_an_order() -> None:
    ordered = {text: is_ordered(TagScheme.parse(text)) for text in ("{run}", "{timestamp}", "{sha7}", "1.0")}
    assert ordered == {"{run}": True, "{timestamp}": True, "{sha7}": False, "1.0": False}
