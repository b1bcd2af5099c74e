"""Which paths of its contexts a build reads, decided as BuildKit decides it.

For every source of COPY and ADD and every bind mount of the reachable stages: found, or the reason why
not. Each source is judged alone; BuildKit stops at any one of them.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from types import MappingProxyType
from typing import TypeAlias

from e2b_dockerfile_utils import PatternMatcher

from shipway.dockerfile.context import Context
from shipway.dockerfile.ignore import IgnoreProblem
from shipway.dockerfile.nearest import nearest
from shipway.dockerfile.outcome import IgnoredBy, Reason, SourceOutcome
from shipway.dockerfile.patterns import component, has_wildcard, is_well_formed, matcher
from shipway.dockerfile.resolved import ContextRead, Origin, ResolvedBuild, Step, WorkdirStep
from shipway.dockerfile.trace import StageTree, Traced, copy_into, starting_tree
from shipway.dockerfile.tree import Kind, Located, locate
from shipway.errors import InvalidValue
from shipway.place import Place

_HTTP = re.compile(r"https?://", re.IGNORECASE)
_GIT = re.compile(r"(?:git|ssh)://|[a-zA-Z0-9_-]+@[^:/\s]+:|https?://[^?#]*\.git(?:[?#]|$)", re.IGNORECASE)
_NONE: Mapping[str, Context] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class SourceReport:
    """Every source of a build with its outcome, in the order of the file, and the lines of ignore files
    that keep it from starting."""

    outcomes: tuple[SourceOutcome, ...]
    ignore_problems: tuple[IgnoreProblem, ...] = ()

    @property
    def failures(self) -> tuple[SourceOutcome, ...]:
        return tuple(each for each in self.outcomes if each.failed)

    def files(self, context: str | None = None) -> tuple[str, ...]:
        """All that the build reads of the main context, or of a named one, sorted; see SourceOutcome."""
        wanted = ("context", context) if context is not None else ("main", "")
        found: set[str] = set()
        for each in self.outcomes:
            if (each.read.origin.kind, each.read.origin.name) == wanted:
                found.update(each.files)
        return tuple(sorted(found))


def read_sources(
    build: ResolvedBuild, main: Context | None, named: Mapping[str, Context] = _NONE
) -> SourceReport:
    """What ``build`` reads of its contexts. ``main`` is None for one that is not on this machine, and
    ``named`` holds the named contexts that are directories here; what is elsewhere counts as found.

    Raises HostError when a directory cannot be read.
    """
    contexts = {
        each.name if each.kind == "context" else "": context for each, context in _places(main, named)
    }
    used = {_key(read.origin) for read in build.reads if read.origin.kind in ("main", "context")}
    problems = [
        problem for key in sorted(used) if key in contexts for problem in contexts[key].ignore.problems
    ]
    return SourceReport(tuple(_Decider(build, contexts).outcomes()), tuple(problems))


def _places(main: Context | None, named: Mapping[str, Context]) -> Iterator[tuple[Origin, Context]]:
    if main is not None:
        yield Origin("main"), main
    for name, context in named.items():
        yield Origin("context", name), context


def _key(origin: Origin) -> str:
    return origin.name if origin.kind == "context" else ""


def clean(path: str) -> str:
    """A source as a path relative to the root: ``..`` stops there, slashes and dots go."""
    return posixpath.normpath("/" + path.lstrip("/"))[1:]


def is_remote(source: str) -> bool:
    """Whether ADD fetches ``source``: an HTTP URL or a Git repository."""
    return _HTTP.match(source) is not None or _GIT.match(source) is not None


class _Failure(Exception):
    """A source that keeps the build from going on; becomes a SourceOutcome."""

    def __init__(
        self, reason: Reason, path: str = "", *, ignored: str | None = None, detail: str = ""
    ) -> None:
        self.reason: Reason = reason
        self.path = path
        self.ignored = ignored
        self.detail = detail


class _Decider:
    def __init__(self, build: ResolvedBuild, contexts: Mapping[str, Context]) -> None:
        self.build = build
        self.contexts = contexts
        self.sent: dict[str, _Sent] = {}
        self.trees: dict[int, StageTree | None] = {}
        self.traced = _traced_stages(build)
        self.near: dict[tuple[Origin, str], str | None] = {}

    def outcomes(self) -> Iterator[SourceOutcome]:
        for stage in self.build.stages:
            index = stage.stage.index
            tree = starting_tree(stage, self.trees) if index in self.traced else None
            for step in stage.steps:
                found = [self._decide(read) for read in _step_reads(step)]
                yield from found
                if tree is not None:
                    tree = copy_into(tree, step, [self._trace(each) for each in found])
            self.trees[index] = tree

    def _trace(self, outcome: SourceOutcome) -> Traced:
        view = self._view(outcome.read.origin)
        return Traced(outcome, view.context if view is not None else None)

    def _view(self, origin: Origin) -> _View | None:
        """The files behind an origin; None when nobody can tell what is there."""
        if origin.kind == "stage":
            tree = self.trees.get(origin.stage)
            return _View(Context(tree), None) if tree is not None else None
        if origin.kind in ("main", "context"):
            key = _key(origin)
            context = self.contexts.get(key)
            if context is None:
                return None
            if key not in self.sent:
                self.sent[key] = _Sent(context, [r for r in self.build.reads if _same(r.origin, origin)])
            return _View(context, self.sent[key])
        if origin.name == "scratch":
            return _View(Context(StageTree()), None)
        return None

    def _decide(self, read: ContextRead) -> SourceOutcome:
        certain = not (read.open_env and read.unset)
        view = self._view(read.origin)
        try:
            source = _classified(read)
            if source is None or view is None:
                return SourceOutcome(read, certain=False)
            matched, listed = view.find(read, source)
        except _Failure as failure:
            return self._failed(read, failure, view, certain)
        return SourceOutcome(read, matched=matched, listed=listed, certain=certain)

    def _failed(
        self, read: ContextRead, failure: _Failure, view: _View | None, certain: bool
    ) -> SourceOutcome:
        outcome = SourceOutcome(read, failure.reason, failure.path, detail=failure.detail, certain=certain)
        if view is None:
            return outcome
        if read.origin.kind in ("stage", "image"):
            if failure.reason in ("missing", "dangling-link", "link-loop", "glob-dir-missing"):
                outcome = replace(outcome, reason="stage-path-missing")
        elif failure.ignored is not None:
            pattern = view.context.ignore.explain(failure.ignored)
            if pattern is not None:
                place = Place(view.context.ignore.path, pattern.line)
                outcome = replace(outcome, ignored_by=IgnoredBy(place, pattern.text))
        if outcome.reason in ("missing", "glob-dir-missing", "dangling-link", "stage-path-missing"):
            outcome = replace(outcome, nearest=self._nearest(read, failure.path.lstrip("/"), view))
        return outcome

    def _nearest(self, read: ContextRead, path: str, view: _View) -> str | None:
        if read.origin.kind == "image":
            return None
        key = (read.origin, path)
        if key not in self.near:
            self.near[key] = nearest(view.context, path)
        return self.near[key]


def _same(origin: Origin, other: Origin) -> bool:
    return origin.kind == other.kind and origin.name == other.name


def _step_reads(step: Step) -> Sequence[ContextRead]:
    return () if isinstance(step, WorkdirStep) else step.reads


def _traced_stages(build: ResolvedBuild) -> frozenset[int]:
    """The stages whose content decides a source: those that are read from, and their bases."""
    wanted = {read.origin.stage for read in build.reads if read.origin.kind == "stage"}
    for stage in reversed(build.stages):
        if stage.stage.index in wanted and stage.base is not None:
            wanted.add(stage.base)
    return frozenset(wanted)


def _classified(read: ContextRead) -> str | None:
    """The source after expansion; None for one that is fetched from elsewhere. Raises _Failure."""
    if read.error is not None or read.expanded is None:
        raise _Failure("expansion", detail=read.error or "")
    if read.kind in ("mount", "from"):
        return read.expanded
    remote = is_remote(read.expanded)
    if remote and read.kind == "copy":
        raise _Failure("remote-not-allowed")
    if read.checksum and not (remote and read.alone):
        raise _Failure("checksum-not-allowed")
    return None if remote else read.expanded


# --- what a context transfers -----------------------------------------------------------------


class _Sent:
    """What BuildKit transfers of a context: the sources of all reachable stages, read as ignore-file
    patterns, with the targets of the links on their way."""

    def __init__(self, context: Context, reads: Sequence[ContextRead]) -> None:
        self._context = context
        self._paths = [path for read in reads for path in _include_paths(context, read)]
        self._matcher: PatternMatcher | None = None
        self._everything = "" in self._paths

    def holds(self, path: str) -> bool:
        """Whether an existing path without links is transferred, or has to be for something below it."""
        if self._everything or not path:
            return self._context.has(path)
        if self._matcher is None:
            self._matcher = matcher([f"/{each}" for each in self._paths])
        if not self._context.ignore.ignores(path) and self._matcher.matches(path):
            return True
        if self._context.kind(path) != "dir":
            return False
        return any(self._matcher.matches(each.rstrip("/")) for each in self._context.below(path))


def _include_paths(context: Context, read: ContextRead) -> Iterator[str]:
    try:
        source = _classified(read)
    except _Failure:
        return
    if source is None:
        return
    path = clean(source)
    if not is_well_formed(path):
        return
    yield path
    literal, rest = _split(path, literal=read.kind == "mount")
    found = locate(context.tree, literal)
    yield from found.links
    if found.links and found.kind is not None:
        yield posixpath.join(found.path, *rest)
    for each in _matches(context, found.path, rest) if found.kind is not None else ():
        target = locate(context.tree, each)
        if target.links and target.kind is not None:
            yield from (*target.links, target.path)


def _split(path: str, *, literal: bool = False) -> tuple[str, list[str]]:
    """The directory before the first wildcard and the components from there on."""
    parts = path.split("/") if path else []
    for index, part in enumerate(parts):
        if not literal and has_wildcard(part):
            return "/".join(parts[:index]), parts[index:]
    return path, []


def _matches(context: Context, directory: str, components: Sequence[str]) -> Iterator[str]:
    """What matches below a directory; links are matched, never followed."""
    if not components:
        return
    pattern, rest = component(components[0]), components[1:]
    entries = context.tree.entries(directory)
    for name in sorted(entries):
        if pattern.fullmatch(name):
            path = f"{directory}/{name}" if directory else name
            if not rest:
                if context.has(path):
                    yield path
            elif entries[name] == "dir":
                yield from _matches(context, path, rest)


_Files: TypeAlias = Callable[[], tuple[str, ...]]
_Found: TypeAlias = tuple[tuple[str, ...], _Files]

# --- one source -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _View:
    """Files to look for a source in. Without ``sent`` all of them are there."""

    context: Context
    sent: _Sent | None

    def find(self, read: ContextRead, source: str) -> _Found:
        """What ``source`` names and what is read through it. Raises _Failure."""
        if read.exclude and not all(is_well_formed(each.lstrip("!")) for each in read.exclude):
            raise _Failure("bad-pattern", detail="--exclude")
        if not is_well_formed(clean(source)):
            raise _Failure("bad-pattern", "/" + clean(source))
        if read.parents:
            return self._parents(read, source)
        path = clean(source)
        directory, components = _split(path, literal=read.kind == "mount")
        if not components:
            located = self._literal(path)
            return (located.path,), self._later([located], read.exclude)
        base = self._glob_directory(directory)
        found = [self._matched(each) for each in _matches(self.context, base, components)]
        if not found:
            self._require_sent(base, directory)
        return tuple(each.path for each in found), self._later(found, read.exclude)

    def _literal(self, path: str) -> Located:
        located = locate(self.context.tree, path)
        if located.reason is not None:
            self._require_links(located, path)
            raise _Failure(located.reason, "/" + path)
        self._require_links(located, path)
        if located.path and not self.context.has(located.path):
            raise _Failure("ignored", "/" + path, ignored=located.path)
        return located

    def _require_links(self, located: Located, path: str) -> None:
        for link in located.links:
            if self.context.ignore.ignores(link):
                raise _Failure("ignored", "/" + path, ignored=link)

    def _matched(self, path: str) -> Located:
        if self.context.kind(path) != "link":
            return Located(path, self.context.kind(path))
        return self._literal(path)

    def _glob_directory(self, directory: str) -> str:
        """The real directory before the wildcard."""
        try:
            return self._literal(directory).path
        except _Failure as failure:
            reasons: dict[Reason, Reason] = {"missing": "glob-dir-missing", "ignored": "glob-dir-ignored"}
            failure.reason = reasons.get(failure.reason, failure.reason)
            raise

    def _require_sent(self, base: str, directory: str) -> None:
        if base and self.sent is not None and not self.sent.holds(base):
            raise _Failure("glob-dir-not-sent", "/" + directory)

    def _parents(self, read: ContextRead, source: str) -> _Found:
        """``--parents``: what stands before ``/./`` is the pivot, what follows a recursive pattern."""
        before, pivot, after = source.partition("/./")
        root, pattern = (clean(before), clean(after)) if pivot else ("", clean(source))
        directory, components = _split(root)
        if not components and not has_wildcard(pattern):
            located = self._literal(clean(f"{root}/{pattern}"))
            files = self._files([located], ())
            kept = _without(files, root, read.exclude)
            return (located.path,), lambda: kept
        base = self._glob_directory(directory)
        roots = [base] if not components else list(_matches(self.context, base, components))
        if not components:
            self._require_sent(base, directory)
        found: list[str] = []
        for each in roots:
            found += _without(_selected(self.context, each, pattern), each, read.exclude)
        return tuple(found), lambda: tuple(found)

    def _later(self, found: Sequence[Located], exclude: Sequence[str]) -> _Files:
        return partial(self._files, found, exclude)

    def _files(self, found: Iterable[Located], exclude: Sequence[str]) -> tuple[str, ...]:
        """All that is read; ``--exclude`` counts from each directory and spares what was named itself."""
        files: list[str] = []
        for each in found:
            files += each.links
            if each.kind == "dir":
                below = self.context.below(each.path)
                files += _without(below, each.path, exclude) or ([f"{each.path}/"] if each.path else [])
            elif each.kind != "other":
                files.append(each.path)
        return tuple(files)


@dataclass(frozen=True, slots=True)
class Named:
    """Something that a source names: where it leads, free of links, and the name it arrives under."""

    path: str
    kind: Kind
    name: str


def named_by(context: Context, source: str) -> tuple[Named, ...]:
    """What ``source`` (expanded, no heredoc, nothing remote) names in ``context``, in the order of copying.

    Nothing for wildcards without a match. Raises InvalidValue for what is not there, or malformed.
    """
    view, path = _View(context, None), clean(source)
    try:
        if not is_well_formed(path):
            raise _Failure("bad-pattern", "/" + path)
        directory, components = _split(path)
        if not components:
            located = view._literal(path)
            return (_named(located, path),)
        base = view._glob_directory(directory)
        return tuple(_named(view._matched(each), each) for each in _matches(context, base, components))
    except _Failure as failure:
        raise InvalidValue(f"{source}: {failure.reason}") from None


def _named(located: Located, path: str) -> Named:
    return Named(located.path, located.kind or "other", path.rpartition("/")[2])


def _without(paths: Sequence[str], root: str, exclude: Sequence[str]) -> tuple[str, ...]:
    if not exclude:
        return tuple(paths)
    excluded = matcher(exclude)
    start = len(root) + 1 if root else 0
    return tuple(path for path in paths if not excluded.matches(path[start:].rstrip("/")))


def _selected(context: Context, root: str, pattern: str) -> list[str]:
    selected = matcher([f"/{pattern}"])
    start = len(root) + 1 if root else 0
    return [path for path in context.below(root) if selected.matches(path[start:].rstrip("/"))]
