"""Build contexts and Dockerfiles as paths in the tree."""

from __future__ import annotations

from collections.abc import Iterator

from shipway.fleet.model import BuildInputs, Problem
from shipway.fleet.tree import FileTree, join
from shipway.place import Place

_REMOTE = ("https://", "http://", "git://", "ssh://", "github.com/", "git@")


def is_remote(context: str) -> bool:
    """Whether a context is fetched rather than read from disk (``compose-go``, ``paths/context.go``)."""
    return "://" in context or context.startswith(_REMOTE)


def rooted(context: str, directory: str) -> str:
    """``context`` relative to the repository root; a remote one and ``-`` stay as they are."""
    return context if context == "-" or is_remote(context) else join(directory, context)


def dockerfile_in(context: str, dockerfile: str) -> str:
    """``dockerfile`` relative to the repository root, or inside of a remote context."""
    return dockerfile if context == "-" or is_remote(context) else join(context, dockerfile)


def missing_paths(
    inputs: BuildInputs, tree: FileTree, context: Place, dockerfile: Place
) -> Iterator[Problem]:
    """A Problem for a context or a Dockerfile that is not in the tree, at the places that name them."""
    if inputs.context == "-" or is_remote(inputs.context):
        return
    if not tree.is_dir(inputs.context):
        yield Problem("missing-context", _absent("directory", inputs.context), context)
    elif not tree.is_file(inputs.dockerfile):
        yield Problem("missing-dockerfile", _absent("Dockerfile", inputs.dockerfile), dockerfile)


def _absent(what: str, path: str) -> str:
    if path.startswith(("../", "/")) or path == "..":
        return f"the {what} {path} lies outside the repository"
    return f"there is no {what} {path}"
