"""Quoted texts, heredocs and the texts of JSON files: templates with ``${…}`` and ``%{…}``.

HCL native syntax specification, § Templates; ``~`` beside a brace strips the white space there.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from dataclasses import dataclass, field

from shipway.fleet.discover.bake.scanner import Scanner, Token, describe
from shipway.fleet.discover.bake.syntax import Expression, Literal, Template, TemplateFor, TemplateIf
from shipway.place import Place

_ESCAPE = re.compile(r'\\(?:([nrt"\\])|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8}))')
_ESCAPED = {"n": "\n", "r": "\r", "t": "\t", '"': '"', "\\": "\\"}
_INTRODUCER = re.compile(r"\$\$\{|%%\{|\$\{~?|%\{~?")
_INDENT = re.compile(r"[^\S\n]*")
_PLAIN = re.compile(r"[^\"\\$%\n]+")


@dataclass
class _Text:
    """The text that is being read: where it ends and how its characters are written."""

    end: int | None = None
    quoted: bool = False
    indent: int = 0
    parts: list[Expression] = field(default_factory=list)
    strip_next: bool = False


@dataclass(frozen=True, slots=True)
class _Directive:
    """The ``%{…}`` that ends a run of parts: ``else``, ``endif``, ``endfor``; empty at the text's end."""

    word: str
    token: Token | None = None


