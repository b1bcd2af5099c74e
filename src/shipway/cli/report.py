"""``shipway report``: the report of a run as a file."""

from __future__ import annotations

from pathlib import Path

import click

from shipway.cli.options import Common, common, run_option
from shipway.errors import UsageError


@click.command("report")
@click.option("--format", "kind", type=click.Choice(["md", "json", "html"]), default="md", show_default=True)
@click.option(
    "-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="Write here instead of printing."
)
@run_option
@common
def command(common: Common, kind: str, output: Path | None, run: int | None) -> None:
    """Write the report of the last ship, or another run; every number is counted from the ledger."""
    from shipway.report.status_report import FORMATS
    from shipway.wiring import Workspace

    with Workspace(common.directory, common.config, common.sources, common.state) as workspace:
        status = workspace.status(run)
    if status is None:
        raise UsageError("there is no such run in the ledger", help="shipway ship makes one")
    text = FORMATS["json" if common.as_json else kind](status)
    if output is None:
        click.echo(text, nl=False)
        return
    output.write_text(text, encoding="utf-8")
    if not common.quiet:
        click.echo(f"wrote {output}")
