from __future__ import annotations

from datetime import UTC, datetime

import pytest

from shipway.planning.retention.moments import SchemeReader, read_time, trailing_number, trailing_time
from shipway.planning.tags import TagFacts, TagScheme


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("1763683200", datetime(2025, 11, 21, tzinfo=UTC)),
        ("1763683200250", datetime(2025, 11, 21, 0, 0, 0, 250_000, tzinfo=UTC)),
        ("20251121", datetime(2025, 11, 21, tzinfo=UTC)),
        ("2025-11-21", datetime(2025, 11, 21, tzinfo=UTC)),
        ("20251121-101112", datetime(2025, 11, 21, 10, 11, 12, tzinfo=UTC)),
        ("2025-11-21T10-11-12Z", datetime(2025, 11, 21, 10, 11, 12, tzinfo=UTC)),
        ("202511211011", datetime(2025, 11, 21, 10, 11, tzinfo=UTC)),
        ("20251341", None),
        ("0000000000", None),
        ("12", None),
        ("deadbeef", None),
        ("", None),
    ],
)
def test_times_in_tags_are_read_as_times(text: str, time: datetime | None) -> None:
    assert read_time(text) == time


@pytest.mark.parametrize(
    ("tag", "series"),
    [
        ("main-1a2b3c4-1763683200", "main"),
        ("main-1763683200", "main"),
        ("1763683200", ""),
        ("feature-x-0123456789abcdef0123456789abcdef01234567-20251121000000", "feature-x"),
        ("release-20251121-000000", "release"),
    ],
)
def test_the_time_at_the_end_is_found_and_the_commit_is_no_series(tag: str, series: str) -> None:
    stamp = trailing_time(tag)
    assert stamp is not None
    assert (stamp.moment, stamp.series) == (datetime(2025, 11, 21, tzinfo=UTC), series)


@pytest.mark.parametrize("tag", ["latest", "1.2.3", "main-1a2b3c4", "main-123456", "v20"])
def test_what_is_no_time_is_none(tag: str) -> None:
    assert trailing_time(tag) is None


def test_numbers_are_numbers() -> None:
    numbers = {tag: trailing_number(tag) for tag in ("build-9", "build-10", "v7", "1.2.3", "abc1")}
    found = {tag: stamp.moment for tag, stamp in numbers.items() if stamp}
    assert found == {"build-9": 9, "build-10": 10, "v7": 7}


@pytest.mark.parametrize(
    "scheme",
    ["{branch}-{sha7}-{timestamp}", "{timestamp}", "v{date}{time}", "{sha}-{date}-{time}", "r{run}-{sha7}"],
)
def test_a_scheme_reads_what_it_renders(scheme: str) -> None:
    facts = TagFacts(datetime(2025, 11, 21, 10, 11, 12, tzinfo=UTC), "a" * 40, "feat/x-1", "42")
    tag = TagScheme.parse(scheme).render(facts)
    stamp = SchemeReader.of(TagScheme.parse(scheme)).read(tag)
    assert stamp is not None
    assert stamp.moment == (42 if "run" in scheme else facts.time)
    assert stamp.series == ("feat-x-1" if "branch" in scheme else "")


@pytest.mark.parametrize("scheme", ["{branch}{run}", "{run}{timestamp}", "{sha7}", "1.0", "{time}"])
def test_a_scheme_that_tells_no_order_has_none(scheme: str) -> None:
    assert not SchemeReader.of(TagScheme.parse(scheme)).ordered


def test_another_scheme_is_not_read() -> None:
    assert SchemeReader.of(TagScheme.parse("{branch}-{sha7}-{timestamp}")).read("latest") is None
