"""Bake's functions that encode, decode and hash (go-cty stdlib, go-cty-funcs)."""

from __future__ import annotations

import base64
import binascii
import csv
import hashlib
import io
import json
import uuid
from collections.abc import Mapping
from fractions import Fraction
from typing import Any
from urllib.parse import quote_plus

from shipway.fleet.discover.bake.builtin import Builtin
from shipway.fleet.discover.bake.values import (
    Value,
    anything,
    fail,
    is_list,
    number_text,
    sequence,
    simplest,
    text,
)

_HTML = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}
_NAMESPACES = {
    "dns": uuid.NAMESPACE_DNS,
    "url": uuid.NAMESPACE_URL,
    "oid": uuid.NAMESPACE_OID,
    "x500": uuid.NAMESPACE_X500,
}


def _base64decode(encoded: str) -> Value:
    try:
        return base64.b64decode(encoded, validate=True).decode("utf-8")
    except (binascii.Error, UnicodeDecodeError, ValueError):
        fail("the text is not base64 of UTF-8 text")


def as_json(value: Value) -> str:
    """As Go writes JSON: no spaces, keys sorted, HTML's special characters escaped."""
    if isinstance(value, Mapping):
        return f"{{{','.join(f'{as_json(key)}:{as_json(value[key])}' for key in sorted(value))}}}"
    if is_list(value):
        return f"[{','.join(map(as_json, sequence(value)))}]"
    if isinstance(value, Fraction):
        return number_text(value)
    plain = json.dumps(value, ensure_ascii=False)
    return "".join(_HTML.get(character, character) for character in plain)


def _jsondecode(encoded: str) -> Value:
    try:
        decoded: Value = json.loads(
            encoded, parse_float=_exact, parse_int=_exact, parse_constant=_no_constant
        )
    except (ValueError, RecursionError):
        fail("the text is not JSON")
    return decoded


def _exact(digits: str) -> Value:
    return simplest(Fraction(digits)) if len(digits) < 400 else fail("the number is too long")


def _no_constant(name: str) -> Any:
    raise ValueError(name)


def _csvdecode(encoded: str) -> Value:
    try:
        rows = [row for row in csv.reader(io.StringIO(encoded, newline=""), strict=True) if row]
    except csv.Error:
        fail("the text is not CSV")
    if not rows:
        fail("the header line is missing")
    if any(len(row) != len(rows[0]) for row in rows):
        fail("the lines have different numbers of fields")
    return [dict(zip(rows[0], row, strict=True)) for row in rows[1:]]


def _urlencode(subject: str) -> Value:
    """Go's url.QueryEscape."""
    return quote_plus(subject, safe="-_.~")


def _hash(algorithm: str) -> Builtin:
    def digest(subject: str) -> Value:
        return hashlib.new(algorithm, subject.encode(), usedforsecurity=False).hexdigest()

    return Builtin(digest, (text,))


def _uuidv5(namespace: str, name: str) -> Value:
    try:
        return str(uuid.uuid5(_NAMESPACES.get(namespace) or uuid.UUID(namespace), name))
    except ValueError:
        fail(f"{namespace!r} is not a namespace")


ENCODING_FUNCTIONS: dict[str, Builtin] = {
    "base64decode": Builtin(_base64decode, (text,)),
    "base64encode": Builtin(lambda subject: base64.b64encode(subject.encode()).decode(), (text,)),
    "csvdecode": Builtin(_csvdecode, (text,)),
    "jsondecode": Builtin(_jsondecode, (text,)),
    "jsonencode": Builtin(as_json, (anything,)),
    "md5": _hash("md5"),
    "sha1": _hash("sha1"),
    "sha256": _hash("sha256"),
    "sha512": _hash("sha512"),
    "urlencode": Builtin(_urlencode, (text,)),
    "uuidv5": Builtin(_uuidv5, (text, text)),
}
