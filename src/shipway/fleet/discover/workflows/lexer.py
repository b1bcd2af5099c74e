"""A shell script as tokens: the parts of POSIX shell (and bash) that build scripts use.

Follows "Token Recognition" of the POSIX shell command language; words keep their quotes, since they are
expanded only when the variables are known.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_REDIRECTION = re.compile(r"(?:\d+)?(?:&>>|&>|>>|>&|>\||<<<|<<-|<<|<&|<>|>|<)")
_OPERATOR = re.compile(r"&&|\|\||;;&|;;|;&|\|&|[;|&()\n]")
_ENDS_WORD = frozenset(" \t\r\n;|&()<>")
_OPENERS = {"$(": ")", "${": "}", '"': '"', "`": "`", "'": "'"}


@dataclass(frozen=True, slots=True)
class Token:
    """``kind`` is word, operator, redirection, or body for the lines of a here-document.

    ``line`` counts from 0.
    """

    kind: str
    text: str
    line: int


def tokens(script: str) -> list[Token]:
    """The tokens of a script. What is never closed ends with the script."""
    return list(_Lexer(script).run())


class _Lexer:
    def __init__(self, script: str) -> None:
        self._script = script
        self._position = 0
        self._line = 0
        self._bodies: list[str] = []

    def run(self) -> Iterator[Token]:
        expects_delimiter = False
        while self._skip_blanks():
            token = self._next()
            if expects_delimiter and token.kind == "word":
                self._bodies.append(token.text)
            expects_delimiter = token.kind == "redirection" and token.text.lstrip("0123456789") in (
                "<<",
                "<<-",
            )
            yield token
            if token.text == "\n" and token.kind == "operator":
                yield from self._here_documents()

    def _skip_blanks(self) -> bool:
        """Move to the next token; whether there is one."""
        script = self._script
        while self._position < len(script):
            if script.startswith("\\\n", self._position) or script.startswith("\\\r\n", self._position):
                self._position = script.index("\n", self._position) + 1
                self._line += 1
            elif script[self._position] in " \t\r":
                self._position += 1
            elif script[self._position] == "#":
                end = script.find("\n", self._position)
                self._position = end if end >= 0 else len(script)
            else:
                return True
        return False

    def _next(self) -> Token:
        for kind, pattern in (("redirection", _REDIRECTION), ("operator", _OPERATOR)):
            match = pattern.match(self._script, self._position)
            if match:
                return self._take(kind, match.end())
        return self._take("word", self._end_of_word())

    def _take(self, kind: str, end: int) -> Token:
        text = self._script[self._position : end]
        token = Token(kind, text, self._line)
        self._position = end
        self._line += text.count("\n")
        return token

    def _end_of_word(self) -> int:
        script, position = self._script, self._position
        while position < len(script) and script[position] not in _ENDS_WORD:
            if script[position] == "\\":
                position += 2
            else:
                position = end_of_part(script, position)
        return min(position, len(script))

    def _here_documents(self) -> Iterator[Token]:
        bodies, self._bodies = self._bodies, []
        for delimiter in bodies:
            word = re.sub(r"[\\'\"]", "", delimiter)
            start_line, lines = self._line, []
            while self._position < len(self._script):
                end = self._script.find("\n", self._position)
                line = self._script[self._position : end if end >= 0 else None]
                self._position += len(line) + 1
                self._line += 1
                if line.strip() == word:
                    break
                lines.append(line)
            yield Token("body", "\n".join([*lines, ""]) if lines else "", start_line)


def end_of_part(text: str, start: int) -> int:
    """Where the part of a word at ``start`` ends: a quotation, a substitution, or one character."""
    if _opener(text, start, "") is None:
        return start + 1
    closers: list[str] = []
    position = start
    while position < len(text):
        top = closers[-1] if closers else ""
        opener = _opener(text, position, top)
        if top != "'" and text[position] == "\\":
            position += 2
        elif top and text[position] == top:
            closers.pop()
            position += 1
        elif opener is not None:
            closers.append(_OPENERS.get(opener, ")"))
            position += len(opener)
        else:
            position += 1
        if not closers:
            return min(position, len(text))
    return len(text)


def _opener(text: str, position: int, within: str) -> str | None:
    """What opens a nested part at ``position`` inside a part that ``within`` closes."""
    if within == "'":
        return None
    two, one = text[position : position + 2], text[position]
    if two in ("$(", "${"):
        return two
    if one in ('"', "`") and one != within:
        return one
    if one == "'" and within != '"':
        return one
    return one if one == "(" and within == ")" else None
