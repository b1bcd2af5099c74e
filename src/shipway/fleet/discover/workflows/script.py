"""A shell script as commands in the structures that decide whether and how often they run."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

from shipway.fleet.discover.workflows.lexer import Token, tokens

_MAX_DEPTH = 40
_SEPARATORS = frozenset({";", "\n", "&", "&&", "||", "|", "|&"})


@dataclass(frozen=True, slots=True)
class Redirection:
    """``operator`` such as ``>>``, the word it goes to, and the lines of a here-document."""

    operator: str
    word: str
    body: str | None = None


@dataclass(frozen=True, slots=True)
class Simple:
    """One command: its words as written, its redirections, its line (from 0).

    ``piped`` is the command that reads its output.
    """

    words: tuple[str, ...]
    redirections: tuple[Redirection, ...]
    line: int
    piped: Simple | None = None


@dataclass(frozen=True, slots=True)
class Loop:
    """``for variable in words``."""

    variable: str
    words: tuple[str, ...]
    body: tuple[Item, ...]


@dataclass(frozen=True, slots=True)
class Branch:
    """What may run or not: the arms of ``if`` and ``case``, the body of ``while`` or of a function.

    ``repeats`` tells that it may run several times.
    """

    arms: tuple[tuple[Item, ...], ...]
    repeats: bool = False


@dataclass(frozen=True, slots=True)
class Group:
    """``( … )`` or ``{ …; }``; only in a ``subshell`` do variables and directory end with it."""

    body: tuple[Item, ...]
    subshell: bool
    redirections: tuple[Redirection, ...] = ()


Item: TypeAlias = Simple | Loop | Branch | Group


@lru_cache(maxsize=128)
def parse(script: str) -> tuple[Item, ...]:
    """The structure of a script; what is malformed is read as far as it makes sense.

    Remembered, since a job runs the same script once for every combination of its matrix.
    """
    parser = _Parser(tokens(script))
    items: list[Item] = []
    while not parser.at_end:
        items += parser.block(())
        parser.skip()
    return tuple(items)


class _Parser:
    def __init__(self, found: list[Token]) -> None:
        self._tokens = found
        self._next = 0
        self._depth = 0

    @property
    def at_end(self) -> bool:
        return self._next >= len(self._tokens)

    def skip(self) -> None:
        self._next += 1

    def _peek(self, ahead: int = 0) -> Token:
        index = self._next + ahead
        return self._tokens[index] if index < len(self._tokens) else Token("end", "", 0)

    def _word(self) -> str:
        token = self._peek()
        return token.text if token.kind == "word" else ""

    def _operator(self) -> str:
        token = self._peek()
        return token.text if token.kind == "operator" else ""

    def block(self, stops: tuple[str, ...]) -> tuple[Item, ...]:
        """Items up to one of ``stops``, which is not consumed."""
        items: list[Item] = []
        conditional = False
        while not self.at_end and self._word() not in stops and self._operator() not in stops:
            operator = self._operator()
            if operator in _SEPARATORS or self._peek().kind == "body":
                conditional = operator == "||" or (operator == "&&" and (conditional or _is_test(items)))
                self.skip()
                continue
            before = self._next
            found = self._item()
            items += [Branch((tuple(found),))] if conditional and found else found
            if self._next == before:
                self.skip()
        return tuple(items)

    def _item(self) -> list[Item]:
        while self._word() in ("!", "time"):
            self.skip()
        word = self._word()
        if self._depth >= _MAX_DEPTH:
            return self._simple()
        if self._operator() == "(":
            return [self._group(")", subshell=True)]
        reader = {
            "if": self._if,
            "while": self._while,
            "until": self._while,
            "for": self._for,
            "select": self._for,
            "case": self._case,
            "function": self._function,
        }.get(word)
        if reader is not None:
            return reader()
        if word == "{":
            return [self._group("}", subshell=False)]
        if self._peek(1).text == "(" and self._peek(2).text == ")" and word:
            return self._function()
        return self._simple()

    def _nested(self, *stops: str) -> tuple[Item, ...]:
        self._depth += 1
        items = self.block(stops)
        self._depth -= 1
        return items

    def _group(self, closing: str, *, subshell: bool) -> Group:
        self.skip()
        body = self._nested(closing)
        self.skip()
        return Group(body, subshell, tuple(self._redirections()))

    def _if(self) -> list[Item]:
        items: list[Item] = []
        arms: list[tuple[Item, ...]] = []
        while self._word() in ("if", "elif"):
            self.skip()
            items += self._nested("then", "fi")
            self.skip()
            arms.append(self._nested("elif", "else", "fi"))
        if self._word() == "else":
            self.skip()
            arms.append(self._nested("fi"))
        self.skip()
        return [*items, Branch(tuple(arms))]

    def _while(self) -> list[Item]:
        self.skip()
        condition = self._nested("do", "done")
        self.skip()
        body = self._nested("done")
        self.skip()
        return [Branch(((*condition, *body),), repeats=True)]

    def _for(self) -> list[Item]:
        self.skip()
        variable = self._word()
        words: list[str] = []
        while not self.at_end and self._word() != "do":
            token = self._peek()
            if token.kind == "word":
                words.append(token.text)
            self.skip()
        self.skip()
        body = self._nested("done")
        self.skip()
        if variable and words[1:2] == ["in"]:
            return [Loop(variable, tuple(words[2:]), body)]
        return [Branch((body,), repeats=True)]

    def _case(self) -> list[Item]:
        while not self.at_end and self._word() not in ("in", "esac"):
            self.skip()
        arms: list[tuple[Item, ...]] = []
        while not self.at_end and self._word() != "esac":
            while not self.at_end and self._operator() != ")" and self._word() != "esac":
                self.skip()
            if self._word() != "esac":
                self.skip()
                arms.append(self._nested(";;", ";&", ";;&", "esac"))
            if self._operator() in (";;", ";&", ";;&"):
                self.skip()
                while self._operator() == "\n":
                    self.skip()
        self.skip()
        return [Branch(tuple(arms))]

    def _function(self) -> list[Item]:
        while not self.at_end and self._word() != "{" and self._operator() not in (";", "\n"):
            self.skip()
        while self._operator() == "\n":
            self.skip()
        body = self._item() if self._word() == "{" else []
        return [Branch((tuple(body),), repeats=True)]

    def _simple(self) -> list[Item]:
        line = self._peek().line
        words: list[str] = []
        redirections: list[Redirection] = []
        while not self.at_end and self._peek().kind in ("word", "redirection"):
            if self._word():
                words.append(self._word())
                self.skip()
            else:
                redirections += self._redirections()
        if self._operator() in ("|", "|&"):
            return self._pipeline(Simple(tuple(words), tuple(redirections), line))
        return [Simple(tuple(words), tuple(redirections), line)]

    def _pipeline(self, first: Simple) -> list[Item]:
        self.skip()
        while self._operator() == "\n":
            self.skip()
        self._depth += 1
        rest = self._item() if self._depth < _MAX_DEPTH and not self.at_end else []
        self._depth -= 1
        reader = rest[0] if rest and isinstance(rest[0], Simple) else None
        return [Simple(first.words, first.redirections, first.line, reader), *rest]

    def _redirections(self) -> list[Redirection]:
        found: list[Redirection] = []
        while self._peek().kind == "redirection":
            operator = self._peek().text.lstrip("0123456789")
            self.skip()
            word = self._word()
            body = self._body() if operator in ("<<", "<<-") else None
            if word:
                self.skip()
            found.append(Redirection(operator, word, body))
        return found

    def _body(self) -> str | None:
        """The lines of the next here-document, which stand after the end of this line."""
        for index in range(self._next, len(self._tokens)):
            if self._tokens[index].kind == "body":
                token = self._tokens.pop(index)
                return token.text
        return None


def _is_test(items: list[Item]) -> bool:
    last = items[-1] if items else None
    return isinstance(last, Simple) and bool(last.words) and last.words[0] in ("[", "[[", "test")
