"""HCL native syntax to a Body: operator precedence climbing over tokens read on demand.

Written for bake because python-hcl2's tree keeps heredocs as one opaque token and template directives
as a flat list, and cannot parse the bare templates that JSON bake files are made of.
"""

from __future__ import annotations

import re
from fractions import Fraction

from shipway.errors import ConfigError
from shipway.fleet.discover.bake.scanner import Token, describe
from shipway.fleet.discover.bake.syntax import (
    SPLAT_ITEM,
    Assignment,
    Binary,
    Block,
    Body,
    Call,
    Conditional,
    Expression,
    For,
    Literal,
    Member,
    Object,
    Splat,
    Tuple,
    Unary,
    Variable,
)
from shipway.fleet.discover.bake.templates import TemplateParser
from shipway.place import Place

_PRECEDENCE = {
    "||": 1,
    "&&": 2,
    "==": 3,
    "!=": 3,
    "<": 4,
    ">": 4,
    "<=": 4,
    ">=": 4,
    "+": 5,
    "-": 5,
    "*": 6,
    "/": 6,
    "%": 6,
}
_MAX_INDEX = 400
_NUMBER = re.compile(r"-?\d{1,400}(?:\.\d{1,400})?(?:[eE][-+]?\d{1,3})?\Z", re.ASCII)
_CONSTANTS = {"true": True, "false": False, "null": None}


def parse_body(text: str, path: str) -> Body:
    """The blocks and attributes of a file. Raises ConfigError with the place of a syntax error."""
    try:
        return _Parser(text.removeprefix("\ufeff"), path).body("end")
    except RecursionError:
        raise ConfigError("the file is nested too deeply", place=Place(path)) from None


def parse_template(text: str, place: Place) -> Expression:
    """The template that a string of a JSON file is; everything in it has the string's ``place``."""
    try:
        return _Parser(text, place.path, place).bare()
    except RecursionError:
        raise ConfigError("the text is nested too deeply", place=place) from None


def parse_expression(text: str, place: Place) -> Expression:
    """A text that is an expression and not a template (types and parameter names of JSON files)."""
    parser = _Parser(text, place.path, place)
    expression = parser.expression()
    if parser.peek().kind != "end":
        parser.fail(f"unexpected {describe(parser.peek())}", parser.peek().start)
    return expression


