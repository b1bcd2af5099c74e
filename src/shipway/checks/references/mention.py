"""A place where an image reference stands, whole or in parts."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, TypeAlias

from shipway.checks.finding import Edit
from shipway.place import Place
from shipway.spans import Piece, part

Where: TypeAlias = Literal[
    "from",
    "copy",
    "mount",
    "arg",
    "compose",
    "workflow",
    "kubernetes",
    "helm",
    "kustomize",
    "skaffold",
    "env",
]

_COMPONENTS = r"[A-Za-z0-9_][A-Za-z0-9._-]*(?:/[A-Za-z0-9_][A-Za-z0-9._-]*)*"
_NAME = rf"(?:[A-Za-z0-9][A-Za-z0-9.-]*:[0-9]+/)?{_COMPONENTS}"
_VERSION = r"(?:[:@].*)?"
_LITERAL = re.compile(rf"(?P<name>{_NAME})(?P<version>{_VERSION})\Z")
_VARIABLE = re.compile(
    r"\$(?:\{\{\s*(?:env|vars|inputs)\.(?P<context>\w+)\s*\}\}"
    r"|\{(?P<braced>\w+)(?::?-(?P<default>[^{}$]*))?\}|(?P<bare>\w+))"
    rf"(?P<rest>/?(?:{_COMPONENTS})?)(?P<version>{_VERSION})\Z"
)
# The part of a registry and path that a variable may hold on its own.
_PREFIX = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]*(?::[0-9]+)?(?:/[A-Za-z0-9._-]+)*/?\Z")


@dataclass(frozen=True, slots=True)
class Parsed:
    """The text of a reference: ``head`` stands literally at offset ``at``, then comes ``rest``, both
    without the ``version`` (tag and digest, which may hold variables). With a ``variable`` the head is its
    default, empty where it has none."""

    head: str
    at: int
    rest: str
    version: str
    variable: str | None = None


def parse_mention(text: str) -> Parsed | None:
    """The parts of a reference as written; None where more than its beginning or version is variable."""
    literal = _LITERAL.match(text)
    if literal:
        return Parsed(literal["name"], 0, "", literal["version"])
    found = _VARIABLE.match(text)
    if not found:
        return None
    name = found["context"] or found["braced"] or found["bare"]
    default = found["default"] or ""
    return Parsed(default, max(found.start("default"), 0), found["rest"], found["version"], name)


def is_prefix(text: str) -> bool:
    """Whether ``text`` may be the registry and path in front of an image's name."""
    return _PREFIX.match(text) is not None


@dataclass(frozen=True, slots=True)
class Mention:
    """An image reference in a file.

    One piece is the beginning of the name, followed by each of ``rests`` (a variable that stands before
    several images has several); two pieces are registry and repository, as Helm has them. ``shared``
    tells that the text is a variable's value, which something outside the file may replace.
    """

    where: Where
    pieces: tuple[Piece, ...]
    rests: tuple[str, ...] = ("",)
    version: str = ""
    shared: bool = False

    @property
    def place(self) -> Place:
        return self.pieces[0].place

    @property
    def written(self) -> str:
        """The text as it stands in the file; two pieces are joined."""
        return "/".join(piece.text for piece in self.pieces)

    @property
    def names(self) -> tuple[str, ...]:
        """Every repository that the mention stands for, as written."""
        return tuple(self.written + rest for rest in self.rests)

    def renamed(self, names: tuple[str, ...]) -> tuple[Edit, ...] | None:
        """The smallest edits that make ``names`` out of the own names, None where no edit can."""
        if not all(piece.exact for piece in self.pieces):
            return None
        if len(self.pieces) == 2:
            host, _, path = names[0].partition("/")
            pairs = zip(self.pieces, (host, path), strict=True)
            return tuple(_edit(piece, text) for piece, text in pairs if piece.text != text)
        heads = {
            name.removesuffix(rest) if name.endswith(rest) else None
            for name, rest in zip(names, self.rests, strict=True)
        }
        head = heads.pop()
        if heads or not head:
            return None
        return (_edit(self.pieces[0], head),)


def _edit(piece: Piece, text: str) -> Edit:
    """Make ``piece`` say ``text``; the components at its end that stay the same are left alone."""
    old, new = piece.text.split("/"), text.split("/")
    same = 0
    while same < min(len(old), len(new)) and old[-1 - same] == new[-1 - same]:
        same += 1
    before = "/".join(old[: len(old) - same])
    after = "/".join(new[: len(new) - same])
    if same and not before:
        return Edit(piece.place.path, piece.start, piece.start, f"{after}/")
    if same and not after:
        return Edit(piece.place.path, piece.start, piece.start + len(before) + 1, "")
    return Edit(piece.place.path, piece.start, piece.start + len(before), after)


@dataclass(frozen=True, slots=True)
class Use:
    """A variable at the beginning of a reference, and what follows it."""

    variable: str
    rest: str


@dataclass(frozen=True, slots=True)
class Definition:
    """A variable and the place of its value."""

    variable: str
    piece: Piece
    where: Where


@dataclass(slots=True)
class Harvest:
    """What one file holds, or many."""

    mentions: list[Mention]
    uses: list[Use]
    definitions: list[Definition]

    @classmethod
    def empty(cls) -> Harvest:
        return cls([], [], [])

    def add(self, where: Where, piece: Piece, shared: bool = False) -> None:
        """Note the reference that ``piece`` is; what is none, or hidden in variables, is left out."""
        parsed = parse_mention(piece.text)
        if parsed is None:
            return
        if parsed.variable:
            self.uses.append(Use(parsed.variable, parsed.rest))
            shared = True
        if parsed.head:
            head = part(piece, parsed.at, len(parsed.head))
            version = "" if parsed.variable else parsed.version
            self.mentions.append(Mention(where, (head,), (parsed.rest,), version, shared))

    def define(self, where: Where, variable: str, piece: Piece) -> None:
        """Note the value of a variable, which may be a reference, or stand before some."""
        self.definitions.append(Definition(variable, piece, where))
        if "/" in piece.text:
            self.add(where, piece, shared=True)
