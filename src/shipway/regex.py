"""Regular expressions of RE2: those of Flux, and none that a hostile text can keep busy."""

from __future__ import annotations

import re2

from shipway.errors import InvalidValue

_OPTIONS = re2.Options()
_OPTIONS.log_errors = False


def compile_re2(text: str, what: str = "the pattern") -> re2._Regexp:
    """The compiled pattern; errors call it ``what``. Raises InvalidValue for what RE2 does not take."""
    try:
        return re2.compile(text, _OPTIONS)
    except re2.error as error:
        raise InvalidValue(
            f"{what} {text!r} is no regular expression",
            cause=_cause(error),
            help="the syntax is that of RE2, as in Flux: github.com/google/re2/wiki/Syntax",
        ) from None


def _cause(error: Exception) -> str:
    said = error.args[0] if error.args else error
    return said.decode(errors="replace") if isinstance(said, bytes) else str(said)
