"""Options that name a tag policy and tags, for all commands about tags."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from shipway.cli.tags_manifest import policy_of_manifest
from shipway.errors import HostError, UsageError
from shipway.gitops.policy import TagPolicy

_OPTIONS = (
    click.option(
        "--policy",
        "kind",
        metavar="KIND",
        help="numerical, alphabetical or semver, as in Flux.",
    ),
    click.option(
        "--image-policy",
        "manifest",
        metavar="FILE[#NAME]",
        help="Take the policy from this manifest, with the exclusion list of its ImageRepository.",
    ),
    click.option("--order", metavar="ORDER", help="asc (default) or desc: which end of the order is picked."),
    click.option("--range", metavar="RANGE", help="The range of a semver policy, such as '>=1.0.0 <2'."),
    click.option(
        "--pattern", metavar="RE2", help="filterTags.pattern: tags that it does not match are dropped."
    ),
    click.option(
        "--extract", metavar="TEMPLATE", help="filterTags.extract: what of a tag is compared, such as $ts."
    ),
    click.option(
        "--exclude", "exclusions", multiple=True, metavar="RE2", help="An entry of exclusionList; repeats."
    ),
)
_OPTION_NAMES = {
    "kind": "policy",
    "order": "order",
    "range": "range",
    "pattern": "pattern",
    "extract": "extract",
    "exclusions": "exclude",
}

# what a reference has and a tag never
_FOREIGN = frozenset("/:@")


def policy_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options of a policy; it receives a function ``policy`` that reads them."""

    @functools.wraps(function)
    def wrapper(**options: Any) -> Any:
        names = ("kind", "manifest", "order", "range", "pattern", "extract", "exclusions")
        given = {name: options.pop(name) for name in names}
        return function(policy=lambda: _policy(**given), **options)

    for option in reversed(_OPTIONS):
        wrapper = option(wrapper)
    return wrapper


def _policy(kind: str | None, manifest: str | None, **given: Any) -> TagPolicy:
    """The policy that options say, or the one of a manifest."""
    if manifest is not None:
        if named := [name for name in ("kind", *given) if (given | {"kind": kind})[name]]:
            raise UsageError(f"--image-policy tells all of a policy, and so does --{_OPTION_NAMES[named[0]]}")
        return policy_of_manifest(manifest)
    if kind is None:
        raise UsageError(
            "no policy is given", help="--policy KIND with its options, or --image-policy FILE[#NAME]"
        )
    return TagPolicy.parse(kind, **given)


def read_tags(tags: tuple[str, ...], file: Path | None) -> tuple[str, ...]:
    """The tags named, and those of a file with one a line, ``-`` for standard input.

    Raises UsageError when there is neither, or for a reference in place of a tag, HostError when the file
    cannot be read.
    """
    found = (*tags, *(_lines(file) if file is not None else ()))
    if not found and file is None:
        raise UsageError(
            "no tags are given", help="name them, or a file of them: --tags-file FILE (- is stdin)"
        )
    if reference := next((text for text in found if not _FOREIGN.isdisjoint(text)), None):
        raise UsageError(
            f"{reference} is no tag",
            cause="it looks like a reference to an image",
            help=f"list the tags of a repository first: shipway registry tags {reference.partition('@')[0]}",
        )
    return found


def _lines(file: Path) -> tuple[str, ...]:
    try:
        text = sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise HostError(f"{file} cannot be read", cause=str(error)) from None
    return tuple(line.strip() for line in text.splitlines() if line.strip())
