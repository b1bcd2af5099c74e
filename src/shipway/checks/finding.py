"""What a rule found: place, cause, next step, and where possible the edit that mends it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from shipway.place import Place

Severity: TypeAlias = Literal["error", "warning", "info"]
Applicability: TypeAlias = Literal["safe", "unsafe", "display"]

SEVERITIES: tuple[Severity, ...] = ("error", "warning", "info")


@dataclass(frozen=True, slots=True, order=True)
class Edit:
    """Replace the bytes ``start`` to ``end`` (exclusive) of the file ``path`` by ``text`` in UTF-8."""

    path: str
    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Fix:
    """Edits that belong together. ``safe`` keeps what the build gives, ``unsafe`` may change it,
    ``display`` is for people to look at and is never applied."""

    applicability: Applicability
    title: str
    edits: tuple[Edit, ...]


@dataclass(frozen=True, slots=True)
class Finding:
    """``place`` is where to look, ``end`` where the offending text ends (exclusive column), if known.

    ``image`` is the image as declared, ``subject`` the offending text as written (for a COPY source the
    source). ``cause`` and ``help`` are as in ``ShipwayError``.
    """

    rule: str
    severity: Severity
    place: Place
    message: str
    image: str | None = None
    subject: str | None = None
    cause: str | None = None
    help: str | None = None
    fix: Fix | None = None
    end: Place | None = None
