"""Image references in env files: values that are references, or stand before some."""

from __future__ import annotations

import posixpath
import re

from shipway.checks.references.mention import Harvest
from shipway.spans import Text

_FILE = re.compile(r"\.env(?:\.[^/]*)?\Z|[^/]+\.env\Z")
_LINE = re.compile(
    r"^[ \t]*(?:export[ \t]+)?(?P<name>[A-Za-z_]\w*)[ \t]*=[ \t]*"
    r"(?P<quote>['\"]?)(?P<value>[^'\"\s#]+)(?P=quote)",
    re.MULTILINE,
)


def is_env_file(path: str) -> bool:
    """Whether a file is an env file by its name."""
    return _FILE.match(posixpath.basename(path)) is not None


def read_env_file(data: bytes, path: str) -> Harvest:
    """The variables of an env file."""
    text = Text(data, path)
    found = Harvest.empty()
    for match in _LINE.finditer(text.text):
        found.define("env", match["name"], text.piece(match.start("value"), match["value"]))
    return found
