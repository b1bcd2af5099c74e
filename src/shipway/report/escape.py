"""Text that Markdown shows as it is."""

from __future__ import annotations

import re

from shipway.report.text import one_line

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>|~#&])")
_MENTION = re.compile(r"(?<!\w)@(?=\w)")


def markdown(text: str) -> str:
    """``text`` on one line, where nothing formats, nobody is notified, and a table stays whole."""
    return _MENTION.sub("@\u200b", _SPECIAL.sub(r"\\\1", one_line(text)))


def markdown_code(text: str) -> str:
    """``text`` as code, also in a cell of a table, where a bar ends the cell even in code."""
    shown = one_line(text).replace("|", "\\|")
    return f"`` {shown} ``" if "`" in shown else f"`{shown}`"
