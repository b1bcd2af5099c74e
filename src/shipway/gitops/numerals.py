"""Numbers as Go's ``strconv.ParseFloat`` reads them, which Flux's numerical policies rest on."""

from __future__ import annotations

import math
import re

_DIGITS = r"[0-9](?:_?[0-9])*"
_DECIMAL = re.compile(rf"[+-]?(?:{_DIGITS}(?:\.(?:{_DIGITS})?)?|\.{_DIGITS})(?:[eE][+-]?{_DIGITS})?")
_HEX_DIGITS = r"[0-9a-fA-F](?:_?[0-9a-fA-F])*"
_HEX = re.compile(
    rf"[+-]?0[xX]_?(?:{_HEX_DIGITS}(?:\.(?:{_HEX_DIGITS})?)?|\.{_HEX_DIGITS})[pP][+-]?{_DIGITS}"
)
_INFINITE = re.compile(r"[+-]?inf(?:inity)?", re.IGNORECASE)


def parse_float(text: str) -> float | None:
    """The float64 that Go reads; None where it refuses: other syntax, or too large a number.

    Unlike Python it takes hexadecimal floats (``0x1p4``), and neither blanks nor digits beyond ASCII.
    """
    if _INFINITE.fullmatch(text):
        return -math.inf if text.startswith("-") else math.inf
    if text.lower() == "nan":
        return math.nan
    plain = text.replace("_", "")
    if _DECIMAL.fullmatch(text):
        return _finite(float(plain))
    if not _HEX.fullmatch(text):
        return None
    try:
        return _finite(float.fromhex(plain))
    except OverflowError:
        return None


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
