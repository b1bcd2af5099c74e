"""``shipway scaffold``: a service that stands in for an image without code."""

from __future__ import annotations

import click

from shipway.cli.options import Common, common


@click.command("scaffold")
@click.argument("image")
@click.option(
    "--kind",
    type=click.Choice(["python", "go", "node", "static"]),
    help="What it is written in; default: what most files here are.",
)
@click.option("--base", metavar="IMAGE", help="Build on it, for go with it; default: one that is allowed.")
@click.option("--dry-run", is_flag=True, help="Print the files, write nothing.")
@common
def command(common: Common, image: str, kind: str | None, base: str | None, dry_run: bool) -> None:
    """Write a minimal service for IMAGE, which is declared and has no code yet; nothing is overwritten.

    It has a health endpoint, a Dockerfile that needs no network beyond its base, a user that is not root, a
    HEALTHCHECK, and a label by which plan, status, reports and verify show it as a stand-in.
    """
    from shipway.flows.scaffold import plan_scaffold, write
    from shipway.report.scaffold_report import scaffold_json, scaffold_text
    from shipway.wiring import Workspace

    with Workspace(common.directory, common.config, common.sources, common.state) as workspace:
        tree = workspace.builds.tree(str(workspace.root))
        done = plan_scaffold(workspace.fleet(), tree, image, kind, base)
        done = done if dry_run else write(workspace.root, done)
    if common.as_json:
        click.echo(scaffold_json(done), nl=False)
    elif dry_run or not common.quiet:
        click.echo(scaffold_text(done), nl=False)
