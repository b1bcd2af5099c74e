"""``shipway registry gc``: garbage collection of the embedded registry."""

from __future__ import annotations

from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from shipway.cli.options import Common, common

if TYPE_CHECKING:
    from shipway.registry.server.collection import Collected


@click.command("gc")
@click.option(
    "--data",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Where images are kept; default: this fleet's embedded registry.",
)
@click.option(
    "--older-than",
    default="7d",
    show_default=True,
    metavar="DURATION",
    help="Collect what nobody used for this long; two hours at least.",
)
@click.option("--dry-run", is_flag=True, help="Print what would go, remove nothing.")
@common
def command(common: Common, data: Path | None, older_than: str, dry_run: bool) -> None:
    """Remove what no tag needs and nobody used for a while; the registry may run meanwhile.

    Images under a tag stay with everything that they need and that refers to them, and so does whatever
    was pushed, mounted or asked for by digest within the time.
    """
    from shipway.registry.server.store import Store
    from shipway.values import Duration
    from shipway.wiring import Workspace

    grace = Duration.parse(older_than).seconds
    with Workspace(common.directory, common.config, common.sources, common.state) as workspace:
        directory = data or workspace.registry_directory
    with closing(Store.existing(directory)) as store:
        collected = store.collect(grace, dry_run=dry_run)
    show = _as_json if common.as_json else _as_text
    click.echo(show(collected, dry_run), nl=False)


def _as_json(collected: Collected, dry_run: bool) -> str:
    from shipway.report.json_text import json_text

    document = {"schema": "shipway.registry-gc/1", "dry_run": dry_run, **asdict(collected)}
    return json_text(document) + "\n"


def _as_text(collected: Collected, dry_run: bool) -> str:
    from shipway.report.text import plural, size

    verb = "would remove" if dry_run else "removed"
    lines = [f"{verb} {name}" for name in (*collected.manifests, *collected.links)]
    parts = (plural(collected.files, "file"), plural(collected.uploads, "abandoned upload"))
    return "".join(f"{line}\n" for line in [*lines, f"{verb} {' and '.join(parts)}: {size(collected.size)}"])
