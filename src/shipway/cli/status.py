"""``shipway status``: what is delivered and what the last run did."""

from __future__ import annotations

import click

from shipway.cli.options import Common, common, output_width, run_option
from shipway.errors import UsageError

_MOST_RUNS = 20


@click.command("status")
@click.option("--runs", is_flag=True, help=f"List the last {_MOST_RUNS} runs of every kind instead.")
@run_option
@common
def command(common: Common, run: int | None, runs: bool) -> None:
    """Show the last ship, or another run: images, evidence, blockers, steps done of steps planned."""
    from shipway.report.status_report import as_json, as_text, runs_json, runs_text
    from shipway.wiring import Workspace

    with Workspace(common.directory, common.config, common.sources, common.state) as workspace:
        if runs:
            found, width = workspace.runs(_MOST_RUNS), output_width()
            click.echo(runs_json(found) if common.as_json else runs_text(found, width=width), nl=False)
            return
        status = workspace.status(run)
    if status is None:
        raise UsageError(
            "there is no such run in the ledger",
            help="shipway status --runs lists them" if run else "shipway ship makes one",
        )
    click.echo(as_json(status) if common.as_json else as_text(status, width=output_width()), nl=False)
