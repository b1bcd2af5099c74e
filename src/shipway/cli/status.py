"""``shipway status``: what is delivered, what the last run did, and what of it runs in a cluster."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import click

from shipway.cli.options import Common, common, context_option, output_width, run_option
from shipway.errors import UsageError

if TYPE_CHECKING:
    from shipway.wiring import Workspace

_MOST_RUNS = 20


@click.command("status")
@click.option("--runs", is_flag=True, help=f"List the last {_MOST_RUNS} runs of every kind instead.")
@click.option("--live", is_flag=True, help="Compare what is built, promoted, declared in git and running.")
@context_option
@click.option("-n", "--namespace", metavar="NAME", help="With --live: look for workloads in this one alone.")
@run_option
@common
def command(
    common: Common, run: int | None, runs: bool, live: bool, context: str | None, namespace: str | None
) -> None:
    """Show the last ship, or another run: images, evidence, blockers, steps done of steps planned.

    With --live the ledger, the repositories under gitops: and a cluster are compared. Exit code 1 when they
    differ.
    """
    from shipway.report.status_report import as_json, as_text, runs_json, runs_text
    from shipway.wiring import Workspace

    if live and (runs or run):
        raise UsageError("--live tells of now, --runs and --run of what was")
    if not live and (context or namespace):
        raise UsageError("--context and --namespace go with --live")
    with Workspace(common.directory, common.config, common.sources, common.state) as workspace:
        if live:
            _live(common, workspace, context, namespace)
            return
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


def _live(common: Common, workspace: Workspace, context: str | None, namespace: str | None) -> None:
    from shipway.report.abreast_report import abreast_json, abreast_text
    from shipway.wiring.clusters import status_live

    found = asyncio.run(status_live(workspace, context, namespace))
    click.echo(abreast_json(found) if common.as_json else abreast_text(found, width=output_width()), nl=False)
    if any(row.differs for row in found.rows):
        raise click.exceptions.Exit(1)
