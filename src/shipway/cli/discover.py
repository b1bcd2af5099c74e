"""``shipway discover``: the images that the repository's files declare."""

from __future__ import annotations

import click

from shipway.cli.options import Common, common, output_width


@click.command("discover")
@common
def command(common: Common) -> None:
    """List the images that the repository's files declare, each with where it was found.

    Reads Compose, bake, Skaffold and GitHub workflow files, bare Dockerfiles and shipway.yaml; runs
    nothing and asks no registry. What cannot be resolved is listed as a problem.
    """
    from shipway.report.fleet_json import fleet_json
    from shipway.report.fleet_text import fleet_text
    from shipway.wiring import Workspace

    with Workspace(common.directory, common.config, common.sources, common.state) as workspace:
        fleet = workspace.fleet()
        if common.as_json:
            click.echo(fleet_json(fleet))
        else:
            click.echo(fleet_text(fleet, workspace.source, width=output_width()))
