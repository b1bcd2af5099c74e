"""``shipway init``: a fleet file from what is there."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from shipway.cli.options import Common, common
from shipway.errors import UsageError

if TYPE_CHECKING:
    from shipway.fleet.model import Fleet


@click.command("init")
@click.option("--dry-run", is_flag=True, help="Print the file, write nothing.")
@click.option("--force", is_flag=True, help="Replace a shipway.yaml that is there.")
@common
def command(common: Common, dry_run: bool, force: bool) -> None:
    """Write a commented shipway.yaml from the images that are discovered, and its schema beside it."""
    from shipway.fleet.init import render_fleet_file
    from shipway.fleet.schema import SCHEMA_FILE, schema_text
    from shipway.report.text import plural
    from shipway.wiring import Workspace

    target = common.directory / (common.config or "shipway.yaml")
    if target.exists() and not (force or dry_run):
        raise UsageError(
            f"{target} is there already", help="shipway init --dry-run prints it, --force replaces it"
        )
    with Workspace(common.directory, None, common.sources, common.state) as workspace:
        fleet = workspace.discovered()
    text = render_fleet_file(fleet)
    if not dry_run:
        target.write_text(text, encoding="utf-8")
        target.with_name(SCHEMA_FILE).write_text(schema_text(), encoding="utf-8")
    if common.as_json:
        click.echo(_as_json(target, text, fleet, written=not dry_run))
    elif dry_run:
        click.echo(text, nl=False)
    elif not common.quiet:
        found = f"{plural(len(fleet.images), 'image')}, {plural(len(fleet.problems), 'problem')}"
        click.echo(f"wrote {target} and {SCHEMA_FILE}: {found}; shipway plan shows what would be built")


def _as_json(target: Path, text: str, fleet: Fleet, *, written: bool) -> str:
    from shipway.report.json_text import json_text
    from shipway.report.problems import problem_document

    return json_text(
        {
            "schema": "shipway.init/1",
            "path": str(target),
            "written": written,
            "images": [image.name for image in fleet.images],
            "problems": [problem_document(problem) for problem in fleet.problems],
            "text": text,
        }
    )
