"""The signals that STOPSIGNAL takes: numbers, and Linux's names (moby/sys, signal.ParseSignal)."""

from __future__ import annotations

import re

_NUMBER = re.compile(r"[+-]?0*[1-9][0-9]{0,8}\Z")
_NAMES = frozenset(
    (
        *("ABRT", "ALRM", "BUS", "CHLD", "CLD", "CONT", "FPE", "HUP", "ILL", "INT", "IO", "IOT", "KILL"),
        *("PIPE", "POLL", "PROF", "PWR", "QUIT", "SEGV", "STKFLT", "STOP", "SYS", "TERM", "TRAP", "TSTP"),
        *("TTIN", "TTOU", "URG", "USR1", "USR2", "VTALRM", "WINCH", "XCPU", "XFSZ", "RTMIN", "RTMAX"),
        *(f"RTMIN+{number}" for number in range(1, 16)),
        *(f"RTMAX-{number}" for number in range(1, 15)),
    )
)


def is_signal(text: str) -> bool:
    """Whether engines take ``text``."""
    return _NUMBER.match(text) is not None or text.upper().removeprefix("SIG") in _NAMES
