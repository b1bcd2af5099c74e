"""Ignore files: which one governs a build, what it excludes, and which line did it.

Reading follows moby/patternmatcher (ignorefile), matching its ``MatchesUsingParentResults`` as BuildKit's
context walk uses it: from the root down, each directory's results handed to what is below.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from pathlib import Path

from e2b_dockerfile_utils import PatternMatcher

from shipway.dockerfile.patterns import matcher
from shipway.dockerfile.syntax import printable
from shipway.dockerfile.tree import ContextTree, locate
from shipway.errors import DockerfileError, HostError
from shipway.place import Place

IGNORE_FILE = ".dockerignore"


@dataclass(frozen=True, slots=True)
class Pattern:
    """A line of an ignore file. ``text`` is as written; ``negated`` lines bring paths back."""

    text: str
    line: int
    negated: bool
    matches: Callable[[str], bool]


@dataclass(frozen=True, slots=True)
class IgnoreProblem:
    """A line that makes every engine reject the ignore file."""

    pattern: str
    message: str
    place: Place


@dataclass(frozen=True, slots=True)
class Level:
    """What is known about one directory: whether it is ignored, and which groups of patterns hit it."""

    ignored: bool = False
    hits: tuple[bool, ...] = ()


_Group = tuple[bool, Sequence[Callable[[str], bool]]]


class IgnoreRules:
    """The patterns of one ignore file; ``path`` is its name in messages.

    Neighbouring patterns of one kind are asked as a group, which gives the same answer as one by one: once
    a plain pattern has hit, BuildKit skips the plain ones after it until a negated one hits.
    """

    def __init__(
        self, path: str, patterns: Sequence[Pattern] = (), problems: tuple[IgnoreProblem, ...] = ()
    ) -> None:
        self.path = path
        self.patterns = tuple(patterns)
        self.problems = problems
        self._groups: list[_Group] = [
            (negated, [each.matches for each in group])
            for negated, group in groupby(self.patterns, key=lambda each: each.negated)
        ]
        negated = [each.text.strip() for each in self.patterns if each.negated]
        self._reincludes = _reincluding(tuple(negated)) if negated else None
        self._levels: dict[str, Level] = {"": Level()}

    def __bool__(self) -> bool:
        return bool(self.patterns)

    def step(self, parent: Level, path: str) -> Level:
        """The level of ``path``, given the one of the directory that holds it."""
        return _step(self._groups, parent.hits, path)[0]

    def level(self, path: str) -> Level:
        """The level of a path relative to the context root; ``""`` is the root, which is never ignored."""
        known = self._levels.get(path)
        if known is None:
            known = self.step(self.level(path.rpartition("/")[0]), path)
            self._levels[path] = known
        return known

    def ignores(self, path: str) -> bool:
        """Whether ``path`` itself is excluded; something below it may still come back."""
        return bool(self.patterns) and self.level(path).ignored

    def may_reinclude_below(self, directory: str) -> bool:
        """Whether a negated pattern could bring back something below an ignored directory."""
        return self._reincludes is not None and self._reincludes.may_match_under(directory)

    def explain(self, path: str) -> Pattern | None:
        """The pattern that excludes ``path``, None when it is not excluded."""
        singles: list[_Group] = [(each.negated, (each.matches,)) for each in self.patterns]
        level, decided = Level(), -1
        parts = path.split("/")
        for depth in range(1, len(parts) + 1):
            level, decided = _step(singles, level.hits, "/".join(parts[:depth]))
        return self.patterns[decided] if level.ignored else None

    def require_valid(self) -> IgnoreRules:
        """These rules. Raises DockerfileError for the first line that engines reject."""
        for problem in self.problems:
            raise DockerfileError(problem.message, place=problem.place)
        return self


NO_RULES = IgnoreRules("")


def _step(groups: Sequence[_Group], above: tuple[bool, ...], path: str) -> tuple[Level, int]:
    ignored, decided = False, -1
    hits: list[bool] = []
    for index, (negated, matchers) in enumerate(groups):
        hit = bool(above) and above[index]
        if not hit and negated == ignored:
            for matches in matchers:
                if matches(path):
                    hit = True
                    break
        hits.append(hit)
        if hit:
            ignored, decided = not negated, index
    return Level(ignored, tuple(hits)), decided


def parse_ignore(data: bytes, path: str) -> IgnoreRules:
    """The rules in ``data``; lines that engines reject are in ``problems``. Never raises."""
    text = data.decode("utf-8", errors="surrogateescape").removeprefix("\ufeff")
    patterns: list[Pattern] = []
    problems: list[IgnoreProblem] = []
    for line, raw in enumerate(text.split("\n"), 1):
        if raw.startswith("#") or not raw.strip():
            continue
        try:
            patterns.append(_pattern(raw, line))
        except ValueError as error:
            message = f"engines reject the pattern {raw.strip()!r}: {printable(str(error))}"
            problems.append(IgnoreProblem(raw.strip(), message, Place(path, line)))
    return IgnoreRules(path, patterns, tuple(problems))


@lru_cache(maxsize=1024)
def _reincluding(patterns: tuple[str, ...]) -> PatternMatcher:
    return matcher(patterns)


def _pattern(raw: str, line: int) -> Pattern:
    text = raw.strip()
    negated = text.startswith("!")
    if negated and text[1:].strip() in ("", "/"):
        raise ValueError("there is nothing after '!'")
    return Pattern(text, line, negated, _matches(text))


@lru_cache(maxsize=4096)
def _matches(text: str) -> Callable[[str], bool]:
    """The matcher of a single pattern; the ignore files of a fleet repeat each other's lines."""
    try:
        # without the walk over parents, which Level does once per directory
        # a '#' that is not the first byte of its line is no comment; a leading slash says so and is dropped
        return matcher([f"/{text}" if text.startswith("#") else text])._patterns[0].match
    except ValueError:
        raise ValueError("malformed '[' or trailing backslash") from None


def load_ignore(root: Path, context: str, dockerfile: str | None = None) -> IgnoreRules:
    """The rules that govern a build; ``context`` and ``dockerfile`` are paths relative to ``root``.

    ``<Dockerfile>.dockerignore`` beside the Dockerfile replaces ``.dockerignore`` of the context root, even
    when it is empty; no other place is read. Raises HostError when a file is there and cannot be read.
    """
    shared = IGNORE_FILE if context in ("", ".") else f"{context.rstrip('/')}/{IGNORE_FILE}"
    for path in filter(None, (f"{dockerfile}{IGNORE_FILE}" if dockerfile else None, shared)):
        try:
            data = _read(root / path)
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            continue
        except OSError as error:
            raise HostError(f"cannot read {path}: {error.strerror}", place=Place(path)) from None
        return parse_ignore(data, path)
    return NO_RULES


def _read(path: Path) -> bytes:
    """The bytes of an ignore file. A link is followed as BuildKit follows it, never out of the directory
    that holds it: what leads elsewhere is not there."""
    if path.is_symlink():
        found = locate(ContextTree(path.parent), path.name)
        if found.kind != "file":
            raise FileNotFoundError(path)
        path = path.parent / found.path
    return path.read_bytes()
