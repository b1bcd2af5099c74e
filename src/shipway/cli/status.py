"""``shipway status``: what is delivered and what the last run did."""

from __future__ import annotations

import click

from shipway.cli.options import Common, common, output_width, run_option
from shipway.errors import UsageError


@click.command("status")
@run_option
@common
def command(common: Common, run: int | None) -> None:
    """Show the last run, or another one: images, evidence, blockers, steps done of steps planned."""
    from shipway.report.status_report import as_json, as_text
    from shipway.wiring import Workspace

    with Workspace(common.directory, common.config, common.sources, common.state) as workspace:
        status = workspace.status(run)
    if status is None:
        raise UsageError("there is no such run in the ledger", help="shipway ship makes one")
    click.echo(as_json(status) if common.as_json else as_text(status, width=output_width()), nl=False)
