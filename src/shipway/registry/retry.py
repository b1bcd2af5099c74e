"""Which failures pass by themselves, and how long to wait for that."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from random import Random

MAX_WAIT = 60.0
_FIRST_WAIT = 0.5
_LONGEST_BACKOFF = 30.0
# those of go-containerregistry: time-outs, client closed, the 5xx that proxies and storage give
_RETRIED = frozenset({408, 429, 499, 500, 502, 503, 504, 522})
_SECONDS = re.compile(r"\s*(\d+(?:\.\d+)?)\s*s?\s*\Z")
_GO_PART = re.compile(r"(\d+(?:\.\d+)?)(h|ms|µs|us|ns|m|s)")
_GO_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}


def is_retried(status: int, body: bytes) -> bool:
    """Whether the same request may succeed later. GitHub hides a rate limit behind 403."""
    return status in _RETRIED or (status == 403 and b"secondary rate limit" in body.lower())


def parse_retry_after(value: str, now: datetime) -> float | None:
    """Seconds to wait, from seconds, an HTTP date or a Go duration (GHCR); None for anything else.

    Between 0 and 60: a registry that asks for more is asked again earlier, and reported if it still refuses.
    """
    if match := _SECONDS.match(value):
        return min(float(match.group(1)), MAX_WAIT)
    parts = _GO_PART.findall(value)
    if parts and "".join(number + unit for number, unit in parts) == value.strip():
        return min(sum(float(number) * _GO_UNITS[unit] for number, unit in parts), MAX_WAIT)
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, IndexError, OverflowError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return min(max((moment - now).total_seconds(), 0.0), MAX_WAIT)


def wait_before(attempt: int, headers: Mapping[str, str], now: datetime, random: Random) -> float:
    """Seconds before the next try after ``attempt`` (from 1) failed.

    What Retry-After says; else half a second doubled each time with up to a fifth of jitter.
    """
    asked = parse_retry_after(headers["Retry-After"], now) if "Retry-After" in headers else None
    if asked is not None:
        return asked
    backoff = min(_FIRST_WAIT * 2.0 ** (attempt - 1), _LONGEST_BACKOFF)
    return backoff * random.uniform(1.0, 1.2)