class TemplateParser(Scanner, ABC):
    """Reads templates; what stands between the braces is left to ``expression``."""

    @abstractmethod
    def expression(self) -> Expression:
        """The expression at the current position."""

    def quoted(self) -> Expression:
        """The template in double quotes that starts at the current token."""
        quote = self.take()
        template = self._whole(_Text(quoted=True), quote.start)
        self.jump(self.position + 1)
        return template

    def heredoc(self) -> Expression:
        """The ``<<WORD`` or ``<<-WORD`` template that starts at the current token."""
        opening = self.take()
        flush = opening.text.startswith("<<-")
        word = opening.text[2 + flush :].strip()
        closing = re.compile(rf"^[ \t]*{re.escape(word)}[ \t\r]*$", re.MULTILINE).search(
            self.text, opening.end
        )
        if closing is None:
            self.fail(f"the text after <<{word} never ends", opening.start, help=f"end it with {word}")
        body = self.text[opening.end : closing.start()]
        self.jump(opening.end)
        text = _Text(end=closing.start(), indent=_common_indent(body) if flush else 0)
        template = self._whole(text, opening.start)
        self.jump(closing.end())
        return template

    def bare(self) -> Expression:
        """The whole text as a template, as the strings of a JSON file are."""
        return self._whole(_Text(end=len(self.text)), 0)

    def _whole(self, text: _Text, start: int) -> Expression:
        place = self.place(start)
        template, directive = self._parts(text, place)
        if directive.token is not None:
            self.fail(f"%{{ {directive.word} }} without its beginning", directive.token.start)
        if not template.parts:
            return Literal(place, "")
        if len(template.parts) == 1 and not isinstance(template.parts[0], TemplateIf | TemplateFor):
            return template.parts[0]
        return template

    def _parts(self, text: _Text, place: Place) -> tuple[Template, _Directive]:
        """Everything up to the end of the text or a directive that continues or ends a block."""
        outer, text.parts = text.parts, []
        while True:
            self._literal(text)
            if self._at_end(text):
                directive = _Directive("")
                break
            introducer = _INTRODUCER.match(self.text, self.position)
            assert introducer is not None  # noqa: S101 - _literal stops at nothing else
            if introducer[0].endswith("~"):
                _strip_last(text.parts)
            self.jump(introducer.end())
            if introducer[0].startswith("$"):
                self._interpolation(text)
            elif (found := self._directive(text)) is not None:
                directive = found
                break
        template = Template(place, tuple(text.parts))
        text.parts = outer
        return template, directive

    def _at_end(self, text: _Text) -> bool:
        if text.end is not None:
            return self.position >= text.end
        return self.text[self.position] == '"'

    def _literal(self, text: _Text) -> None:
        """The characters up to the next interpolation, directive, or the end of the text."""
        start = self.position
        read: list[str] = []
        while text.end is None or self.position < text.end:
            piece = self._character(text)
            if piece is None:
                break
            read.append(piece)
        value = "".join(read)
        if text.strip_next:
            value = value.lstrip()
            text.strip_next = False
        if value:
            text.parts.append(Literal(self.place(start), value))

    def _character(self, text: _Text) -> str | None:
        """The next characters as they are meant; None where literal text stops."""
        position = self.position
        if position >= len(self.text) or (text.quoted and self.text[position] == "\n"):
            self.fail("a text that never ends", position, help='close it with "')
        if text.indent and self._begins_filled_line(position):
            self.jump(position + text.indent)
            return ""
        if match := _PLAIN.match(self.text, position):
            self.jump(match.end())
            return match[0]
        character = self.text[position]
        if text.quoted and character == '"':
            return None
        if match := _INTRODUCER.match(self.text, position):
            if match[0] not in ("$${", "%%{"):
                return None
            self.jump(match.end())
            return match[0][1:]
        if text.quoted and character == "\\":
            return self._escape(position)
        self.jump(position + 1)
        return character

    def _begins_filled_line(self, position: int) -> bool:
        """Whether a line with more than white space starts here; blank lines keep their indentation."""
        if position and self.text[position - 1] != "\n":
            return False
        indent = _INDENT.match(self.text, position)
        return indent is not None and self.text[indent.end() : indent.end() + 1] not in ("", "\n")

    def _escape(self, position: int) -> str:
        match = _ESCAPE.match(self.text, position)
        if match is None:
            self.fail(
                f"unknown escape {self.text[position : position + 2]!r}", position, help="write \\\\ for \\"
            )
        self.jump(match.end())
        if match[1]:
            return _ESCAPED[match[1]]
        code = int(match[2] or match[3], 16)
        if code > 0x10FFFF:
            self.fail(f"{match[0]} is no character", position)
        return "\ufffd" if 0xD800 <= code <= 0xDFFF else chr(code)  # as Go encodes half of a pair

    def _interpolation(self, text: _Text) -> None:
        with self.newlines(count=False):
            text.parts.append(self.expression())
            self._close(text, "after the expression in ${…}")

    def _close(self, text: _Text, what: str) -> None:
        text.strip_next = self.accept("~")
        self.expect("}", what)

    def _directive(self, text: _Text) -> _Directive | None:
        """A whole ``if`` or ``for``, added to the parts; or the word that continues or ends one."""
        with self.newlines(count=False):
            word = self.identifier("if, else, endif, for or endfor")
            if word.text in ("else", "endif", "endfor"):
                self._close(text, f"after %{{ {word.text}")
                return _Directive(word.text, word)
            if word.text not in ("if", "for"):
                self.fail(f"{describe(word)} is no template directive", word.start)
            text.parts.append(
                self._if_directive(text, word) if word.text == "if" else self._for_directive(text, word)
            )
        return None

    def _if_directive(self, text: _Text, word: Token) -> TemplateIf:
        place = self.place(word.start)
        condition = self.expression()
        self._close(text, "after the condition of %{ if")
        then, directive = self._parts(text, place)
        otherwise = Template(place, ())
        if directive.word == "else":
            otherwise, directive = self._parts(text, place)
        self._require(directive, "endif", word)
        return TemplateIf(place, condition, then, otherwise)

    def _for_directive(self, text: _Text, word: Token) -> TemplateFor:
        place = self.place(word.start)
        key_name, value_name, source = self.for_introduction()
        self._close(text, "after the collection of %{ for")
        body, directive = self._parts(text, place)
        self._require(directive, "endfor", word)
        return TemplateFor(place, key_name, value_name, source, body)

    def for_introduction(self) -> tuple[str | None, str, Expression]:
        """``KEY, VALUE in COLLECTION`` or ``VALUE in COLLECTION``."""
        first = self.identifier("the name of the loop variable").text
        second = self.identifier("the name of the value").text if self.accept(",") else None
        word = self.identifier("'in'")
        if word.text != "in":
            self.fail(f"'in' expected, found {describe(word)}", word.start)
        source = self.expression()
        return (first, second, source) if second is not None else (None, first, source)

    def _require(self, directive: _Directive, word: str, opening: Token) -> None:
        if directive.word != word:
            self.fail(f"%{{ {opening.text} }} without %{{ {word} }}", opening.start)


def _strip_last(parts: list[Expression]) -> None:
    if parts and isinstance(last := parts[-1], Literal) and isinstance(last.value, str):
        parts[-1] = Literal(last.place, last.value.rstrip())


def _common_indent(body: str) -> int:
    lines = [line for line in body.split("\n") if line.strip()]
    return min((len(line) - len(line.lstrip()) for line in lines), default=0)
