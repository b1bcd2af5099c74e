from __future__ import annotations

from datetime import UTC, datetime
from random import Random

import pytest

from shipway.registry.retry import is_retried, parse_retry_after, wait_before

NOW = datetime(2026, 5, 1, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0.0),
        ("7", 7.0),
        (" 1.5 ", 1.5),
        ("30s", 30.0),
        ("1.889377ms", 0.001889377),
        ("1m0.5s", 60.0),
        ("3600", 60.0),
        ("Fri, 01 May 2026 12:00:09 GMT", 9.0),
        ("Friday, 01-May-26 12:00:09 GMT", 9.0),
        ("Fri, 01 May 2026 11:00:00 GMT", 0.0),
        ("Sat, 02 May 2026 12:00:00 GMT", 60.0),
        ("soon", None),
        ("", None),
        ("-5", None),
        ("9" * 400, 60.0),
    ],
)
def test_every_form_of_retry_after_is_understood_and_capped(value: str, seconds: float | None) -> None:
    found = parse_retry_after(value, NOW)
    assert found == (pytest.approx(seconds) if seconds is not None else None)


def test_without_retry_after_the_wait_doubles() -> None:
    waits = [wait_before(attempt, {}, NOW, Random(1)) for attempt in range(1, 9)]
    for attempt, wait in enumerate(waits, 1):
        base = min(0.5 * 2 ** (attempt - 1), 30)
        assert base <= wait <= base * 1.2


def test_junk_in_retry_after_falls_back_to_the_backoff() -> None:
    assert 0.5 <= wait_before(1, {"Retry-After": "later"}, NOW, Random(1)) <= 0.6


@pytest.mark.parametrize(
    ("status", "body", "retried"),
    [
        (429, b"", True),
        (503, b"", True),
        (500, b"", True),
        (403, b"You have exceeded a Secondary Rate Limit", True),
        (403, b"denied", False),
        (404, b"", False),
        (401, b"", False),
        (501, b"", False),
    ],
)
def test_only_what_may_pass_by_itself_is_retried(status: int, body: bytes, retried: bool) -> None:
    assert is_retried(status, body) is retried
