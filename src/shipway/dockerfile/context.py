"""A build context as an engine sees it: a tree without what its ignore file excludes."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from functools import cached_property

from shipway.dockerfile.ignore import NO_RULES, IgnoreRules, Level
from shipway.dockerfile.tree import Kind, Tree

MAX_ENTRIES = 20_000
_PLACES = 2


class Context:
    """The files of ``tree`` that ``ignore`` leaves. Share one among all builds of a context: it remembers
    what it walked."""

    def __init__(self, tree: Tree, ignore: IgnoreRules = NO_RULES) -> None:
        self.tree = tree
        self.ignore = ignore
        self._below: dict[str, tuple[str, ...]] = {}

    def kind(self, path: str) -> Kind | None:
        """What stands at a path without links, ignored or not; None for nothing."""
        if not path:
            return "dir"
        parent, _, name = path.rpartition("/")
        return self.tree.entries(parent).get(name)

    def has(self, path: str) -> bool:
        """Whether an existing path without links is left: not ignored, or holding something that is not."""
        if not self.ignore.ignores(path):
            return True
        if self.kind(path) != "dir" or not self.ignore.may_reinclude_below(path):
            return False
        return bool(self.below(path))

    def places_of(self, name: str) -> Sequence[str]:
        """The two paths nearest to the root that end in ``name``, ignored or not, among MAX_ENTRIES."""
        return self._places.get(name, ())

    @cached_property
    def _places(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        seen = 0
        queue = deque([""])
        while queue and seen < MAX_ENTRIES:
            directory = queue.popleft()
            entries = self.tree.entries(directory)
            seen += len(entries)
            prefix = f"{directory}/" if directory else ""
            for name in sorted(entries):
                places = found.setdefault(name, [])
                if len(places) < _PLACES:
                    places.append(prefix + name)
                if entries[name] == "dir":
                    queue.append(prefix + name)
        return found

    def below(self, directory: str) -> tuple[str, ...]:
        """Every file and link below a directory, and with a trailing slash every directory that is left
        with nothing in it. Special files are left out."""
        known = self._below.get(directory)
        if known is None:
            known = tuple(self._walk(directory))
            self._below[directory] = known
        return known

    def _walk(self, directory: str) -> Iterator[str]:
        # an explicit stack, since directories may be nested deeper than Python calls; a visited
        # directory is pushed a second time to see whether anything was found below it
        count = 0
        stack: list[tuple[str, Level, int | None]] = [(directory, self.ignore.level(directory), None)]
        while stack:
            path, level, before = stack.pop()
            if before is not None:
                if count == before and not level.ignored:
                    count += 1
                    yield f"{path}/"
                continue
            if path != directory:
                stack.append((path, level, count))
            prefix = f"{path}/" if path else ""
            for name, kind in self.tree.entries(path).items():
                child = f"{prefix}{name}"
                found = self.ignore.step(level, child) if self.ignore else level
                if kind == "dir":
                    if not found.ignored or self.ignore.may_reinclude_below(child):
                        stack.append((child, found, None))
                elif not found.ignored and kind != "other":
                    count += 1
                    yield child
