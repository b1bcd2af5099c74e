"""``shipway registry tags``: the tags of a repository."""

from __future__ import annotations

import asyncio

import click

from shipway.cli.options import Common, common


@click.command("tags")
@click.argument("repository", metavar="HOST/REPOSITORY")
@common
def command(common: Common, repository: str) -> None:
    """List the tags of a repository and nothing else, one a line: a request for every thousand of them."""
    from shipway.values import Reference
    from shipway.wiring import Workspace
    from shipway.wiring.registries import tags

    reference = Reference.parse(repository).without_version()
    with Workspace(common.directory, common.config, common.sources, common.state) as workspace:
        found = asyncio.run(tags(workspace, reference))
    if common.as_json:
        from shipway.report.json_text import json_text

        document = {"schema": "shipway.registry-tags/1", "repository": reference.name, "tags": found}
        click.echo(json_text(document))
    else:
        click.echo("\n".join(found))
