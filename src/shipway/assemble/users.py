"""Names of users and groups as numbers, from the files of the image (BuildKit, llb.WithUser and readUser)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from shipway.assemble.copying import Owner
from shipway.assemble.nodes import Node
from shipway.assemble.root import Root
from shipway.errors import CannotAssemble

_NUMBER = re.compile(r"\+?[0-9]{1,10}\Z")
_LARGEST = (1 << 31) - 1


def owner_of(text: str, root: Root) -> Owner:
    """``USER`` or ``USER:GROUP`` as numbers; a user's number alone is taken for the group's too.

    Raises CannotAssemble for a name that the image does not know: engines differ about it.
    """
    user, colon, group = text.partition(":")
    uid = gid = _number(user)
    if uid is None or gid is None:
        fields = _line(root, "etc/passwd", user)
        uid, gid = _field(fields, 2, user), _field(fields, 3, user)
    if colon:
        number = _number(group)
        gid = _field(_line(root, "etc/group", group), 2, group) if number is None else number
    return uid, gid


def _number(text: str) -> int | None:
    if text == "root":
        return 0
    return int(text) if _NUMBER.match(text) and int(text) <= _LARGEST else None


def _line(root: Root, path: str, name: str) -> list[str]:
    """The first line of a file of the image that is about ``name``."""
    for line in _lines(root, path):
        fields = line.split(":")
        if fields[0] == name and len(fields) > 2:
            return fields
    raise CannotAssemble(f"there is no {name!r} in /{path} of the image")


def _lines(root: Root, path: str) -> Iterator[str]:
    node = root.get(root.real(path))
    if node is None:
        return
    if not isinstance(node, Node) or node.kind != "file" or node.content is None:
        raise CannotAssemble(f"/{path} of the image cannot be read")
    text = b"".join(node.content.pieces()).decode("utf-8", errors="replace")
    yield from (line.strip() for line in text.splitlines())


def _field(fields: list[str], at: int, name: str) -> int:
    if len(fields) <= at or not fields[at].isdigit():
        raise CannotAssemble(f"the line of {name!r} in the image cannot be read")
    return int(fields[at])
