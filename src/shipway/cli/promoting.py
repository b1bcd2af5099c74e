"""Options that say which repositories are written to, for ``promote`` and ``rollback``."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from shipway.cli.options import Common
from shipway.errors import UsageError

if TYPE_CHECKING:
    from shipway.wiring.promoting import Destinations, Promoted

_OPTIONS = (
    click.option(
        "--to",
        "places",
        multiple=True,
        metavar="DIR|URL[#BRANCH]",
        help="A working copy or git URL, instead of gitops: in the fleet file; may be repeated.",
    ),
    click.option("--path", "below", metavar="SUBDIR", default="", help="Edit below this directory only."),
    click.option("--branch", "to", metavar="NAME", help="Push to this branch, for a pull request."),
    click.option(
        "--pull-request",
        "requests",
        is_flag=True,
        help="Open a pull request from --branch with gh, or print where to open it.",
    ),
    click.option("--dry-run", is_flag=True, help="Print the exact diff, write nothing."),
)


def destinations(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options of repositories; it receives them as one ``where`` argument."""

    @functools.wraps(function)
    def wrapper(**options: Any) -> Any:
        from shipway.wiring.promoting import Destinations

        names = ("places", "below", "to", "requests", "dry_run")
        where = Destinations(**{name: options.pop(name) for name in names})
        if where.requests and where.to is None:
            raise UsageError("--pull-request needs the branch that it comes from", help="add --branch NAME")
        return function(where=_normalised(where), **options)

    for option in reversed(_OPTIONS):
        wrapper = option(wrapper)
    return wrapper


def _normalised(where: Destinations) -> Destinations:
    from dataclasses import replace

    return replace(where, below=where.below.removeprefix("./").strip("/"))


def show(result: Promoted, common: Common) -> None:
    """Print what became of it, and leave with its exit code."""
    from shipway.flows.promote.run import error_of
    from shipway.report.promote_report import promote_json, promote_text

    click.echo(promote_json(result) if common.as_json else promote_text(result), nl=False)
    if (error := error_of(result.repositories)) is not None:
        # the document says it all, and one is enough
        if common.as_json:
            raise click.exceptions.Exit(error.exit_code)
        raise error
