"""``shipway plan``: what would be built, why, and in which order."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from shipway.cli.options import (
    Common,
    PlanOptions,
    build_engine_option,
    common,
    output_width,
    plan_options,
)

if TYPE_CHECKING:
    from shipway.wiring import Workspace


@click.command("plan")
@click.option("--graph", type=click.Choice(["mermaid", "dot"]), help="Print the graph of images instead.")
@click.option("--bake", is_flag=True, help="Print a bake file for docker buildx bake instead.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["github-matrix"]),
    help="Print a job matrix a wave, as lines for GITHUB_OUTPUT, instead.",
)
@click.option("--explain", metavar="IMAGE", help="Print all that decides about this image instead.")
@build_engine_option
@plan_options
@common
def command(
    common: Common,
    options: PlanOptions,
    engine: str,
    graph: str | None,
    bake: bool,
    form: str | None,
    explain: str | None,
) -> None:
    """Show what would be built and why, wave by wave; changes nothing.

    IMAGES limits the plan to these and the bases they need.
    """
    from shipway.planning import export
    from shipway.planning.matrix import github_matrix
    from shipway.report.plan_text import plan_json, plan_text
    from shipway.wiring import Workspace

    site = Workspace(common.directory, common.config, common.sources, common.state, options.role())
    with site as workspace:
        if explain is not None:
            _explain(workspace, common, options, explain)
            return
        choices = replace(options.choices(), engine=engine)
        prepared = asyncio.run(workspace.prepare(choices, offline=options.offline))
    if graph:
        click.echo({"mermaid": export.mermaid, "dot": export.dot}[graph](prepared.plan), nl=False)
    elif form:
        prepared.require_buildable()
        click.echo(github_matrix(prepared.plan), nl=False)
    elif bake:
        click.echo(export.bake(prepared.plan, prepared.fleet), nl=False)
    elif common.as_json:
        click.echo(plan_json(prepared.plan, prepared.fleet.problems))
    else:
        click.echo(plan_text(prepared.plan, prepared.fleet.problems, workspace.source, width=output_width()))


def _explain(workspace: Workspace, common: Common, options: PlanOptions, image: str) -> None:
    from shipway.report.explain_report import explain_json, explain_text

    choices = replace(options.choices(), selection=frozenset({image}))
    explanation = asyncio.run(workspace.explain(choices, image, offline=options.offline))
    if common.as_json:
        click.echo(explain_json(explanation))
    else:
        click.echo(explain_text(explanation, width=output_width()))
