"""``shipway copy``: images from registries, layouts and archives to others."""

from __future__ import annotations

import asyncio
import sys

import click

from shipway.cli.options import Common, common, output_width
from shipway.errors import UsageError


@click.command("copy")
@click.argument("places", nargs=-1, required=True, metavar="[SRC]... DST")
@click.option(
    "--platform", "platforms", multiple=True, metavar="OS/ARCH", help="Only this platform; may be repeated."
)
@click.option("--all-tags", is_flag=True, help="Every tag of SRC, each to the same tag of DST.")
@click.option("--fleet", is_flag=True, help="Every image that the fleet has delivered, below DST.")
@click.option(
    "-j", "--jobs", type=click.IntRange(1, 64), default=8, show_default=True, help="Images at a time."
)
@click.option("-v", "--verbose", is_flag=True, help="Show every blob.")
@click.option("--dry-run", is_flag=True, help="Look at everything, write nothing.")
@common
def command(
    common: Common,
    places: tuple[str, ...],
    platforms: tuple[str, ...],
    all_tags: bool,
    fleet: bool,
    jobs: int,
    verbose: bool,
    dry_run: bool,
) -> None:
    """Copy images with all their platforms, signatures and attestations; digests stay what they are.

    SRC and DST are REGISTRY/REPOSITORY[:TAG][@DIGEST], oci:DIRECTORY[:NAME] or
    docker-archive:FILE[:REFERENCE]. DST may also be REGISTRY[/PATH]/, then every image keeps its name
    below it. Only what is missing moves; the tag moves last, and everything is read back. Running the same
    command again goes on after an interruption.
    """
    from shipway.flows.copy import CopyRequest
    from shipway.oci.locator import Locator
    from shipway.report.console import view
    from shipway.report.copy_report import copy_json, copy_text
    from shipway.values import Platform
    from shipway.wiring import Workspace
    from shipway.wiring.registries import copy

    *sources, destination = places
    if fleet == bool(sources):
        raise UsageError("name either the images to copy and where to, or --fleet and where to")
    request = CopyRequest(
        tuple(map(Locator.parse, sources)),
        destination,
        tuple(map(Platform.parse, platforms)),
        all_tags,
        jobs,
    )
    place = Workspace(common.directory, common.config, common.sources, common.state)
    with (
        place as workspace,
        view(quiet=common.quiet, verbose=verbose, terminal=sys.stderr.isatty()) as screen,
    ):
        result = asyncio.run(copy(workspace, request, screen, fleet=fleet, dry_run=dry_run))
    click.echo(copy_json(result) if common.as_json else copy_text(result, width=output_width()), nl=False)
    if (error := result.error()) is not None:
        # the document says it all, and one is enough
        if common.as_json:
            raise click.exceptions.Exit(error.exit_code)
        raise error
