"""Variables that a Dockerfile reads and nobody declares: told by its text, whatever the build is given.

A build arg without an ARG in scope does nothing, so what is declared at a line does not depend on inputs.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from shipway.checks.text import Text
from shipway.dockerfile import scope
from shipway.dockerfile.syntax import Dockerfile, Instruction, Stage
from shipway.dockerfile.validate import is_heredoc
from shipway.dockerfile.words import ExpansionError, expand

_DEFAULTED = re.compile(r"\$\{(\w+):?[-?]")
_EXPANDED = frozenset({"EXPOSE", "STOPSIGNAL", "USER", "VOLUME", "WORKDIR"})
_FLAGS = ("chown", "chmod")
_KNOWN_TO_BUILDKIT = frozenset({"BUILDKIT_SBOM_SCAN_CONTEXT", "BUILDKIT_SBOM_SCAN_STAGE"})
_ALWAYS_SET = frozenset({"PATH"})


@dataclass(frozen=True, slots=True)
class Undeclared:
    """``name``, read in ``word`` of ``instruction`` without a declaration in its scope.

    ``source`` tells whether the word is a source of COPY or ADD, ``open`` whether the base image, which
    nobody looked into, may set it all the same. ``why`` is the likely reason, ``near`` a declared name like
    it, ``outer`` whether a bare ``ARG`` would give it a value.
    """

    stage: Stage
    instruction: Instruction
    word: str
    name: str
    source: bool
    open: bool
    why: str | None
    near: str | None
    outer: bool


@dataclass(slots=True)
class _Scope:
    names: set[str]
    open: bool


def read_names(word: str, escape: str) -> frozenset[str]:
    """The variables that ``word`` needs: those it reads without a default of its own."""
    if "$" not in word:
        return frozenset()
    try:
        used = expand(word, {}, escape).used
    except ExpansionError:
        return frozenset()  # told as what breaks the build
    return used - frozenset(_DEFAULTED.findall(word))


def near(name: str, known: Iterable[str]) -> str | None:
    """The known name that ``name`` was likely meant to be."""
    return next(iter(difflib.get_close_matches(name, sorted(known), 1, 0.8)), None)


def undeclared(text: Text) -> Iterator[Undeclared]:
    """Every variable that a stage reads without a declaration, in the order of the file."""
    if "$" not in text.dockerfile.text:
        return
    globals_ = global_names(text.dockerfile)
    scopes: dict[str, _Scope] = {}
    for stage in text.dockerfile.stages:
        scope_ = _start(stage, scopes)
        if stage.name is not None:
            scopes[stage.name] = scope_
        for each in stage.instructions:
            for word, source, declares in _words(each):
                for name in sorted(read_names(word, text.dockerfile.escape) - scope_.names):
                    why, outer = _why(text.dockerfile, stage, each, name, globals_)
                    guess = near(name, scope_.names | globals_) if why is None else None
                    yield Undeclared(stage, each, word, name, source, scope_.open, why, guess, outer)
                scope_.names.update(declares)


def global_names(dockerfile: Dockerfile) -> frozenset[str]:
    """The args that stand before the first FROM."""
    return frozenset(name for each in dockerfile.global_args for name, _ in scope.declarations(each))


def _start(stage: Stage, scopes: dict[str, _Scope]) -> _Scope:
    below = scopes.get(stage.base)
    if below is not None:
        return _Scope(set(below.names), below.open)
    if "$" in stage.base:  # may be any of the stages above
        return _Scope(
            set(_ALWAYS_SET).union(_KNOWN_TO_BUILDKIT, *(each.names for each in scopes.values())), True
        )
    return _Scope(set(_ALWAYS_SET | _KNOWN_TO_BUILDKIT), stage.base != "scratch")


_Word = tuple[str, bool, tuple[str, ...]]


def _words(each: Instruction) -> Iterator[_Word]:
    """The words of an instruction that are expanded, whether each is a source of COPY or ADD, and the names
    that are declared behind it."""
    if each.keyword == "ARG":
        yield from ((default or "", False, (name,)) for name, default in scope.declarations(each))
    elif each.keyword in ("COPY", "ADD"):
        yield from ((word, True, ()) for word in each.args[:-1] if each.json or not is_heredoc(word))
        yield from ((word, False, ()) for word in each.args[-1:])
        yield from ((value, False, ()) for flag in _FLAGS if (value := each.flag(flag)) is not None)
    elif each.keyword in ("ENV", "LABEL"):
        yield from ((word, False, ()) for word in each.args[1::3])
        yield "", False, tuple(_declared(each))
    elif each.keyword in _EXPANDED:
        yield from ((word, False, ()) for word in each.args)


def _declared(each: Instruction) -> Iterator[str]:
    if each.keyword == "ARG":
        yield from (name for name, _ in scope.declarations(each))
    elif each.keyword == "ENV":
        yield from each.args[::3]


def _why(
    dockerfile: Dockerfile, stage: Stage, reader: Instruction, name: str, outside: frozenset[str]
) -> tuple[str | None, bool]:
    """The likely reason, and whether a bare ARG would give the name a value."""
    if name in outside:
        return f"ARG {name} stands before the first FROM, and a stage sees it only after its own ARG", True
    if name in scope.PLATFORM_ARGS:
        return f"BuildKit sets {name}, and a stage sees it only after ARG {name}", True
    for other in dockerfile.stages:
        for each in other.instructions:
            if name in _declared(each) and each is not reader:
                where = "only there" if other.index == stage.index else f"in another stage, {_called(other)}"
                return f"line {each.line} declares it, {where}", False
    return None, False


def _called(stage: Stage) -> str:
    return stage.name or f"number {stage.index}"
