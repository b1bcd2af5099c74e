"""Byte ranges: of a download (RFC 9110 § 14) and of an uploaded chunk (distribution specification 1.1)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from shipway.registry.server.refusal import Refusal

_CHUNK = re.compile(r"([0-9]{1,18})-([0-9]{1,18})\Z")
_ONE_RANGE = re.compile(r"bytes\s*=\s*([0-9]{0,18})\s*-\s*([0-9]{0,18})\s*\Z", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Span:
    """Bytes from ``start`` up to, not including, ``end``."""

    start: int
    end: int

    @property
    def length(self) -> int:
        return self.end - self.start


def parse_chunk(text: str) -> Span:
    """``Content-Range`` of a chunk: ``<first>-<last>``. Refuses with BLOB_UPLOAD_INVALID."""
    match = _CHUNK.match(text)
    span = Span(int(match[1]), int(match[2]) + 1) if match else None
    if span is None or span.length <= 0:
        raise Refusal(400, "BLOB_UPLOAD_INVALID", f"Content-Range {text!r} is not <first>-<last>")
    return span


def requested(header: str | None, size: int) -> Span | None:
    """The part of ``size`` bytes that a ``Range`` header asks for, None for the whole.

    Several ranges, and what is no byte range, are answered with the whole, as § 14.2 allows. Refuses with
    status 416 when the range lies outside, or ends before it starts.
    """
    match = _ONE_RANGE.match(header or "")
    if not match or match.groups() == ("", ""):
        return None
    if not match[1]:
        span = Span(max(0, size - int(match[2])), size)
    else:
        span = Span(int(match[1]), min(size, int(match[2]) + 1) if match[2] else size)
    if span.length <= 0:
        raise Refusal(
            416,
            "SIZE_INVALID",
            f"{header} is outside the {size} bytes of the blob",
            headers={"Content-Range": f"bytes */{size}"},
        )
    return span


def progress(size: int) -> str:
    """``Range`` of an upload of which ``size`` bytes arrived; ``0-0`` stands for none and for one."""
    return f"0-{max(size - 1, 0)}"
