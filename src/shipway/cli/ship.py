"""``shipway ship``: build, push, read back and prove what changed."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from shipway.cli.conduct import ConductOptions, conduct_options
from shipway.cli.evidence import EvidenceOptions, evidence_options
from shipway.cli.interrupts import run_interruptibly
from shipway.cli.options import Common, PlanOptions, build_engine_option, common, output_width, plan_options

if TYPE_CHECKING:
    from shipway.planning.plan import Choices
    from shipway.wiring import Workspace


@click.command("ship")
@build_engine_option
@conduct_options
@evidence_options
@click.option("-v", "--verbose", is_flag=True, help="Show build output as it comes.")
@click.option("--no-preflight", is_flag=True, help="Build without asking first whether pushes are allowed.")
@click.option("--dry-run", is_flag=True, help="Print the plan, build nothing.")
@plan_options
@common
def command(
    common: Common,
    options: PlanOptions,
    engine: str,
    manner: ConductOptions,
    evidence: EvidenceOptions,
    verbose: bool,
    no_preflight: bool,
    dry_run: bool,
) -> None:
    """Build, push, read back and prove what changed; the tags that people pull move last.

    IMAGES limits it to these and the bases they need. Images that stand as delivered are not built.
    An image that fails stops only what builds from it; running the same command again goes on.
    Several machines share a ship: each builds one --platform, and one of them does --join; or workers build
    for one of them (--executor).
    """
    from shipway.report.console import view
    from shipway.report.status_report import as_json, as_text
    from shipway.wiring import Workspace
    from shipway.wiring.shipping import ship

    choices = replace(options.choices(), engine=engine)
    who = manner.executor.chosen(manner.jobs)
    role = options.role(hands_out=who is not None)
    site = Workspace(common.directory, common.config, common.sources, common.state, role)
    with site as workspace:
        if dry_run:
            _show_plan(workspace, common, options, choices)
            return
        with view(quiet=common.quiet, verbose=verbose, terminal=sys.stderr.isatty()) as screen:
            work = ship(
                workspace,
                choices,
                offline=options.offline,
                conduct=manner.conduct(),
                view=screen,
                preflight=not no_preflight,
                evidence=evidence.request(),
                executor=who,
            )
            shipped = run_interruptibly(work)
        status = workspace.status(shipped.run)
    if status is not None:
        click.echo(as_json(status) if common.as_json else as_text(status, width=output_width()), nl=False)
    if (error := shipped.error()) is not None:
        raise error


def _show_plan(workspace: Workspace, common: Common, options: PlanOptions, choices: Choices) -> None:
    """Print the very plan that would be carried out."""
    from shipway.report.plan_text import plan_json, plan_text

    prepared = asyncio.run(workspace.prepare(choices, offline=options.offline, pins=True))
    plan, problems = prepared.plan, prepared.fleet.problems
    if common.as_json:
        click.echo(plan_json(plan, problems))
    else:
        click.echo(plan_text(plan, problems, workspace.source, width=output_width()))
