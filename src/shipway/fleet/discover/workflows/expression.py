"""The expression language of GitHub workflows, from text to a tree.

Follows "Evaluate expressions in workflows and actions" of GitHub's documentation: literals, contexts with
``.name``, ``[index]`` and ``.*``, functions, and the operators ``!``, ``<``,
``<=``, ``>``, ``>=``, ``==``, ``!=``, ``&&``, ``||``.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from shipway.errors import ConfigError

MAX_DEPTH = 50
MAX_LENGTH = 21_000

_TOKEN = re.compile(
    r"\s*(?:(?P<number>[-+]?(?:0x[0-9a-fA-F]+|0o[0-7]+|(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?))"
    r"|(?P<string>'(?:[^']|'')*')"
    r"|(?P<name>[A-Za-z_][A-Za-z0-9_-]*)"
    r"|(?P<operator>&&|\|\||==|!=|<=|>=|[!<>()\[\].,*]))"
)
_CONSTANTS: dict[str, bool | float | None] = {
    "true": True,
    "false": False,
    "null": None,
    "nan": float("nan"),
    "infinity": float("inf"),
}
_LEVELS = (("||",), ("&&",), ("==", "!="), ("<", "<=", ">", ">="))


@dataclass(frozen=True, slots=True)
class Constant:
    """A literal."""

    value: bool | int | float | str | None


@dataclass(frozen=True, slots=True)
class Context:
    """The name of a context such as ``github``."""

    name: str


@dataclass(frozen=True, slots=True)
class Member:
    """``base.name`` or ``base[key]``."""

    base: Expression
    key: Expression


@dataclass(frozen=True, slots=True)
class Every:
    """``base.*``: every entry of a list or an object."""

    base: Expression


@dataclass(frozen=True, slots=True)
class Call:
    """A function call; ``name`` is in lower case, for names do not depend on case."""

    name: str
    arguments: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """``!operand``."""

    operand: Expression


@dataclass(frozen=True, slots=True)
class Binary:
    """Two operands and what stands between them."""

    operator: str
    left: Expression
    right: Expression


Expression: TypeAlias = Constant | Context | Member | Every | Call | Not | Binary
Token: TypeAlias = tuple[str, str]


def parse(text: str) -> Expression:
    """The tree of one expression, without its ``${{ }}``. Raises ConfigError when it is none."""
    parser = _Parser(_tokens(text))
    tree = parser.level(0)
    if parser.peek() != ("end", ""):
        raise ConfigError(f"not an expression: {parser.peek()[1]!r} is unexpected")
    return tree


def literal(tree: Expression) -> str | None:
    """``tree`` as its author would write it when it is a context with plain keys, else None."""
    if isinstance(tree, Context):
        return tree.name
    if isinstance(tree, Member) and isinstance(tree.key, Constant):
        base = literal(tree.base)
        return None if base is None else f"{base}.{tree.key.value}"
    return None


def _tokens(text: str) -> list[Token]:
    if len(text) > MAX_LENGTH:
        raise ConfigError(f"an expression has at most {MAX_LENGTH} characters")
    tokens: list[Token] = []
    position, end = 0, len(text.rstrip())
    while position < end:
        match = _TOKEN.match(text, position)
        if match is None:
            raise ConfigError(f"not an expression: {text[position:].strip()[:1]!r} is unexpected")
        kind = match.lastgroup or ""
        tokens.append((kind, match[kind]))
        position = match.end()
    return tokens


class _Parser:
    """A recursive descent over the tokens; each level of nesting is counted."""

    def __init__(self, tokens: list[Token]) -> None:
        self._tokens = tokens
        self._next = 0
        self._depth = 0

    def peek(self) -> Token:
        return self._tokens[self._next] if self._next < len(self._tokens) else ("end", "")

    def level(self, index: int) -> Expression:
        """An expression whose operators bind at least as tightly as those of level ``index``."""
        if index == len(_LEVELS):
            return self._unary()
        tree = self.level(index + 1)
        for _ in range(MAX_DEPTH):
            operator = self._take(*_LEVELS[index])
            if operator is None:
                return tree
            tree = Binary(operator, tree, self.level(index + 1))
        raise ConfigError("the expression is nested too deeply")

    def _take(self, *operators: str) -> str | None:
        kind, text = self.peek()
        if kind != "operator" or text not in operators:
            return None
        self._next += 1
        return text

    def _expect(self, operator: str) -> None:
        if self._take(operator) is None:
            raise ConfigError(f"not an expression: {operator!r} is missing")

    def _nested(self, read: Callable[[], Expression]) -> Expression:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise ConfigError("the expression is nested too deeply")
        tree = read()
        self._depth -= 1
        return tree

    def _unary(self) -> Expression:
        if self._take("!"):
            return Not(self._nested(self._unary))
        tree = self._primary()
        for _ in range(MAX_DEPTH):
            if self._take("."):
                tree = self._after_dot(tree)
            elif self._take("["):
                tree = self._index(tree)
            else:
                return tree
        raise ConfigError("the expression is nested too deeply")

    def _after_dot(self, base: Expression) -> Expression:
        if self._take("*"):
            return Every(base)
        kind, text = self.peek()
        if kind != "name":
            raise ConfigError("not an expression: a name is missing after '.'")
        self._next += 1
        return Member(base, Constant(text))

    def _index(self, base: Expression) -> Expression:
        if self._take("*"):
            self._expect("]")
            return Every(base)
        key = self._nested(lambda: self.level(0))
        self._expect("]")
        return Member(base, key)

    def _primary(self) -> Expression:
        if self._take("("):
            tree = self._nested(lambda: self.level(0))
            self._expect(")")
            return tree
        kind, text = self.peek()
        self._next += 1
        if kind == "number":
            return Constant(_number(text))
        if kind == "string":
            return Constant(text[1:-1].replace("''", "'"))
        if kind != "name":
            raise ConfigError("not an expression: a value is missing")
        if self._take("("):
            return Call(text.lower(), self._arguments())
        return Constant(_CONSTANTS[text.lower()]) if text.lower() in _CONSTANTS else Context(text)

    def _arguments(self) -> tuple[Expression, ...]:
        arguments: list[Expression] = []
        while self._take(")") is None:
            if arguments:
                self._expect(",")
            arguments.append(self._nested(lambda: self.level(0)))
        return tuple(arguments)


def _number(text: str) -> int | float:
    digits = text.lstrip("+-").lower()
    sign = -1 if text.startswith("-") else 1
    if digits.startswith(("0x", "0o")):
        return sign * int(digits, 0)
    return sign * (int(digits) if digits.isdigit() and len(digits) < 16 else float(digits))
