"""Failing sources as rules see them: once for all platforms of a declared build, with place and edit."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace

from shipway.checks.facts import DeclaredBuild, Facts
from shipway.checks.finding import Finding, Fix
from shipway.checks.fixes import span_edit
from shipway.checks.rule import Rule
from shipway.dockerfile.outcome import Reason, SourceOutcome
from shipway.dockerfile.patterns import has_wildcard
from shipway.dockerfile.resolved import ContextRead
from shipway.dockerfile.syntax import printable
from shipway.place import Place
from shipway.values import Platform


@dataclass(frozen=True, slots=True)
class Failure:
    """A source that fails in a build as declared. ``platforms`` are those it fails for, empty for all."""

    build: DeclaredBuild
    outcome: SourceOutcome
    platforms: tuple[Platform, ...] = ()

    @property
    def read(self) -> ContextRead:
        return self.outcome.read


def failures(facts: Facts, *reasons: Reason) -> Iterator[Failure]:
    """The failing sources of every declared build for one of ``reasons``."""
    for builds in _by_declaration(facts):
        found: dict[object, Failure] = {}
        for build in builds:
            for outcome in build.report.failures:
                if outcome.reason in reasons:
                    key = (outcome.read.line, outcome.read.span, outcome.read.source, outcome.path)
                    known = found.get(key, Failure(build, outcome))
                    found[key] = replace(known, platforms=(*known.platforms, build.platform))
        for failure in found.values():
            yield replace(failure, platforms=()) if len(failure.platforms) == len(builds) else failure


def _by_declaration(facts: Facts) -> Iterator[list[DeclaredBuild]]:
    """The builds of each declaration, one for each platform."""
    for builds in facts.builds_of.values():
        groups: list[list[DeclaredBuild]] = []
        for build in builds:
            if groups and groups[-1][0].inputs is build.inputs:
                groups[-1].append(build)
            else:
                groups.append([build])
        yield from groups


def place_of(facts: Facts, build: DeclaredBuild, read: ContextRead) -> Place:
    """Where a source stands; its instruction where quotes or a continuation cut through it."""
    if read.span is None:
        return facts.place(build, read.line)
    return facts.place(build, read.span.line, read.span.column)


def end_of(build: DeclaredBuild, read: ContextRead) -> Place | None:
    """Where a source ends."""
    span = read.span
    if span is None or build.inputs.inline is not None:
        return None
    return Place(build.path, span.line, span.column + span.end - span.start)


def where(build: DeclaredBuild, read: ContextRead) -> str:
    """The place that a source is looked for in, in words."""
    origin = read.origin
    if origin.kind == "main":
        context = build.inputs.context
        return "the build context" + ("" if context == "." else f" {context}")
    if origin.kind == "context":
        return f"the context {origin.name} ({build.inputs.contexts.get(origin.name, '')})"
    return f"the stage {origin.name}" if origin.kind == "stage" else origin.name


def declared_at(build: DeclaredBuild) -> str:
    """The declaration that a build comes from, in words."""
    if build.declaration is None or build.declaration.kind == "dockerfile":
        return "no file declares this build; the context is the nearest directory that fits best"
    return f"as declared at {build.declaration.place_of('context')}"


def source_finding(
    rule: Rule,
    facts: Facts,
    failure: Failure,
    message: str,
    *,
    cause: str | None = None,
    help: str | None = None,
    fix: Fix | None = None,
) -> Finding:
    """A finding about one source. What a variable from an image may still change is a warning, not an
    error."""
    build, read = failure.build, failure.read
    only = f" (for {', '.join(map(str, failure.platforms))})" if failure.platforms else ""
    finding = rule.finding(
        place_of(facts, build, read),
        printable(f"{read.instruction.keyword} {read.source}{expansion(read)}: {message}{only}"),
        image=build.image.name,
        subject=printable(read.source),
        cause=printable(cause) if cause else None,
        help=printable(help) if help else None,
        fix=fix,
        end=end_of(build, read),
    )
    if failure.outcome.certain:
        return finding
    unset = ", ".join(sorted(read.unset))
    doubt = f"{unset} may get a value from the image that the stage builds on"
    return replace(finding, severity="warning", cause=f"{finding.cause}; {doubt}" if finding.cause else doubt)


def expansion(read: ContextRead) -> str:
    """What variables made of a source, where there are any."""
    if read.expanded is None or read.expanded == read.source:
        return ""
    return f" (that is {read.expanded!r})"


def replacement(build: DeclaredBuild, read: ContextRead, text: str) -> Fix | None:
    """A fix for people to look at: another source in place of this one; None where it cannot be edited."""
    span, dockerfile = read.span, build.build.dockerfile
    if span is None or build.inputs.inline is not None:
        return None
    if dockerfile.text[span.start : span.end] != read.source or _needs_quotes(text):
        return None
    if has_wildcard(text) and not has_wildcard(read.expanded or ""):
        return None  # the name of a file, which would be read as a pattern
    edit = span_edit(build.path, dockerfile, span, text)
    return Fix("display", f"copy {text} instead", (edit,))


def _needs_quotes(text: str) -> bool:
    special: Collection[str] = "$\\'\""
    return any(character.isspace() or character in special for character in text)
