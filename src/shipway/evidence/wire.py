"""JSON and base64 that others wrote, read into what it should be."""

from __future__ import annotations

import base64
import binascii
from typing import TypeVar

import msgspec

from shipway.errors import Mismatch

T = TypeVar("T")


def decoded(data: bytes, shape: type[T], what: str) -> T:
    """``data`` as ``shape``. Raises Mismatch, which calls it ``what``, when it is something else."""
    try:
        return msgspec.json.decode(data, type=shape)
    except msgspec.MsgspecError as error:
        raise Mismatch(f"{what} cannot be read: {error}") from None
    except RecursionError:
        raise Mismatch(f"{what} cannot be read: it is nested too deeply") from None


def based(data: bytes) -> str:
    """``data`` in base64."""
    return base64.b64encode(data).decode()


_STANDARD = str.maketrans("-_", "+/")


def unbased(text: str) -> bytes:
    """The bytes of standard or URL-safe base64, as DSSE asks of readers. Raises Mismatch for others."""
    try:
        return base64.b64decode(text.translate(_STANDARD), validate=True)
    except (binascii.Error, ValueError):
        raise Mismatch("signed content cannot be read: a field is no base64") from None
