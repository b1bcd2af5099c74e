"""Flux's markers: ``# {"$imagepolicy": "NAMESPACE:NAME[:tag|:name|:digest]"}`` behind a value.

They count where image-automation-controller reads them: behind a scalar value on its line (also behind the
``|`` or ``>-`` of a block), or above a scalar item of a list.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Literal, cast

Part = Literal["", "tag", "name", "digest"]
KEY = '"$imagepolicy"'

_COMMENT = re.compile(r"[ \t]+#[ \t]*(?P<json>\{[^\r\n]*\})[ \t]*(?=\r|\n|\Z)")
_ABOVE = re.compile(r"^[ \t]*#[ \t]*(?P<json>\{[^\r\n]*\})[ \t]*\r?\n[ \t]*-[ \t]+\Z", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Marker:
    """The policy that owns a value, and what of its reference stands there; ``""`` is all of it."""

    namespace: str
    name: str
    part: Part = ""

    @property
    def policy(self) -> tuple[str, str]:
        return self.namespace, self.name


def marker_behind(text: str, end: int) -> Marker | None:
    """The marker in the comment that follows index ``end`` on the same line."""
    found = _COMMENT.match(text, end)
    return parse_marker(found["json"]) if found else None


def marker_above(text: str, start: int) -> Marker | None:
    """The marker in the comment on the line above the list item that starts at ``start``."""
    line = text.rfind("\n", 0, max(text.rfind("\n", 0, start), 0)) + 1
    found = _ABOVE.match(text[line:start])
    return parse_marker(found["json"]) if found else None


def parse_marker(comment: str) -> Marker | None:
    """The marker that a JSON object is; None for any other object and for a malformed one."""
    try:
        document = json.loads(comment)
    except ValueError:
        return None
    value = document.get("$imagepolicy") if isinstance(document, dict) else None
    parts = value.split(":") if isinstance(value, str) else []
    if len(parts) not in (2, 3) or not all(parts):
        return None
    what = parts[2] if len(parts) == 3 else ""
    return Marker(parts[0], parts[1], cast("Part", what)) if what in ("", "tag", "name", "digest") else None
