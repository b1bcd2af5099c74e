"""``shipway registry diagnose``: why a registry cannot be used, and what mends it."""

from __future__ import annotations

import asyncio

import click

from shipway.cli.options import Common, common
from shipway.cli.probing import progress


@click.command("diagnose")
@click.argument("place", metavar="HOST[/REPO]")
@common
def command(common: Common, place: str) -> None:
    """Look at a registry: name, connection, TLS, credentials, and with REPO the right to push there.

    Nothing is left there: the right to push is proven by an upload that is opened and cancelled. Exit code 1
    when something failed.
    """
    from shipway.report.doctor_report import DIAGNOSIS, doctor_json, doctor_text
    from shipway.wiring import Workspace
    from shipway.wiring.checking import diagnose

    site = Workspace(common.directory, common.config, common.sources, common.state)
    with site as workspace, progress(not common.quiet) as on_probed:
        probed = asyncio.run(diagnose(workspace, place, on_probed))
    shown = doctor_json(probed, DIAGNOSIS) if common.as_json else doctor_text(probed, quiet=common.quiet)
    click.echo(shown, nl=False)
    if any(each.state == "failed" for each in probed):
        raise click.exceptions.Exit(1)
