"""Other directories that could be the context of a build."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from shipway.checks.facts import DeclaredBuild, Facts
from shipway.dockerfile.sources import clean
from shipway.dockerfile.tree import locate
from shipway.errors import ShipwayError
from shipway.fleet.builds import is_local
from shipway.fleet.tree import directory_of, join


def candidates(build: DeclaredBuild) -> Iterator[str]:
    """The root, the directories from the Dockerfile up to it, and the contexts of other declarations."""
    own = directory_of(build.inputs.dockerfile)
    found = ["."]
    while own not in (".", "/") and not own.startswith(".."):
        found.append(own)
        own = directory_of(own)
    found += [each.inputs.context for each in build.image.declarations]
    for each in dict.fromkeys(found):
        if each != build.inputs.context and is_local(each):
            yield each


def holding(facts: Facts, build: DeclaredBuild, source: str) -> str | None:
    """The other directory in which a literal source exists, whether that is ignored or not."""
    path = clean(source)
    directory = facts.fleet.roots[build.image.root]
    if not path:
        return None
    for context in candidates(build):
        if context.startswith("..") or not facts.builds.tree(directory).is_dir(context):
            continue
        tree = facts.builds.context(directory, context, None).tree
        if locate(tree, path).reason is None:
            return context
    return None


def fitting(facts: Facts, build: DeclaredBuild) -> str | None:
    """The context in which everything that the build copies would be found."""
    directory = facts.fleet.roots[build.image.root]
    for context in candidates(build):
        if not facts.builds.tree(directory).is_dir(context):
            continue
        inputs = replace(build.inputs, context=context)
        try:
            report = facts.builds.sources(directory, inputs, build.build)
        except ShipwayError:
            continue
        if not report.failures and not report.ignore_problems:
            return context
    return None


def in_context(context: str, source: str) -> str:
    """A source of ``context`` as a path relative to the root, for people."""
    return join(context, clean(source))
