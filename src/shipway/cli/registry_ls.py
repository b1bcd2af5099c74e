"""``shipway registry ls``: what a registry holds."""

from __future__ import annotations

import asyncio

import click

from shipway.cli.options import Common, common, output_width


@click.command("ls")
@click.argument("place", metavar="HOST[/PREFIX]")
@click.option("--fleet", is_flag=True, help="The repositories of the fleet alone.")
@common
def command(common: Common, place: str, fleet: bool) -> None:
    """List tags with digest, platforms, size and age, and what of the fleet is missing there.

    The registry's catalog names the repositories; where it shows none, as GHCR, Docker Hub and Quay.io do,
    the fleet does.
    """
    from shipway.report.listing_report import listing_json, listing_text
    from shipway.wiring import Workspace
    from shipway.wiring.registries import list_registry

    with Workspace(common.directory, common.config, common.sources, common.state) as workspace:
        listing = asyncio.run(list_registry(workspace, place, fleet_only=fleet))
        now = workspace.now()
    if common.as_json:
        click.echo(listing_json(listing), nl=False)
    else:
        click.echo(listing_text(listing, now, width=output_width()), nl=False)
