"""Documents as JSON text."""

from __future__ import annotations

import json

import msgspec

from shipway.report.text import encodable


def json_text(document: object) -> str:
    """``document`` (plain values, or values of msgspec) as indented JSON without a newline at its end.

    ``schema`` comes first, so that whoever reads on knows what. Bytes that are no UTF-8, which Dockerfiles
    may hold, become replacement characters.
    """
    plain = msgspec.to_builtins(document)
    if isinstance(plain, dict) and "schema" in plain:
        plain = {"schema": plain["schema"], **plain}
    return encodable(json.dumps(plain, indent=2, ensure_ascii=False))
