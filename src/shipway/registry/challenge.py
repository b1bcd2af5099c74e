"""``WWW-Authenticate``: which scheme a registry asks for (RFC 9110 § 11.6.1)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

_TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"  # noqa: S105 - the grammar's word, no secret
_PARAMETER = re.compile(rf"({_TOKEN})\s*=\s*(?:\"((?:[^\"\\]|\\.)*)\"|([^\s,\"]*))")
_SCHEME = re.compile(rf"({_TOKEN})(?=\s|,|\Z)")
_SEPARATOR = re.compile(r"[\s,]+")
_ESCAPED = re.compile(r"\\(.)")
_TOKEN68 = re.compile(r"[A-Za-z0-9._~+/-]+=*(?=\s*(?:,|\Z))")


@dataclass(frozen=True, slots=True)
class Challenge:
    """One scheme, in lower case, with its parameters; names in lower case."""

    scheme: str
    parameters: Mapping[str, str] = field(default_factory=dict)


def parse_challenges(headers: Iterable[str]) -> tuple[Challenge, ...]:
    """Every challenge of every header, in order. What is not understood is skipped, never an error."""
    found: list[Challenge] = []
    for header in headers:
        found.extend(_parse(header))
    return tuple(found)


def choose(challenges: Iterable[Challenge]) -> Challenge | None:
    """The first one that a registry client can answer: Basic, or Bearer with a realm."""
    for challenge in challenges:
        if challenge.scheme == "basic" or (
            challenge.scheme == "bearer" and challenge.parameters.get("realm")
        ):
            return challenge
    return None


def _parse(header: str) -> list[Challenge]:
    found: list[tuple[str, dict[str, str]]] = []
    position = 0
    while position < len(header):
        if match := _SEPARATOR.match(header, position):
            position = match.end()
        elif found and (match := _PARAMETER.match(header, position)):
            quoted, plain = match.group(2), match.group(3)
            value = _ESCAPED.sub(r"\1", quoted) if quoted is not None else plain
            found[-1][1].setdefault(match.group(1).lower(), value)
            position = match.end()
        elif match := _SCHEME.match(header, position):
            found.append((match.group(1).lower(), {}))
            position = _skip_token68(header, match.end())
        else:
            position += 1
    return [Challenge(scheme, parameters) for scheme, parameters in found]


def _skip_token68(header: str, position: int) -> int:
    """Past ``abc==`` behind a scheme (Negotiate sends it), which is neither parameter nor scheme."""
    start = position + len(header[position:]) - len(header[position:].lstrip(" "))
    match = _TOKEN68.match(header, start)
    return match.end() if match and start > position else position
