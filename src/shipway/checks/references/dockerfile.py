"""Image references in a Dockerfile: FROM, COPY --from, RUN --mount, and the ARGs before the first FROM.

The file is read as text, without build args and for every stage, reachable or not: what a file says is to
be right whoever builds which target of it.
"""

from __future__ import annotations

from collections.abc import Iterator

from shipway.checks.references.mention import Harvest, Mention, Use, Where, is_prefix, parse_mention
from shipway.dockerfile import scan
from shipway.dockerfile.reach import INDEX, SCRATCH, from_names
from shipway.dockerfile.scope import Globals, declarations
from shipway.dockerfile.stages import stage_named
from shipway.dockerfile.syntax import Dockerfile, Instruction, Span, Stage
from shipway.dockerfile.words import ExpansionError, expand
from shipway.place import Place
from shipway.spans import Piece, part

_MAX_DEPTH = 8


def read_dockerfile(dockerfile: Dockerfile) -> Harvest:
    """Every reference of the file that names an image from outside of it."""
    return _Reader(dockerfile).read()


class _Reader:
    def __init__(self, dockerfile: Dockerfile) -> None:
        self.dockerfile = dockerfile
        self.ascii = dockerfile.text.isascii()
        self.found = Harvest.empty()
        self.defaults = dict(_defaults(self))
        self.prefixed: dict[str, list[str]] = {}
        self.unclear: set[str] = set()
        self.values = Globals(dockerfile, {}, {}).values

    def read(self) -> Harvest:
        for stage in self.dockerfile.stages:
            self._base(stage)
            for each in (*stage.instructions, *stage.triggers):
                self._sources(each)
        for name, rests in self.prefixed.items():
            self._argument(name, tuple(dict.fromkeys(rests)))
        return self.found

    def piece(self, text: str, span: Span | None, line: int) -> Piece:
        """The piece at a span of the Dockerfile's text; not exact without one."""
        if span is None:
            return Piece(text, 0, 0, Place(self.dockerfile.path, line), False)
        place = Place(self.dockerfile.path, span.line, span.column)
        start = self._byte(span.start)
        return Piece(text, start, start + self._byte(span.end) - self._byte(span.start), place)

    def _byte(self, index: int) -> int:
        if self.ascii:
            return index
        return len(self.dockerfile.text[:index].encode("utf-8", errors="surrogateescape"))

    # --- FROM -----------------------------------------------------------------------------------

    def _base(self, stage: Stage) -> None:
        words = scan.words(stage.origin, self.dockerfile.escape).args
        if not words or self._is_stage(stage, stage.base):
            return
        word = words[0]
        quoted = word.text[:1] in ("'", '"') and word.text[-1:] == word.text[:1] and len(word.text) > 1
        text = word.text[1:-1] if quoted else word.text
        span = scan.locate(
            self.dockerfile, stage.origin, word.start + quoted, word.start + quoted + len(text)
        )
        self._whole(self.piece(text, span, stage.line))

    def _is_stage(self, stage: Stage, word: str) -> bool:
        """Whether a FROM names an earlier stage, or nothing that could be looked for."""
        try:
            text = expand(word, self.values, self.dockerfile.escape).text
        except ExpansionError:
            return True
        earlier = self.dockerfile.stages[: stage.index]
        return text == SCRATCH or any(each.name == text for each in earlier)

    def _whole(self, piece: Piece) -> None:
        parsed = parse_mention(piece.text)
        if parsed is None:
            self._expanded(piece)
            return
        if parsed.head:
            head = part(piece, parsed.at, len(parsed.head))
            version = "" if parsed.variable else parsed.version
            shared = parsed.variable is not None
            self.found.mentions.append(Mention("from", (head,), (parsed.rest,), version, shared))
        if parsed.variable:
            self._use(parsed.variable, parsed.rest)

    def _expanded(self, piece: Piece) -> None:
        """A reference of several variables: what it comes to can be told, but not mended in one place."""
        self.unclear |= _variables(piece.text)
        try:
            text = expand(piece.text, self.values, self.dockerfile.escape).text
        except ExpansionError:
            return
        parsed = parse_mention(text)
        if parsed and parsed.head and not parsed.variable:
            name = Piece(parsed.head, piece.start, piece.end, piece.place, False)
            self.found.mentions.append(Mention("from", (name,), version=parsed.version))

    # --- COPY and RUN ---------------------------------------------------------------------------

    def _sources(self, instruction: Instruction) -> None:
        if instruction.keyword not in ("COPY", "RUN") or not instruction.flags:
            return
        for name, by_index in from_names(instruction):
            if by_index and INDEX.match(name):
                continue
            if name == SCRATCH or "$" in name or stage_named(self.dockerfile.stages, name):
                continue
            piece = self.piece(name, self._flag(instruction, name), instruction.line)
            parsed = parse_mention(name)
            if parsed:
                where: Where = "copy" if by_index else "mount"
                head = part(piece, 0, len(parsed.head))
                self.found.mentions.append(Mention(where, (head,), version=parsed.version))

    def _flag(self, instruction: Instruction, name: str) -> Span | None:
        for word in scan.words(instruction, self.dockerfile.escape).flags:
            at = word.text.find(f"from={name}")
            if at >= 0:
                start = word.start + at + len("from=")
                return scan.locate(self.dockerfile, instruction, start, start + len(name))
        return None

    # --- ARG ------------------------------------------------------------------------------------

    def _use(self, name: str, rest: str, depth: int = 0) -> None:
        """Follow a variable at the beginning of a reference through the defaults of the ARGs."""
        self.found.uses.append(Use(name, rest))
        self.prefixed.setdefault(name, []).append(rest)
        default = self.defaults.get(name)
        parsed = parse_mention(default.text) if default else None
        if parsed and parsed.variable and depth < _MAX_DEPTH:
            self._use(parsed.variable, parsed.rest + rest, depth + 1)

    def _argument(self, name: str, rests: tuple[str, ...]) -> None:
        """The default of an ARG that is a reference, or stands before some and nowhere else."""
        default = self.defaults.get(name)
        if default is None:
            return
        exact = default.exact and name not in self.unclear
        default = Piece(default.text, default.start, default.end, default.place, exact)
        parsed = parse_mention(default.text)
        if rests == ("",):
            if parsed and parsed.head and not parsed.variable:
                head = part(default, 0, len(parsed.head))
                self.found.mentions.append(Mention("arg", (head,), ("",), parsed.version, shared=True))
        elif is_prefix(default.text):
            joined = default.text.endswith("/")
            fits = all(rest.startswith("/") != joined for rest in rests)
            if fits:
                self.found.mentions.append(Mention("arg", (default,), rests, shared=True))


def _defaults(reader: _Reader) -> Iterator[tuple[str, Piece]]:
    """The default of each ARG before the first FROM; the last one of a name counts."""
    for instruction in reader.dockerfile.global_args:
        words = scan.words(instruction, reader.dockerfile.escape).args
        for (name, value), word in zip(declarations(instruction), words, strict=False):
            at = word.text.find("=") + 1
            if value is None or not at:
                continue
            text = value.strip("\"'")
            at = word.text.find(text, at)
            if at >= 0 and text:
                start = word.start + at
                span = scan.locate(reader.dockerfile, instruction, start, start + len(text))
                yield name, reader.piece(text, span, instruction.line)


def _variables(text: str) -> frozenset[str]:
    try:
        return expand(text, {}, "\\").used
    except ExpansionError:
        return frozenset()
