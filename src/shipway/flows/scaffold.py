"""Scaffold: write a service that stands in for a declared image without code; nothing is overwritten."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import msgspec

from shipway.checks.bases import is_listed
from shipway.errors import UsageError
from shipway.fleet.discover.paths import is_remote
from shipway.fleet.graph import known
from shipway.fleet.model import Fleet, Image
from shipway.fleet.tree import FileTree
from shipway.oci.files import reported
from shipway.planning.scaffold import KINDS, NewFile, Place, kind_of, scaffold
from shipway.values import Reference

SCHEMA = "shipway.scaffold/1"


class Scaffolded(msgspec.Struct, frozen=True):
    """The files of a stand-in; in a dry run those that would be ``written``."""

    image: str
    kind: str
    base: str
    written: bool
    files: tuple[NewFile, ...]
    schema: str = SCHEMA


def plan_scaffold(fleet: Fleet, tree: FileTree, name: str, kind: str | None, base: str | None) -> Scaffolded:
    """The files for the image ``name``, nothing written. Without ``kind`` it is that of most files of the
    repository, without ``base`` one that ``policies.bases`` allows.

    Raises UsageError for an image that is not declared, has code, or cannot have any here.
    """
    known(fleet, [name])
    place = _place(next(image for image in fleet.images if image.name == name))
    kind = kind or kind_of(tree.files)
    base = _base(fleet, kind) if base is None else _given(base)
    files = scaffold(place, kind, base)
    _require_new(tree, files)
    return Scaffolded(name, kind, base, written=False, files=files)


def write(root: Path, planned: Scaffolded) -> Scaffolded:
    """Write the files below ``root``, all of them or none. Raises HostError."""
    made: list[Path] = []
    try:
        for file in planned.files:
            path = root / file.path
            with reported(f"write {path}"):
                path.parent.mkdir(parents=True, exist_ok=True)
                with path.open("x", encoding="utf-8") as opened:
                    made.append(path)
                    opened.write(file.text)
    except BaseException:
        for path in made:
            path.unlink(missing_ok=True)
        raise
    return msgspec.structs.replace(planned, written=True)


def _place(image: Image) -> Place:
    inputs = image.inputs
    trouble = None
    if image.root:
        trouble = f"belongs to the repository {image.root}: scaffold it there"
    elif inputs.inline is not None:
        trouble = f"has its Dockerfile written into {inputs.dockerfile}"
    elif is_remote(inputs.context) or inputs.context == "-":
        trouble = "has no build context in this repository"
    elif inputs.dockerfile.startswith("../") or inputs.context.startswith(".."):
        trouble = "is built from files outside of this repository"
    if trouble:
        raise UsageError(
            f"{image.name} {trouble}", help="a stand-in needs a Dockerfile and a context of its own"
        )
    return Place(image.name, inputs.dockerfile, inputs.context, inputs.target)


def _require_new(tree: FileTree, files: Sequence[NewFile]) -> None:
    for file in files:
        if not tree.holds(file.path):
            raise UsageError(f"{file.path} leads out of this repository", help="look at the links on its way")
        if os.path.lexists(tree.root / file.path):
            raise UsageError(
                f"{file.path} is there already, and nothing is overwritten",
                help="a stand-in is for an image without code: shipway plan shows how this one is built",
            )


def _given(base: str) -> str:
    """``base`` as it was given. Raises InvalidValue when it is no reference."""
    Reference.parse(base)
    return base


def _base(fleet: Fleet, kind: str) -> str:
    """The usual base of a kind; where that is not allowed, the image of the same name that is."""
    usual, allow = Reference.parse(KINDS[kind].base), fleet.bases.allow
    if not allow or is_listed(usual.name, allow):
        return KINDS[kind].base
    name = usual.repository.rpartition("/")[2]
    for each in allow:
        if "*" not in each and each.rpartition("/")[2] == name:
            return f"{each}:{usual.tag}"
    raise UsageError(
        f"no image that may be built on is known for the kind {kind}",
        cause=f"`policies.bases.allow` names {', '.join(allow)}",
        help=f"name one with --base, or allow {usual.name}",
    )
