"""``shipway verify``: what registries hold, who signed it, and where it came from."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from shipway.cli.options import Common, common, output_width
from shipway.errors import UsageError


@click.command("verify")
@click.argument("references", nargs=-1, metavar="[REF]...")
@click.option("--fleet", is_flag=True, help="Every image of the fleet, as it was delivered.")
@click.option(
    "--key",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Public key that images must be signed with, instead of the fleet's.",
)
@click.option("--deep", is_flag=True, help="Read every layer whole and check its digest.")
@click.option(
    "-j", "--jobs", type=click.IntRange(1, 64), default=8, show_default=True, help="Images at a time."
)
@click.option("-v", "--verbose", is_flag=True, help="Show every check of every image.")
@common
def command(
    common: Common,
    references: tuple[str, ...],
    fleet: bool,
    key: Path | None,
    deep: bool,
    jobs: int,
    verbose: bool,
) -> None:
    """Verify images from any machine: digest, content, platforms, signature, provenance.

    REF is REGISTRY/REPOSITORY with a tag, a digest or both. In a fleet's directory provenance is followed to
    its commit and Dockerfile in git. Exit code 1: a claim does not hold, or what would show it is missing;
    3: something could not be looked at.
    """
    from shipway.report.verify_report import verify_json, verify_text
    from shipway.values import Reference
    from shipway.wiring import Workspace
    from shipway.wiring.verifying import VerifyRequest, verify

    if fleet == bool(references):
        raise UsageError("name either the images to verify, or --fleet")
    request = VerifyRequest(tuple(map(Reference.parse, references)), key, deep, jobs)
    with Workspace(common.directory, common.config, common.sources, common.state) as workspace:
        result = asyncio.run(verify(workspace, request))
    document = result.document
    if common.as_json:
        click.echo(verify_json(document), nl=False)
    else:
        shown = verify_text(document, verbose=verbose, quiet=common.quiet, width=output_width())
        click.echo(shown, nl=False)
    if (error := result.error()) is not None:
        # the document says it all, and one is enough
        if common.as_json:
            raise click.exceptions.Exit(error.exit_code)
        raise error
