"""Documents as JSON text."""

from __future__ import annotations

import json

import msgspec

from shipway.report.text import encodable


def json_text(document: object) -> str:
    """``document`` (plain values, or values of msgspec) as indented JSON without a newline at its end.

    Bytes that are no UTF-8, which Dockerfiles may hold, become replacement characters.
    """
    return encodable(json.dumps(msgspec.to_builtins(document), indent=2, ensure_ascii=False))
