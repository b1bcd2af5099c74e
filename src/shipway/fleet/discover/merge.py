"""From declarations to images: which declarations, across files, speak of the same image.

Two declarations of different files are one image when, in this order,

1. they publish the same repository, unless a file publishes several images in it;
2. they build the same stage of the same Dockerfile, with args that do not contradict each other;
3. they have the same name, and the Dockerfile of one is missing, or both share the Dockerfile, its
   directory, or the build context.

Two declarations of one file are one image only when they have the same name and Dockerfile, or when all
their inputs and references are equal; two images of a fleet file never are one. A bare Dockerfile is an
image only when nothing else builds it.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from shipway.errors import InvalidValue
from shipway.fleet.discover.naming import unique_names
from shipway.fleet.discover.paths import is_remote
from shipway.fleet.model import BuildInputs, Declaration, DeclarationKind, Problem
from shipway.fleet.tree import directory_of
from shipway.values import Reference

PRECEDENCE: tuple[DeclarationKind, ...] = ("shipway", "bake", "compose", "skaffold", "workflow", "dockerfile")

_RANK = {kind: rank for rank, kind in enumerate(PRECEDENCE)}
_SEPARATORS = re.compile(r"[._-]+")
_LIBRARY = "docker.io/library/"


@dataclass(frozen=True, slots=True)
class Merged:
    """An image and its declarations; the first one counts."""

    name: str
    declarations: tuple[Declaration, ...]

    @property
    def first(self) -> Declaration:
        return self.declarations[0]


def merge(declarations: Iterable[Declaration], exists: Callable[[str], bool]) -> tuple[Merged, ...]:
    """The images that ``declarations`` speak of, in order of precedence.

    ``exists`` tells whether a path is a file.
    """
    ordered = sorted(declarations, key=lambda declaration: _RANK[declaration.kind])
    merger = _Merger(exists, _shared_repositories(ordered))
    for declaration in ordered:
        merger.add(declaration)
    names = unique_names([group.declarations[0] for group in merger.groups])
    return tuple(
        Merged(name, tuple(group.declarations)) for name, group in zip(names, merger.groups, strict=True)
    )


def repositories(declaration: Declaration) -> frozenset[str]:
    """The repositories a declaration publishes to, in canonical form."""
    return frozenset(name for text in declaration.references if (name := _repository(text)))


def _repository(text: str) -> str | None:
    try:
        return Reference.parse(text).name
    except InvalidValue:
        return None


def _published(declaration: Declaration) -> frozenset[str]:
    """Repositories that tell images apart: one bare word, such as ``app``, is a name on this machine only."""
    return frozenset(name for name in repositories(declaration) if not name.startswith(_LIBRARY))


def _shared_repositories(declarations: Sequence[Declaration]) -> frozenset[str]:
    """The repositories in which some file publishes more than one image."""
    users: dict[tuple[str, str], set[str]] = defaultdict(set)
    for declaration in declarations:
        for repository in _published(declaration):
            users[declaration.place.path, repository].add(declaration.name)
    return frozenset(repository for (_, repository), names in users.items() if len(names) > 1)


@dataclass(slots=True, eq=False)
class _Group:
    declarations: list[Declaration] = field(default_factory=list)


class _Merger:
    """Finds each declaration its group, through one index per rule."""

    def __init__(self, exists: Callable[[str], bool], shared: frozenset[str]) -> None:
        self.groups: list[_Group] = []
        self._exists = exists
        self._shared = shared
        self._by_repository: dict[str, list[_Group]] = defaultdict(list)
        self._by_build: dict[tuple[_File, str | None], list[_Group]] = defaultdict(list)
        self._by_name: dict[str, list[_Group]] = defaultdict(list)
        self._built: set[_File] = set()

    def add(self, declaration: Declaration) -> None:
        if declaration.kind == "dockerfile" and _file(declaration) in self._built:
            return
        group = None if declaration.kind == "dockerfile" else self._find(declaration)
        if group is None:
            group = _Group()
            self.groups.append(group)
        group.declarations.append(declaration)
        self._index(declaration, group)

    def _index(self, declaration: Declaration, group: _Group) -> None:
        file = _file(declaration)
        self._built.add(file)
        for repository in _published(declaration):
            self._by_repository[repository].append(group)
        self._by_build[file, declaration.inputs.target].append(group)
        self._by_name[_folded(declaration.name)].append(group)

    def _find(self, declaration: Declaration) -> _Group | None:
        for rule in (self._same_repository, self._same_build, self._same_name):
            found = [group for group in rule(declaration) if _may_join(group, declaration)]
            if found:
                return _closest(found, declaration)
        return None

    def _same_repository(self, declaration: Declaration) -> Iterator[_Group]:
        for repository in sorted(_published(declaration) - self._shared):
            yield from self._by_repository[repository]

    def _same_build(self, declaration: Declaration) -> Iterator[_Group]:
        for group in self._by_build[_file(declaration), declaration.inputs.target]:
            if not any(_contradict(known, declaration) for known in group.declarations):
                yield group

    def _same_name(self, declaration: Declaration) -> Iterator[_Group]:
        for group in self._by_name[_folded(declaration.name)]:
            if any(self._akin(known, declaration) for known in group.declarations):
                yield group

    def _akin(self, known: Declaration, other: Declaration) -> bool:
        """Whether the Dockerfiles of two declarations with one name may be meant to be the same."""
        first, second = known.inputs, other.inputs
        return (
            _file(known) == _file(other)
            or first.context == second.context
            or (_is_file(first) and _is_file(second) and self._near(first.dockerfile, second.dockerfile))
        )

    def _near(self, first: str, second: str) -> bool:
        """Whether two Dockerfiles lie side by side, or one of them is missing."""
        if directory_of(first) == directory_of(second):
            return True
        return not (self._exists(first) and self._exists(second))


_File = tuple[str, str]


def _file(declaration: Declaration) -> _File:
    """What tells Dockerfiles apart: the path, in a remote context with its address, or the text itself."""
    inputs = declaration.inputs
    if inputs.inline is not None:
        return "", inputs.inline
    return inputs.context if is_remote(inputs.context) else ".", inputs.dockerfile


def _is_file(inputs: BuildInputs) -> bool:
    return inputs.inline is None and not is_remote(inputs.context)


def _folded(name: str) -> str:
    return _SEPARATORS.sub("-", name.lower())


def _may_join(group: _Group, declaration: Declaration) -> bool:
    return all(
        _same_in_one_file(known, declaration)
        for known in group.declarations
        if known.place.path == declaration.place.path
    )


def _same_in_one_file(known: Declaration, other: Declaration) -> bool:
    if known.name == other.name or other.kind == "shipway":
        return known.name == other.name and _file(known) == _file(other)
    return bool(known.references) and (known.references, known.inputs) == (other.references, other.inputs)


def _contradict(known: Declaration, other: Declaration) -> bool:
    """Whether args choose different images; under one name they are two opinions on one image."""
    if _folded(known.name) == _folded(other.name):
        return False
    first, second = known.inputs.args, other.inputs.args
    pairs = ((first[name], second[name]) for name in first.keys() & second.keys())
    return any(None not in pair and pair[0] != pair[1] for pair in pairs)


def _closest(groups: Sequence[_Group], declaration: Declaration) -> _Group:
    """The group that shares most with the declaration; the first one of equals."""

    def distance(group: _Group) -> tuple[bool, bool, bool]:
        known = group.declarations
        return (
            all(_folded(other.name) != _folded(declaration.name) for other in known),
            all(other.inputs.args != declaration.inputs.args for other in known),
            all(other.inputs.target != declaration.inputs.target for other in known),
        )

    return min(groups, key=distance)


# --- disagreements ------------------------------------------------------------------------------


def disagreements(image: Merged) -> Iterator[Problem]:
    """Where the declarations of one image contradict the first one: a Problem for each value."""
    first = image.first
    for other in image.declarations[1:]:
        for what, key, ours, theirs in _compared(first, other):
            yield Problem(
                "disagreement",
                f"{image.name}: the {what} is {ours or 'the default'} in {first.place_of(key)},"
                f" but {theirs or 'the default'} in {other.place_of(key)}",
                other.place_of(key),
            )


def _compared(first: Declaration, other: Declaration) -> Iterator[tuple[str, str, str | None, str | None]]:
    """What differs: the word for it, the key it stands under, and both values.

    Two names in one file are no contradiction: several services may run the same image.
    """
    ours, theirs = first.inputs, other.inputs
    if first.name != other.name and first.place.path != other.place.path:
        yield "name", "name", first.name, other.name
    if _file(first) != _file(other):
        yield "dockerfile", "dockerfile", _shown_file(ours), _shown_file(theirs)
    for key in ("context", "target"):
        if getattr(ours, key) != getattr(theirs, key):
            yield key, key, getattr(ours, key), getattr(theirs, key)
    published = _published(first), _published(other)
    if all(published) and published[0].isdisjoint(published[1]):
        yield "repository", "references", min(published[0]), min(published[1])


def _shown_file(inputs: BuildInputs) -> str:
    return inputs.dockerfile if inputs.inline is None else "a text of its own"
