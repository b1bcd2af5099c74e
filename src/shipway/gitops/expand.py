"""Templates over the groups of a match, as Go's ``Regexp.Expand`` has them: ``spec.filterTags.extract``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Protocol

_MOST_GROUPS = 10**8


class Match(Protocol):
    """What a match of google-re2 offers."""

    @property
    def re(self) -> Pattern: ...

    def group(self, group: int, /) -> str | None: ...


class Pattern(Protocol):
    """What a compiled pattern of google-re2 offers."""

    @property
    def groups(self) -> int: ...

    @property
    def groupindex(self) -> Mapping[str, int]: ...


def expand(template: str, match: Match) -> str:
    """``template`` with ``$name``, ``${name}``, ``$1`` and ``${1}`` in place, and ``$$`` for a dollar.

    A name is the longest run of letters, digits and underscores. A group that the pattern does not have, or
    that took no part in the match, is the empty text; a dollar before anything else stands for itself.
    """
    return "".join(_pieces(template, match))


def _pieces(template: str, match: Match) -> Iterator[str]:
    while True:
        before, dollar, template = template.partition("$")
        yield before
        if not dollar:
            return
        if template.startswith("$"):
            yield "$"
            template = template[1:]
            continue
        name, rest = split_name(template)
        if name is None:
            yield "$"
            continue
        yield _group(name, match)
        template = rest


def split_name(text: str) -> tuple[str | None, str]:
    """The name that stands after a dollar and what follows it; None where there is none."""
    brace = text.startswith("{")
    body = text[1:] if brace else text
    length = 0
    while length < len(body) and (body[length].isalpha() or body[length].isdecimal() or body[length] == "_"):
        length += 1
    if length == 0 or (brace and body[length : length + 1] != "}"):
        return None, text
    return body[:length], body[length + brace :]


def names(template: str) -> tuple[str, ...]:
    """The names and numbers of groups that a template asks for."""
    found = []
    while "$" in template:
        template = template.partition("$")[2]
        if template.startswith("$"):
            template = template[1:]
            continue
        name, template = split_name(template)
        if name is not None:
            found.append(name)
    return tuple(found)


def group_number(name: str) -> int | None:
    """The number of a group that is asked for by number; None for a name. ``01`` is a name."""
    if not (name.isascii() and name.isdigit()) or (len(name) > 1 and name.startswith("0")):
        return None
    return int(name) if int(name) < _MOST_GROUPS else None


def _group(name: str, match: Match) -> str:
    number = group_number(name)
    if number is None:
        number = match.re.groupindex.get(name, -1)
    return (match.group(number) or "") if 0 <= number <= match.re.groups else ""
