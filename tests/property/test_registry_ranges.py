from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shipway.registry.server.ranges import Span, parse_chunk, requested
from shipway.registry.server.refusal import Refusal

numbers = st.integers(0, 40)
ends = st.one_of(st.just(""), numbers.map(str))


@given(start=ends, end=ends, content=st.binary(max_size=30))
def test_a_range_is_what_slicing_gives(start: str, end: str, content: bytes) -> None:
    """RFC 9110 § 14.1.2, in the words of Python's slices."""
    if start:
        expected = content[int(start) : int(end) + 1 if end else None]
    else:
        expected = content[-int(end) :] if end and int(end) else b""
    try:
        span = requested(f"bytes={start}-{end}", len(content))
    except Refusal as refusal:
        assert refusal.status == 416
        assert expected == b""
        return
    if not start and not end:
        assert span is None
    else:
        assert span is not None
        assert content[span.start : span.end] == expected != b""


@given(header=st.text(max_size=30), size=numbers)
def test_any_header_is_the_whole_a_part_or_refused(header: str, size: int) -> None:
    for text in (header, f"bytes={header}"):
        try:
            span = requested(text, size)
        except Refusal:
            continue
        assert span is None or 0 <= span.start < span.end <= size


@given(first=numbers, last=numbers)
def test_a_chunk_says_its_bytes(first: int, last: int) -> None:
    if first <= last:
        assert parse_chunk(f"{first}-{last}") == Span(first, last + 1)
    else:
        with pytest.raises(Refusal):
            parse_chunk(f"{first}-{last}")
