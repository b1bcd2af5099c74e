"""``shipway doctor``: registries, credentials and engine, looked at before anything is built."""

from __future__ import annotations

import asyncio

import click

from shipway.cli.options import Common, common, engine_option
from shipway.cli.probing import progress


@click.command("doctor")
@engine_option
@common
def command(common: Common, engine: str) -> None:
    """Look at registries, credentials and engine, all at once, and tell how to mend what is wrong.

    Nothing is left anywhere: the right to push is proven by an upload that is opened and cancelled. Exit
    code 1 when something failed.
    """
    from shipway.report.doctor_report import doctor_json, doctor_text
    from shipway.wiring import Workspace
    from shipway.wiring.checking import LiveRequest, probe

    place = Workspace(common.directory, common.config, common.sources, common.state)
    with place as workspace, progress(not common.quiet) as on_probed:
        probed = asyncio.run(probe(workspace, LiveRequest(engine, on_probed)))
    click.echo(doctor_json(probed) if common.as_json else doctor_text(probed, quiet=common.quiet), nl=False)
    if any(each.state == "failed" for each in probed):
        raise click.exceptions.Exit(1)