class _Parser(TemplateParser):
    def body(self, closing: str) -> Body:
        """Attributes and blocks up to ``closing``, a brace or the end of the file."""
        assignments: dict[str, Assignment] = {}
        blocks: list[Block] = []
        while True:
            self._skip_newlines()
            token = self.take()
            if token.kind == "end" or token.text == closing:
                if (token.kind == "end") != (closing == "end"):
                    self.fail("a block that never ends", token.start, help="close it with }")
                return Body(assignments, tuple(blocks))
            if token.kind != "identifier":
                self.fail(f"an attribute or a block expected, found {describe(token)}", token.start)
            if not self.accept("="):
                blocks.append(self._block(token))
            else:
                self._assign(token, assignments)
            self._end_of_item(closing)

    def _assign(self, name: Token, assignments: dict[str, Assignment]) -> None:
        if name.text in assignments:
            first = assignments[name.text].place.line
            self.fail(f"{name.text!r} is set twice, first in line {first}", name.start)
        assignments[name.text] = Assignment(self.place(name.start), name.text, self.expression())

    def _end_of_item(self, closing: str) -> None:
        token = self.peek()
        if token.kind not in ("newline", "end") and token.text != closing:
            self.fail(f"a new line expected, found {describe(token)}", token.start)

    def _block(self, kind: Token) -> Block:
        labels: list[str] = []
        while not self.sees("{"):
            token = self.peek()
            if token.kind == "identifier":
                labels.append(self.take().text)
            elif token.kind == "quote":
                labels.append(self._label())
            else:
                self.fail(f"'=' or '{{' expected after {kind.text!r}, found {describe(token)}", token.start)
        self.take()
        with self.newlines(count=True):
            body = self.body("}") if self.peek().kind == "newline" else self._one_line_body()
        return Block(self.place(kind.start), kind.text, tuple(labels), body)

    def _one_line_body(self) -> Body:
        """A block on one line: nothing or one attribute, and the brace."""
        assignments: dict[str, Assignment] = {}
        if not self.sees("}"):
            name = self.identifier("an attribute")
            self.expect("=", "in a block on one line")
            self._assign(name, assignments)
        self.expect("}", "at the end of a block that starts and ends on one line")
        return Body(assignments)

    def _label(self) -> str:
        start = self.peek().start
        label = self.quoted()
        if not isinstance(label, Literal):
            self.fail("a block label cannot be a template", start)
        return str(label.value)

    def _skip_newlines(self) -> None:
        while self.peek().kind == "newline":
            self.take()

    def expression(self) -> Expression:
        condition = self._binary(0)
        if not self.sees("?"):
            return condition
        place = self.place(self.take().start)
        then = self.expression()
        self.expect(":", "between the two results of a condition")
        return Conditional(place, condition, then, self.expression())

    def _binary(self, minimum: int) -> Expression:
        left = self._unary()
        while True:
            token = self.peek()
            precedence = _PRECEDENCE.get(token.text, 0) if token.kind == "symbol" else 0
            if precedence <= minimum:
                return left
            self.take()
            left = Binary(self.place(token.start), token.text, left, self._binary(precedence))

    def _unary(self) -> Expression:
        if self.sees("-", "!"):
            token = self.take()
            return Unary(self.place(token.start), token.text, self._unary())
        return self._accesses(self._primary())

    def _accesses(self, source: Expression) -> Expression:
        """``source`` with every ``.name``, ``[key]`` and splat that follows it."""
        while True:
            start = self.peek().start
            place = self.place(start)
            if self.accept("["):
                source = self._bracket(source, place)
            elif self.accept("."):
                if self.accept("*"):
                    source = Splat(place, source, self._members(Variable(place, SPLAT_ITEM)))
                else:
                    source = self._member(source, place)
            else:
                return source

    def _bracket(self, source: Expression, place: Place) -> Expression:
        with self.newlines(count=False):
            key = None if self.accept("*") else self.expression()
            self.expect("]", "after an index")
        if key is not None:
            return Member(place, source, key)
        return Splat(place, source, self._accesses(Variable(place, SPLAT_ITEM)))

    def _members(self, source: Expression) -> Expression:
        """Only the ``.name`` that follow: an index after ``.*`` is of the whole list."""
        while self.sees("."):
            place = self.place(self.take().start)
            source = self._member(source, place)
        return source

    def _member(self, source: Expression, place: Place) -> Expression:
        token = self.take()
        if token.kind == "identifier":
            return Member(place, source, Literal(place, token.text))
        if token.kind == "number":
            if len(token.text) > _MAX_INDEX:
                self.fail("the index is too large", token.start)
            for index in token.text.split("."):
                source = Member(place, source, Literal(place, int(index) if index.isdigit() else index))
            return source
        self.fail(f"a name expected after '.', found {describe(token)}", token.start)

    def _primary(self) -> Expression:
        token = self.peek()
        place = self.place(token.start)
        match token.kind:
            case "quote":
                return self.quoted()
            case "heredoc":
                return self.heredoc()
            case "number":
                return Literal(place, number(self.take().text, place))
            case "identifier":
                return self._named(self.take(), place)
        if token.text in ("(", "[", "{"):
            return self._enclosed(token.text, place)
        self.fail(f"a value expected, found {describe(token)}", token.start)

    def _named(self, token: Token, place: Place) -> Expression:
        name = token.text
        while self.sees("::"):
            self.take()
            name += f"::{self.identifier('a function name').text}"
        if self.sees("("):
            return self._call(name, place)
        if name in _CONSTANTS:
            return Literal(place, _CONSTANTS[name])
        return Variable(place, name)

    def _call(self, name: str, place: Place) -> Expression:
        self.take()
        arguments: list[Expression] = []
        expands = False
        with self.newlines(count=False):
            while not self.sees(")"):
                arguments.append(self.expression())
                expands = self.accept("...")
                if expands or not self.accept(","):
                    break
            self.expect(")", f"after the arguments of {name}")
        return Call(place, name, tuple(arguments), expands)

    def _enclosed(self, opening: str, place: Place) -> Expression:
        self.take()
        with self.newlines(count=opening == "{"):
            match opening:
                case "(":
                    result, closing = self.expression(), ")"
                case "[":
                    result, closing = self._sequence(place), "]"
                case _:
                    self._skip_newlines()
                    result, closing = self._mapping(place), "}"
                    self._skip_newlines()
            self.expect(closing, "at the end of the value")
        return result

    def _sequence(self, place: Place) -> Expression:
        if self.sees_word("for"):
            return self._for(place, keyed=False)
        items: list[Expression] = []
        while not self.sees("]"):
            items.append(self.expression())
            if not self.accept(","):
                break
        return Tuple(place, tuple(items))

    def _mapping(self, place: Place) -> Expression:
        if self.sees_word("for") and not self._is_key():
            with self.newlines(count=False):
                return self._for(place, keyed=True)
        items: list[tuple[Expression, Expression]] = []
        while not self.sees("}"):
            items.append(self._entry())
            if not self.accept(",") and self.peek().kind != "newline":
                break
            self._skip_newlines()
        return Object(place, tuple(items))

    def _is_key(self) -> bool:
        """Whether the identifier that is next is a plain key, one before ``=`` or ``:``."""
        position = self.position
        self.take()
        plain = self.sees("=", ":")
        self.jump(position)
        return plain

    def _entry(self) -> tuple[Expression, Expression]:
        token = self.peek()
        if token.kind == "identifier" and self._is_key():
            key: Expression = Literal(self.place(self.take().start), token.text)
        else:
            key = self.expression()
        if not self.accept(":"):
            self.expect("=", "after the key of an object")
        return key, self.expression()

    def _for(self, place: Place, *, keyed: bool) -> Expression:
        self.take()
        key_name, value_name, source = self.for_introduction()
        self.expect(":", "after the collection of a for expression")
        key = self.expression() if keyed else None
        if keyed:
            self.expect("=>", "after the key of a for expression")
        value = self.expression()
        grouped = keyed and self.accept("...")
        condition = None
        if self.sees_word("if"):
            self.take()
            condition = self.expression()
        return For(place, key_name, value_name, source, key, value, condition, grouped)


def number(text: str, place: Place) -> int | Fraction:
    """A number as exact as it is written, as HCL keeps it. Raises ConfigError for what is none, or is longer
    than anybody calculates with."""
    if not _NUMBER.match(text):
        raise ConfigError(f"{text[:40]!r} is not a number, or too large a one", place=place)
    value = Fraction(text)
    return value.numerator if value.denominator == 1 else value
