"""``shipway tags select`` and ``shipway tags explain``."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from shipway.cli.options import Common, common, output_width
from shipway.cli.tags_options import policy_options, read_tags
from shipway.errors import UsageError

if TYPE_CHECKING:
    from shipway.gitops.policy import TagPolicy

_tags_file = click.option(
    "--tags-file",
    type=click.Path(dir_okay=False, allow_dash=True, path_type=Path),
    help="A file with one tag a line; - is standard input.",
)


@click.command("select")
@policy_options
@_tags_file
@click.argument("tags", nargs=-1)
@common
def select(
    common: Common, policy: Callable[[], TagPolicy], tags_file: Path | None, tags: tuple[str, ...]
) -> None:
    """Print the tag that Flux picks of TAGS.

    Exit codes: 0 picked; 1 nothing is picked, or the policy fails on these tags; 2 the policy is invalid.
    """
    from shipway.gitops.select import select as decide
    from shipway.report.tags_report import refused_json, selection_json, selection_text

    try:
        selection = decide(policy(), read_tags(tags, tags_file))
    except UsageError as error:
        if common.as_json:
            click.echo(refused_json(error))
            click.get_current_context().exit(error.exit_code)
        raise
    click.echo(selection_json(selection) if common.as_json else selection_text(selection), nl=common.as_json)
    if selection.error:
        click.get_current_context().exit(1)


@click.command("explain")
@policy_options
@_tags_file
@click.option("--repository", metavar="REF", help="Take the tags that this repository has in its registry.")
@click.argument("tags", nargs=-1)
@common
def explain(
    common: Common,
    policy: Callable[[], TagPolicy],
    tags_file: Path | None,
    repository: str | None,
    tags: tuple[str, ...],
) -> None:
    """Tell what becomes of every tag: dropped and why, its key, its rank, and whether the pick is unique."""
    from shipway.gitops.select import select as decide
    from shipway.report.tags_report import explanation_json, explanation_text

    rule = policy()
    if repository is not None:
        tags = (*tags, *_tags_of(common, repository))
    selection = decide(rule, tags if repository and tags_file is None else read_tags(tags, tags_file))
    shown = (
        explanation_json(rule, selection)
        if common.as_json
        else explanation_text(rule, selection, width=output_width())
    )
    click.echo(shown, nl=common.as_json)
    if selection.error:
        click.get_current_context().exit(1)


def _tags_of(common: Common, repository: str) -> list[str]:
    """All tags of a repository, as Flux lists them."""
    from shipway.values import Reference
    from shipway.wiring import Workspace
    from shipway.wiring.registries import tags

    with Workspace(common.directory, common.config, common.sources, common.state) as workspace:
        return asyncio.run(tags(workspace, Reference.parse(repository)))
