"""Characters of an HCL text to tokens, read on demand so that the parser can step into templates."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal, NoReturn, TypeAlias

from shipway.errors import ConfigError
from shipway.place import Place

Kind: TypeAlias = Literal["newline", "identifier", "number", "quote", "heredoc", "symbol", "end"]

_BLANK = re.compile(r"(?:[ \t\r]|/\*.*?\*/)+", re.DOTALL)
_TOKEN = re.compile(
    r"""(?P<newline>\n|(?:\#|//)[^\n]*(?:\n|\Z))
      | (?P<identifier>[^\W\d][\w-]*)
      | (?P<number>\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)
      | (?P<quote>")
      | (?P<heredoc><<-?[^\W\d][\w.-]*[ \t\r]*\n)
      | (?P<symbol>\.\.\.|==|!=|<=|>=|=>|&&|\|\||::|[-+*/%<>!?:=.,(){}\[\]~])""",
    re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of the text from ``start`` up to ``end``."""

    kind: Kind
    text: str
    start: int
    end: int


class Scanner:
    """A position in a text.

    ``fixed`` is the place of everything in it, for texts that stand inside another document (the
    strings of a JSON file); without it places are counted in the text itself.
    """

    def __init__(self, text: str, path: str, fixed: Place | None = None) -> None:
        self.text = text
        self.path = path
        self.position = 0
        self._fixed = fixed
        self._lines = [0, *(match.end() for match in re.finditer("\n", text))]
        self._newlines_count = [True]
        self._peeked: Token | None = None

    def place(self, position: int) -> Place:
        """Where ``position`` is; columns are counted in characters."""
        if self._fixed is not None:
            return self._fixed
        line = bisect_right(self._lines, position)
        return Place(self.path, line, position - self._lines[line - 1] + 1)

    def fail(self, message: str, position: int, help: str | None = None) -> NoReturn:
        """Raise the ConfigError of a syntax error."""
        raise ConfigError(f"not valid HCL: {message}", place=self.place(position), help=help)

    @contextmanager
    def newlines(self, *, count: bool) -> Iterator[None]:
        """A region in which newlines are tokens, or are skipped."""
        self._newlines_count.append(count)
        self._peeked = None
        yield
        self._newlines_count.pop()
        self._peeked = None

    def jump(self, position: int) -> None:
        """Go on reading at ``position``."""
        self.position = position
        self._peeked = None

    def peek(self) -> Token:
        """The next token, which stays the next one."""
        if self._peeked is None:
            self._peeked = self._scan()
        return self._peeked

    def take(self) -> Token:
        """The next token, and step behind it."""
        token = self.peek()
        self.jump(token.end)
        return token

    def sees(self, *symbols: str) -> bool:
        """Whether the next token is one of ``symbols``."""
        token = self.peek()
        return token.kind == "symbol" and token.text in symbols

    def sees_word(self, word: str) -> bool:
        token = self.peek()
        return token.kind == "identifier" and token.text == word

    def accept(self, symbol: str) -> bool:
        """Step behind ``symbol`` when it is next."""
        if self.sees(symbol):
            self.take()
            return True
        return False

    def expect(self, symbol: str, what: str) -> Token:
        """Step behind ``symbol``; a syntax error when something else is next."""
        if not self.sees(symbol):
            token = self.peek()
            self.fail(f"{symbol!r} expected {what}, found {describe(token)}", token.start)
        return self.take()

    def identifier(self, what: str) -> Token:
        token = self.take()
        if token.kind != "identifier":
            self.fail(f"{what} expected, found {describe(token)}", token.start)
        return token

    def _scan(self) -> Token:
        start = self.position
        while True:
            if blank := _BLANK.match(self.text, start):
                start = blank.end()
            if start >= len(self.text):
                return Token("end", "", start, start)
            match = _TOKEN.match(self.text, start)
            if match is None or self.text.startswith("/*", start):
                self._reject(start)
            if match.lastgroup != "newline" or self._newlines_count[-1]:
                kind: Kind = match.lastgroup  # type: ignore[assignment]
                return Token(kind, match[0], start, match.end())
            start = match.end()

    def _reject(self, start: int) -> NoReturn:
        if self.text.startswith("/*", start):
            self.fail("a comment that never ends", start, help="close it with */")
        if self.text[start] == "'":
            self.fail("a text in single quotes", start, help='write it in double quotes: "…"')
        self.fail(f"unexpected character {self.text[start]!r}", start)


def describe(token: Token) -> str:
    """A token as an error message names it."""
    names = {"end": "the end of the file", "newline": "the end of the line", "quote": "a text"}
    return names.get(token.kind, repr(token.text.strip()))
