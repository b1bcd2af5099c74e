"""``shipway doctor``: registries, credentials and engine, looked at before anything is built."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any

import click

from shipway.cli.options import Common, common, context_option, engine_option
from shipway.cli.probing import progress
from shipway.errors import UsageError

if TYPE_CHECKING:
    from shipway.flows.live.probed import OnProbed, Probed
    from shipway.wiring import Workspace


@click.command("doctor")
@engine_option
@click.option(
    "--cluster",
    is_flag=True,
    help="Look at the registries' certificates in a cluster with cert-manager instead.",
)
@context_option
@click.option("--wait-renewed", is_flag=True, help="With --cluster: look until nothing is wrong any more.")
@click.option(
    "--timeout", default="10m", show_default=True, metavar="DURATION", help="Wait for that at most so long."
)
@common
def command(common: Common, cluster: bool, wait_renewed: bool, **how: Any) -> None:
    """Look at registries, credentials and engine, all at once, and tell how to mend what is wrong.

    Nothing is left anywhere: the right to push is proven by an upload that is opened and cancelled. With
    --cluster the Certificate of each registry is compared with its address, its Secret, and what the registry
    presents. Exit code 1 when something failed.
    """
    from shipway.report.doctor_report import doctor_json, doctor_text
    from shipway.wiring import Workspace

    if not cluster and (wait_renewed or how["context"]):
        raise UsageError("--context and --wait-renewed go with --cluster")
    place = Workspace(common.directory, common.config, common.sources, common.state)
    with place as workspace, progress(not common.quiet) as on_probed:
        work = (
            _cluster(workspace, on_probed, wait_renewed, how) if cluster else _live(workspace, on_probed, how)
        )
        probed = asyncio.run(work)
    click.echo(doctor_json(probed) if common.as_json else doctor_text(probed, quiet=common.quiet), nl=False)
    if any(each.state == "failed" for each in probed):
        raise click.exceptions.Exit(1)


def _live(
    workspace: Workspace, on_probed: OnProbed, how: dict[str, Any]
) -> Coroutine[None, None, tuple[Probed, ...]]:
    from shipway.wiring.checking import LiveRequest, probe

    return probe(workspace, LiveRequest(how["engine"], on_probed))


def _cluster(
    workspace: Workspace, on_probed: OnProbed, renewed: bool, how: dict[str, Any]
) -> Coroutine[None, None, tuple[Probed, ...]]:
    from shipway.values import Duration
    from shipway.wiring.clusters import CertificatesRequest, certificates

    seconds = Duration.parse(how["timeout"]).seconds if renewed else None
    return certificates(workspace, CertificatesRequest(how["context"], seconds, on_probed))
