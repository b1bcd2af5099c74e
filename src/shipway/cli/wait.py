"""``shipway wait``: whether what was promoted runs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from shipway.cli.options import Common, common, context_option, output_width

if TYPE_CHECKING:
    from shipway.gitops.verdict import Standing


def _seconds(_ctx: click.Context, _parameter: click.Parameter, written: str) -> float:
    from shipway.values import Duration

    return Duration.parse(written).seconds


@click.command("wait")
@click.argument("images", nargs=-1, metavar="[IMAGE]...")
@click.option("--promotion", type=click.IntRange(1), metavar="RUN", help="What this run of promote did.")
@click.option("--commit", default="", metavar="SHA", help="A commit, whole.")
@click.option(
    "--repository", default="", metavar="URL", help="The repository of --commit; by default this one."
)
@click.option("--branch", metavar="NAME", help="The branch of --commit, where several are followed.")
@context_option
@click.option("-n", "--namespace", metavar="NAME", help="Look for objects of Flux in this namespace alone.")
@click.option(
    "--timeout",
    "seconds",
    default="10m",
    show_default=True,
    metavar="DURATION",
    callback=_seconds,
    help="Wait at most so long.",
)
@click.option("--no-request", "asks", flag_value=False, default=True, help="Do not ask Flux to come at once.")
@common
def command(common: Common, **wanted: Any) -> None:
    """Wait until what was promoted runs, and tell at once when it will not.

    IMAGE is one of the fleet, or REGISTRY/REPOSITORY:TAG@DIGEST; without any the last promotion counts. Flux
    is asked to reconcile the source, the Kustomizations and the HelmReleases concerned. Exit code 0: live,
    every pod runs the promoted digest; 1: failed, superseded, suspended, blocked or timed out; 3: the cluster
    cannot be reached.
    """
    from shipway.report.wait_report import wait_json, wait_text
    from shipway.wiring import Workspace
    from shipway.wiring.clusters import WaitRequest, wait_for

    request = WaitRequest(**wanted)
    with Workspace(common.directory, common.config, common.sources, common.state) as workspace:
        waited = asyncio.run(wait_for(workspace, request, _shown(common.quiet)))
    click.echo(wait_json(waited) if common.as_json else wait_text(waited, width=output_width()), nl=False)
    if waited.verdict != "live":
        raise click.exceptions.Exit(1)


def _shown(quiet: bool) -> Callable[[Standing], None]:
    """Shows each change on the way as a line of standard error."""
    from shipway.report.wait_report import standing_line

    def show(standing: Standing) -> None:
        if not quiet:
            click.echo(standing_line(standing), err=True)

    return show
